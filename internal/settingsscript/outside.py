"""What code of the project decides by that is no row: caches, threads, the time."""
import logging
import types

DJANGOS_FOLDER = os.path.dirname(os.path.abspath(django.__file__)) + os.sep
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


def outside(thing, cls=None, time=False, depth=4):
    """What a function asks besides its arguments, and where: (name, FILE:LINE) or None."""
    function = function_of(thing)
    code = getattr(function, "__code__", None)
    if code is None or depth == 0 or os.path.abspath(code.co_filename).startswith(DJANGOS_FOLDER):
        return None
    cells = dict(zip(code.co_freevars, function.__closure__ or ()))
    for name in code.co_names + code.co_freevars:
        if name in cells:
            kind, value = outcome(lambda: cells[name].cell_contents)
        elif name in function.__globals__:
            kind, value = "value", function.__globals__[name]
        elif name in sys.modules and "." in name:  # an import within the function
            kind, value = "value", sys.modules[name]
        else:
            kind, value = "value", attribute(cls, name)[0] if cls is not None else None
            if not callable(function_of(value)) or inspect.isclass(value):
                continue
        if kind == "value" and name != "__class__":
            constant = name.isupper() and isinstance(value, (list, set, dict))  # STAFF_ROLES = ["staff", "admin"]
            if not constant and not quiet(value, time):
                return name, "%s:%d" % (code.co_filename, code.co_firstlineno)
            below = outside(value, cls, time, depth - 1) if value is not thing else None
            if below:
                return below
    return None


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
