"""What code of the project decides by that is no row: caches, threads, the time."""
import logging
import re
import types

DJANGOS_FOLDER = os.path.dirname(os.path.abspath(django.__file__)) + os.sep
STDLIB_FOLDER = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
HOURS = ("hour", "minute", "weekday", "isoweekday", "day", "month", "year", "isocalendar", "strftime", "localtime", "tm_hour", "tm_wday")
PURE = ("uuid", "logging", "re", "json", "typing", "functools", "itertools", "operator", "warnings", "inspect", "hashlib")
TIME = ("django.utils.timezone", "datetime", "time")
QUIET = ("django.contrib.auth", "django.db", "django.conf", "django.apps", "django.core.exceptions", "django.utils.translation")


def function_of(thing):
    thing = getattr(thing, "fget", None) or getattr(thing, "func", None) or thing
    return getattr(thing, "__func__", thing)


def replaced(thing):
    """FILE:LINE of a function that is not Django's, and stands in a class of Django."""
    thing = function_of(thing)
    code = thing.__code__ if isinstance(thing, types.FunctionType) else None
    if code is None or os.path.abspath(code.co_filename).startswith(DJANGOS_FOLDER):
        return None
    return "%s:%d" % (code.co_filename, code.co_firstlineno)


def outside(thing, cls=None, time=False, above=(), stays=None):
    """What a function asks besides its arguments, and where: (name, FILE:LINE) or None. stays says which global values are no such thing."""
    stays = stays or quiet
    function = function_of(thing)
    code = getattr(function, "__code__", None)
    if code is None or code in above or is_library(function):
        return None
    place = "%s:%d" % (code.co_filename, code.co_firstlineno)
    if len(above) > 8:
        return ("code that is too deep to be followed", place) if stays is quiet else None
    told = [n for n in HOURS if n in code.co_names]
    if time and told and any(not quiet(function.__globals__.get(n), False) for n in code.co_names):
        return "the %s that it is" % told[0], place
    local = imported(function)
    modules = [v for v in [local.get(n, function.__globals__.get(n)) for n in code.co_names] if inspect.ismodule(v) and stays(v, time)]
    cells = dict(zip(code.co_freevars, function.__closure__ or ()))
    for name in code.co_names + code.co_freevars:
        if name in cells:
            kind, value = outcome(lambda: cells[name].cell_contents)
        elif name in local:
            kind, value = "value", local[name]
            if value is MISSING or value is None:
                continue
        elif name in function.__globals__:
            kind, value = "value", function.__globals__[name]
        elif any(name in vars(m) for m in modules if not is_library(m)):  # MODULE.NAME
            kind, value = "value", next(vars(m)[name] for m in modules if name in vars(m) and not is_library(m))
        else:
            value = attribute(cls, name)[0] if cls is not None else None
            kind = "value"
            if stays is quiet and type(value).__module__.startswith("django.db.models.fields.related"):
                return "the rows of %s" % name, place
            if not callable(function_of(value)) or inspect.isclass(value):
                continue
        if kind == "value" and name != "__class__":
            constant = name.isupper() and isinstance(value, (list, set, dict))  # STAFF_ROLES = ["staff", "admin"]
            if not constant and not stays(value, time) or stays is quiet and changes(function, name):
                return name, place
            below = outside(value, cls, time, above + (code,), stays)
            if below:
                return below
    return None


def columns_named(thing, cls=None, above=()):
    """The fields of the user model that a function names, or one of the project that it calls."""
    function = function_of(thing)
    code = getattr(function, "__code__", None)
    if code is None or code in above or len(above) > 8 or is_library(function):
        return []
    texts = code.co_names + tuple(t for c in code.co_consts for t in (c if isinstance(c, tuple) else (c,)) if isinstance(t, str))
    found = [f for f in user_model()._meta.concrete_fields if f.name in texts or f.attname in texts]
    local, cells = imported(function), dict(zip(code.co_freevars, function.__closure__ or ()))
    for name in code.co_names + code.co_freevars:
        value = local.get(name, function.__globals__.get(name))
        if name in cells:
            value = outcome(lambda: cells[name].cell_contents)[1]
        elif value is None and cls is not None:
            value = attribute(cls, name)[0]
        if inspect.isroutine(value) or isinstance(value, property):
            found += columns_named(value, cls, above + (code,))
    for inner in code.co_consts:  # a lambda, a comprehension
        if isinstance(inner, types.CodeType):
            found += [f for f in user_model()._meta.concrete_fields if f.name in inner.co_names or f.attname in inner.co_names]
    return found


def still(value, time):
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


def changes(function, name):
    """Whether some function of its module gives a global another value."""
    source = outcome(lambda: inspect.getsource(sys.modules[function.__module__]))[1]
    return re.search(r"(?m)^\s+global\s.*\b%s\b" % re.escape(name), source) is not None


def is_library(thing):
    """Whether the code of a thing is Django's or Python's own."""
    function = function_of(thing)
    code = thing if isinstance(thing, types.CodeType) else getattr(function, "__code__", None)
    module = thing if inspect.ismodule(thing) else sys.modules.get(getattr(thing, "__module__", None) or "")
    file = code.co_filename if code is not None else getattr(module, "__file__", None)
    if file is not None:
        if file.startswith("<frozen "):
            return True
        file = os.path.abspath(file)
        return file.startswith(DJANGOS_FOLDER) or file.startswith(STDLIB_FOLDER) and "-packages" not in file or "/asgiref/" in file
    name = (getattr(thing, "__module__", None) or "").split(".")[0]
    return name in ("django", "asgiref", "builtins", "__builtin__", "") or name in PURE + TIME


def quiet(value, time):
    """Whether a global value is one that stays: a class, a function, a constant, a module without a state."""
    name = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", None) or ""
    if not time and name in TIME:
        return False
    if inspect.ismodule(value):
        place = getattr(value, "__file__", None) or "/lib/python"
        known = name in PURE + TIME or name.startswith(QUIET)
        return known or not name.startswith("django.") and "/lib/python" not in place
    if inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, (property, logging.Logger)):
        return not name.startswith(("django.core.cache", "random"))
    if value is settings or value is None or isinstance(value, (str, bytes, int, float, tuple, frozenset, bool)):
        return True
    return name.split(".")[0] in ("django", "typing", "re") and not name.startswith(("django.core", "django.utils.connection"))
