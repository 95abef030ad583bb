"""What runs between a cookie and its user, where it is not Django's own code: what a project has put in the place of Django's, and what is on the way."""

import gc

# Modules of Django that a verdict goes through, and the classes that matter, if not all.
ROAD = (
    ("django.contrib.auth", None),
    ("django.contrib.auth.backends", None),
    ("django.contrib.auth.base_user", None),
    ("django.contrib.auth.middleware", ("AuthenticationMiddleware", "get_user", "auser")),
    ("django.contrib.auth.models", None),
    ("django.contrib.sessions.middleware", None),
    ("django.contrib.sessions.base_session", None),
    ("django.contrib.sessions.models", None),
    ("django.contrib.sessions.serializers", None),
    ("django.core.handlers.wsgi", ("WSGIRequest", "get_bytes_from_wsgi", "get_str_from_wsgi")),
    ("django.core.signing", None),
    ("django.db.models.base", ("Model",)),
    ("django.db.models.manager", None),
    ("django.db.models.query", ("QuerySet", "ModelIterable")),
    ("django.http.cookie", None),
    ("django.utils.crypto", ("salted_hmac", "constant_time_compare")),
    ("django.utils.functional", ("LazyObject", "SimpleLazyObject", "new_method_proxy")),
    ("django.utils.timezone", ("now",)),
)
# What stands in these modules, and runs at no time on the way.
ASIDE = (
    "login logout authenticate update_session_auth_hash _clean_credentials get_permission_codename get_backends with_perm save create delete "
    "clear_expired cycle_key set_expiry set_password check_password create_user create_superuser make_random_password set_unusable_password "
    "has_usable_password email_user get_full_name get_short_name clean natural_key __str__ __repr__ full_clean validate_unique save_base "
    "bulk_create bulk_update update get_or_create update_or_create create_model_instance create_permissions __reduce__ __deepcopy__ __copy__ "
    "__class_getitem__ set_test_cookie test_cookie_worked delete_test_cookie process_response explain raw serializable_value"
).split()
# Packages that watch Django's functions from within, or hold its settings, and change nothing of what they return.
WATCHERS = (
    "sentry_sdk", "ddtrace", "newrelic", "opentelemetry", "elasticapm", "scout_apm", "appsignal", "debug_toolbar", "silk", "wrapt", "rollbar",
    "strawberry_django", "dynaconf",
)
CACHES_OF_ROWS = ("cacheops", "cachalot")
SPECIAL = ("__getattribute__", "__getattr__", "__setattr__", "__init__", "__new__", "from_db", "refresh_from_db")


def package_of(thing):
    code = getattr(function_of(thing), "__code__", None)
    if code is not None:
        return next((w for w in WATCHERS + CACHES_OF_ROWS if "/%s/" % w in code.co_filename.replace(os.sep, "/")), None)
    return (getattr(type(thing), "__module__", None) or "").split(".")[0]


def not_djangos(thing):
    """FILE:LINE of what stands in the place of something of Django's; None if it is Django's, or only watches it."""
    for _ in range(10):
        function = function_of(thing)
        code = getattr(function, "__code__", None)
        if isinstance(thing, functools.partial):
            return path_of(thing.func) + ", with arguments of the project"
        if code is None and inspect.isclass(thing):
            return None if is_djangos(thing) or is_library(thing) else where(thing)
        if code is not None and is_library(function):
            return None
        inner = getattr(function, "__wrapped__", None)
        if package_of(function) in WATCHERS:
            if inner is None and code is not None:
                cells = [outcome(lambda: c.cell_contents)[1] for c in function.__closure__ or ()]
                kept = [function.__globals__.get(n) for n in code.co_names]  # original = QuerySet._clone
                inner = next((c for c in cells + kept if inspect.isroutine(c) and is_library(c)), None)
            if inner is None:
                return where(function)
        elif code is None:
            kind = (getattr(type(thing), "__module__", None) or "").split(".")[0]
            if kind in ("django", "builtins", "__builtin__", "functools", "asgiref", "operator") and inner is None:
                return None if not callable(thing) or is_library(thing) else path_of(thing)
            if inner is None:
                return path_of(type(thing))
        else:
            return "%s:%d" % (code.co_filename, code.co_firstlineno)
        thing = inner
    return where(thing)


