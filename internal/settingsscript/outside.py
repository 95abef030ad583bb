"""What code of the project decides by that is no row: caches, threads, the time."""
import logging
import re
import types

DJANGOS_FOLDER = os.path.dirname(os.path.abspath(django.__file__)) + os.sep
STDLIB_FOLDER = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
PURE = ("uuid", "logging", "re", "json", "typing", "functools", "itertools", "operator", "warnings", "inspect", "hashlib")
TIME = ("django.utils.timezone", "datetime", "time")


def function_of(thing):
    """The function of a property or a method. What is imported when it is asked (six.moves), and cannot be, stays as it is."""

    def inner():
        found = getattr(thing, "fget", None) or getattr(thing, "func", None) or thing
        return getattr(found, "__func__", found)

    kind, found = outcome(inner)
    return thing if kind == "error" else found


def code_of(function):
    """The code of a function, None for anything else, also for what answers each attribute."""
    code = getattr(function, "__code__", None)
    return code if isinstance(code, types.CodeType) else None


def replaced(thing):
    """FILE:LINE of a function that is not Django's, and stands in a class of Django."""
    thing = function_of(thing)
    code = thing.__code__ if isinstance(thing, types.FunctionType) else None
    if code is None or os.path.abspath(code.co_filename).startswith(DJANGOS_FOLDER):
        return None
    return "%s:%d" % (code.co_filename, code.co_firstlineno)


def outside(thing):
    """What a function asks that may be another in another moment or process, and where: (name, FILE:LINE) or None."""
    for function, asked in followed(thing):
        code = function.__code__
        place = "%s:%d" % (code.co_filename, code.co_firstlineno)
        for name, value in asked:
            constant = name.isupper() and isinstance(value, (list, set, dict))  # STAFF_ROLES = ["staff", "admin"]
            if value is MISSING or not constant and not still(value):
                return name, place
    return None


def followed(thing):
    """A function, and all functions of the project that it asks: each with what it asks for, as asked_by says."""
    todo, seen = [thing], {}
    while todo:
        function = function_of(todo.pop(0))
        code = code_of(function)
        if code is None or id(function) in seen or is_library(function):
            continue
        seen[id(function)] = function  # not its code, which the wrappers of one decorator share
        asked = list(asked_by(function, code))
        yield function, asked
        todo += [value for _, value in asked]


def asked_by(function, code):
    """The names that a function asks for beside its own, and their values. MISSING is what asks the outside by itself."""
    local = imported(function)
    modules = [v for v in [local.get(n, function.__globals__.get(n)) for n in code.co_names] if inspect.ismodule(v) and not is_library(v)]
    cells = dict(zip(code.co_freevars, function.__closure__ or ()))
    for name in code.co_names + code.co_freevars:
        kind, value = "value", None
        if name in cells:
            kind, value = outcome(lambda: cells[name].cell_contents)
        elif name in local:
            value = None if local[name] is MISSING else local[name]
        elif name in function.__globals__:
            value = function.__globals__[name]
        elif any(name in vars(m) for m in modules):  # MODULE.NAME
            value = next(vars(m)[name] for m in modules if name in vars(m))
        elif name in ("open", "exec", "eval", "input", "globals"):
            value = MISSING
        if kind == "value" and value is not None and name != "__class__":
            yield name, value


def still(value):
    """Whether a global value is none of those by which the same row may be judged otherwise in another moment or process."""
    name = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", None) or ""
    kind = type(value).__module__ + "." + type(value).__name__
    if inspect.ismodule(value):
        return name not in ("os", "random", "secrets", "time", "datetime", "socket", "requests", "django.core.cache", "django.utils.timezone")
    if isinstance(value, (list, set, dict)):
        return "-packages" in (getattr(sys.modules.get(name), "__file__", None) or "-packages")
    return (
        not name.startswith(("django.core.cache", "random", "secrets", "datetime", "time", "django.utils.timezone"))
        and kind not in ("_thread._local", "thread._local", "asgiref.local.Local", "_contextvars.ContextVar", "os._Environ")
        and not kind.startswith(("django.core.cache", "django.utils.connection"))
    )


LIBRARIES = {}


def is_library(thing):
    """Whether the code of a thing is Django's or Python's own."""
    function = function_of(thing)
    code = thing if isinstance(thing, types.CodeType) else code_of(function)
    module = thing if inspect.ismodule(thing) else sys.modules.get(getattr(thing, "__module__", None) or "")
    file = code.co_filename if code is not None else getattr(module, "__file__", None)
    if file is not None:
        if file not in LIBRARIES:
            path = os.path.abspath(file)
            django_or_python = path.startswith(DJANGOS_FOLDER) or path.startswith(STDLIB_FOLDER) and "-packages" not in path
            LIBRARIES[file] = file.startswith("<frozen ") or django_or_python or "/asgiref/" in path
        return LIBRARIES[file]
    name = (getattr(thing, "__module__", None) or "").split(".")[0]
    return name in ("django", "asgiref", "builtins", "__builtin__", "") or name in PURE + TIME or name in sys.builtin_module_names


MOVES = r"(?m)^\s+global\s.*\b%(n)s\b|\.%(n)s\s*[-+|]?=[^=]|\b%(n)s\s*\.\s*(append|add|update|extend|insert|remove|discard|pop|clear|setdefault)\(|\b%(n)s\[[^\]]*\]\s*=[^=]|setattr\([^)]*\b%(n)s\b"
SOURCES = {}


def moves(name, module):
    """Whether some module of the package gives a global, or an attribute, of this name another value."""
    package = (module or "").split(".")[0]
    if package not in SOURCES:
        modules = [m for n, m in list(sys.modules.items()) if n.split(".")[0] == package and inspect.ismodule(m) and not is_library(m)]
        SOURCES[package] = [s for kind, s in [outcome(lambda: inspect.getsource(m)) for m in modules] if kind == "value"]
    found = re.compile(MOVES % {"n": re.escape(name)})
    return any(name in s and found.search(s) for s in SOURCES[package])