def replaced_in(module, only):
    """Names of a module of Django, and of its classes, under which there is something else than its source has."""
    with open(inspect.getsourcefile(module), "rb") as f:
        tree = ast.parse(f.read())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django"):
            for alias in node.names:
                yield alias.asname or alias.name, vars(module).get(alias.asname or alias.name)
        name = getattr(node, "name", None)
        if name is None or name in ASIDE or name.lstrip("a") in ASIDE or only and name not in only:
            continue
        found = vars(module).get(name)
        yield name, found
        if isinstance(node, ast.ClassDef) and inspect.isclass(found):
            for method in [n.name for n in node.body if hasattr(n, "name")] + added(found):
                if method not in ASIDE and method[:1] + method[2:] not in ASIDE and not (method[:1] == "a" and method[1:] in ASIDE):
                    yield name + "." + method, vars(found).get(method)


def added(cls):
    """What stands in the way of an attribute of a base, and what is asked before all attributes."""
    fields = [f.attname for f in cls._meta.concrete_fields] if hasattr(cls, "_meta") and hasattr(cls._meta, "concrete_fields") else []
    return [n for n, v in vars(cls).items() if n in SPECIAL or n in fields or any(n in vars(b) for b in cls.__mro__[1:]) and callable(function_of(v))]


def read_replaced(report):
    """Functions and methods of Django that the project has replaced."""
    engines = [c.__module__ for c in store_class().__mro__ if is_djangos(c) and c is not object]
    for path, only in ROAD + tuple((e, None) for e in engines):
        kind, module = outcome(lambda: __import__(path, {}, {}, ["x"]))
        if kind == "error":
            continue
        for name, found in replaced_in(module, only):
            known = found is None or found is settings and package_of(found) in WATCHERS  # the settings that are read here
            place = None if known else not_djangos(found)
            if place and package_of(found) in CACHES_OF_ROWS:
                report.add(report.stricter, "Django may read users by way of %s, which is behind the tables at times" % package_of(found))
            elif place:
                report.add(report.impossible, "the project has replaced %s.%s, by which Django finds users: %s" % (path, name, place))
    read_request_classes(report)
    read_servers(report)


def read_request_classes(report):
    """What a middleware sets on each request has no effect behind a property of the class."""
    from django.core.handlers import wsgi
    from django.http import HttpRequest

    kind, asgi = outcome(lambda: __import__("django.core.handlers.asgi", {}, {}, ["x"]))
    for cls in [HttpRequest, wsgi.WSGIRequest] + ([asgi.ASGIRequest] if kind == "value" else []):
        for name in HOLDS:
            if name in vars(cls) and not_djangos(vars(cls)[name]):
                report.add(report.impossible, "the project has put %s on %s: %s" % (name, path_of(cls), not_djangos(vars(cls)[name])))


def read_user_class(report):
    """What the user model does whenever a user is loaded or an attribute is asked for."""
    model = user_model()
    for name in ("__getattribute__", "__getattr__", "__new__", "is_authenticated", "is_anonymous", "from_db", "__class__"):
        if overridden(model, name):
            read = "the user model has its own %s, which decides what Django sees of a user: %s" % (name, overridden(model, name))
            report.unless("%s.%s" % (path_of(model), name), read, AS_COLUMNS)
    for name, column in (("password", "PASSWORD"), ("is_active", "ACTIVE")):
        field = field_of(model, name)
        if field is not None and own_reading(model, field):
            report.add(report.impossible, "%s of the user model is not what its column has: %s" % (name, own_reading(model, field)))
    for name, setting_name in ((model.USERNAME_FIELD, "USERNAME"), ("email", "EMAIL"), ("is_staff", "STAFF"), ("is_superuser", "SUPERUSER")):
        field = field_of(model, name)
        if field is not None and own_reading(model, field):
            leave_out(report, name, setting_name, own_reading(model, field))
    if overridden(model, "get_username") and not is_username(model):
        leave_out(report, "get_username()", "USERNAME", overridden(model, "get_username"))


def is_username(model):
    """Whether get_username() is what the column has."""
    user = unsaved(model)
    for text in (u"Ab c", u"\xe9", u""):
        user.__dict__[field_of(model, model.USERNAME_FIELD).attname] = text
        if outcome(user.get_username) != ("value", text):
            return False
    return True


def leave_out(report, name, setting_name, place):
    """What is known of a user without an attribute that its column does not have."""
    report.settings = [p for p in report.settings if p[0] != "DJANGO_AUTH_USER_%s_COLUMN" % setting_name]
    report.set("DJANGO_AUTH_USER_%s_COLUMN" % setting_name, "-")
    report.add(report.stricter, "%s of a user is not known, since it is not what its column has: %s" % (name, place))


def own_reading(model, field):
    """FILE:LINE of what turns the value of a column into another."""
    for name in ("from_db_value", "get_db_converters", "contribute_to_class", "get_attname"):
        if overridden(type(field), name):
            return overridden(type(field), name)
    if hasattr(field, "descriptor_class") and not is_djangos(field.descriptor_class):
        return where(field.descriptor_class)
    found = attribute(model, field.attname)[0]
    if found is not None and not isinstance(found, (bool, int, str)) and not is_djangos(type(found)):
        return where(type(found))
    return None


AS_COLUMNS = "a user's key, password and is_active are what their columns have, at all times"


def path_of_function(function):
    return "%s.%s" % (function.__module__, getattr(function, "__qualname__", function.__name__))


class Road(object):
    """Remembers which functions run meanwhile that are neither Django's nor Python's, nor part of a database or a cache."""

    BELOW = tuple(DJANGOS_FOLDER + os.path.join(*p) + os.sep for p in (("db", "backends"), ("db", "models", "sql"), ("core", "cache")))

    def __init__(self):
        self.found, self.depth, self.begun, self.done = [], 0, False, False
        # What is judged by its effect, in flags.py.
        model = user_model()
        judged = [attribute(model, name)[0] for name in ("is_active", "is_staff", "is_superuser")]
        judged.append(getattr(type(model._default_manager), "get_queryset", None))
        self.judged = [getattr(function_of(f), "__code__", None) for f in judged]

    def __enter__(self):
        self.before = sys.getprofile()
        sys.setprofile(self.see)
        return self

    def __exit__(self, *error):
        sys.setprofile(self.before)

    def see(self, frame, event, arg):
        if not self.begun:  # the session is being made
            self.begun = event == "call" and here(frame) and frame.f_code.co_name == "request_through"
        if self.done or not self.begun:
            return
        if event == "return":
            self.depth -= 1 if self.depth else 0
            self.done = here(frame) and frame.f_code.co_name == "view"  # the user is known
        elif event == "call" and self.depth:
            self.depth += 1
        elif event == "call":
            code = frame.f_code
            if code.co_filename.startswith(self.BELOW) or code in self.judged or self.is_cache(frame):
                self.depth = 1
            elif code.co_filename[:1] != "<" and not is_library(code) and not here(frame):
                around = [frame.f_locals.get(n) for n in code.co_freevars]
                if not any(c is code and same(around, v) for c, v in self.found):
                    self.found.append((code, around))

    def is_cache(self, frame):
        from django.core.cache.backends.base import BaseCache

        return issubclass(type(frame.f_locals.get("self")), BaseCache)  # isinstance() would set request.user up, unseen


def here(frame):
    """Whether a function is this program's."""
    return frame.f_globals is globals()


def same(some, others):
    return all(a is b for a, b in zip(some, others))


def functions_of(code, around):
    """The functions that run this code with these variables around them, since the wrappers of a decorator share their code; all where one of the variables has another value by now."""
    found = [f for f in gc.get_referrers(code) if inspect.isfunction(f)]
    cells = [[outcome(lambda: c.cell_contents)[1] for c in f.__closure__ or ()] for f in found]
    return [f for f, values in zip(found, cells) if same(values, around)] or found


def read_road(report, road):
    """Code of the project that Django runs on the way to a user, and what it decides by."""
    known = [import_of(p).__module__ for p in settings.AUTHENTICATION_BACKENDS if known_backend(p) or p in ACCEPTED]  # noqa: F821
    engine = settings.SESSION_ENGINE.split(".")[0] if settings.SESSION_ENGINE in PACKAGES else None
    for code, around in road.found:
        for function in functions_of(code, around):
            module = function.__module__ or ""  # none where exec() had no __name__
            if module in known or module.split(".")[0] == engine or package_of(function) in WATCHERS:
                continue
            read_changes(report, function)
            asks = outside(function)
            if not asks:
                continue
            text = "%s (%s:%d), which Django runs on the way to a user, decides by %s" % (function.__name__, code.co_filename, code.co_firstlineno, asks[0])
            if code.co_name == "db_for_read" and asks[0] in ("random", "choice"):
                report.add(report.remarks, text + ": all the databases must have the same rows")
            else:
                report.unless(path_of_function(function), text + ": " + asks[1], "it changes nothing of who is logged in, at all times")


def read_changes(report, function):
    """What a function does to a user who has just been loaded: __init__, a receiver of post_init, a get_user()."""
    model = user_model()
    source = source_of(function.__code__)
    place = "%s:%d" % (function.__code__.co_filename, function.__code__.co_firstlineno)
    changed = set()
    for node in ast.walk(source[2]) if source else ():
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            changed.add(node.attr)
        elif isinstance(node, ast.Call) and name_of(node) in ("setattr", "__setattr__", "delattr"):
            texts = [constant_text(a, function) for a in node.args[:2]]
            changed.add(([t for t in texts if isinstance(t, str)] + ["__dict__"])[0])
        elif isinstance(node, ast.Attribute) and node.attr == "__dict__" or isinstance(node, ast.Call) and name_of(node) == "vars":
            changed.update(texts_in(source[2]))
    for name in ("is_active", "password", "pk", model._meta.pk.name, model._meta.pk.attname, "__dict__", "__class__"):
        if name in changed:
            what = "attributes whose names this program cannot tell" if name == "__dict__" else name
            report.unless(path_of_function(function), "%s, which Django runs on the way to a user, may change %s: %s" % (function.__name__, what, place), AS_COLUMNS)
            return
    for name, setting_name in ((model.USERNAME_FIELD, "USERNAME"), ("email", "EMAIL"), ("is_staff", "STAFF"), ("is_superuser", "SUPERUSER")):
        if name in changed and field_of(model, name) is not None:
            leave_out(report, name, setting_name, place)


def literal_of(node):
    """The value of a literal, in every Python, and None of anything else."""
    return getattr(node, "s", getattr(node, "value", None))


def constant_text(node, function):
    """The text of an expression: a literal, or a constant of the function's module."""
    code = function.__code__
    if isinstance(node, ast.Name) and node.id.isupper() and node.id not in code.co_varnames + code.co_cellvars + code.co_freevars:
        return function.__globals__.get(node.id)
    return literal_of(node)


def texts_in(tree):
    return [t for t in (literal_of(n) for n in ast.walk(tree)) if isinstance(t, str)]


def import_of(path):
    from django.utils.module_loading import import_string

    return import_string(path)
