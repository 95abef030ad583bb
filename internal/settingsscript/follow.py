"""What the source of a middleware does with whoever is logged in: each function is read once, and all that gets the request from it."""


class Event(object):
    """Something that a middleware does to a login: where, and by which attributes of the user it decides."""

    def __init__(self, kind, place, text, by):
        self.kind, self.place, self.text, self.by = kind, place, text, by

    def __str__(self):
        return "%s:%d has %s" % (self.place + (self.text[:80],))


OF_SESSIONS = ("SESSION_", "SECRET_KEY", "AUTH", "SIGNING", "USE_TZ")  # settings


def decides(name):
    """Whether a setting has a part in finding a session and its user."""
    return name.startswith(OF_SESSIONS + ("CACHE", "DATABASE", "MIDDLEWARE", "_wrapped"))


def stand_in(request):
    """Stands for get_response, under whatever name a middleware keeps it."""


RETURNED = {}


def returned_by(code):
    """The attributes and the names in what a function returns. It is asked of all that is called, and so remembered."""
    key = (getattr(code, "co_filename", ""), code)
    if key not in RETURNED:
        attributes, names, source = set(), set(), source_of(code)
        for node in ast.walk(source[2]) if source else ():
            for n in ast.walk(node.value) if isinstance(node, ast.Return) and node.value is not None else ():
                if isinstance(n, ast.Attribute):
                    attributes.add(n.attr)
                elif isinstance(n, ast.Name):
                    names.add(n.id)
                elif isinstance(n, ast.Call) and name_of(n) == "getattr":
                    attributes.update(texts_in(n))
        RETURNED[key] = attributes, names
    return RETURNED[key]


class Follower(object):
    """Reads a middleware, and all code that gets the request from it."""

    def __init__(self, nobody=("is_authenticated",), by_settings=True):
        self.events, self.unread, self.seen = [], [], {}
        self.by_settings, self.settings = by_settings, set()  # whether code is passed over that settings turn off, and by which
        self.attributes = set(OF_REQUEST)  # that hold the request
        self.kept = set()  # global names, and tables, that hold it
        self.outside = False  # whether it was kept where functions find it that do not get it
        self.onward = set()  # what functions that make a middleware call their get_response
        self.depth, self.later = 0, []  # calls within calls; what is read when those before it have been, for Python's stack ends
        self.nobody = nobody  # attributes of which one that is false says that nobody is logged in

    def middleware(self, item):
        kind, made = outcome(lambda: item(stand_in)) if inspect.isclass(item) else ("", None)
        if inspect.isfunction(item):
            self.onward.update(item.__code__.co_varnames[: item.__code__.co_argcount][:1])
        self.whole(item, made if kind == "value" else None, True)
        for arguments in self.later:  # it grows meanwhile
            self.read(*arguments)

    def once(self, instance, *read):
        """Whether this has not been read yet. Functions that a decorator makes share their code, and instances of a class their methods."""
        instance = instance.cls if isinstance(instance, Made) else instance
        key = (id(instance),) + read
        new = key not in self.seen
        self.seen[key] = instance  # so that no other gets its id
        return new

    def whole(self, thing, instance, by_django=False):
        """A class with its bases, or a function, whose arguments may all be the request. Django makes a middleware of get_response."""
        if not self.once(instance, thing, by_django):
            return
        if not inspect.isclass(thing):
            if inspect.isfunction(function_of(thing)):
                return self.function(function_of(thing), None, (), False, instance)
            return None if is_library(thing) else self.unread.append(getattr(thing, "__name__", type(thing).__name__))
        instance = Made(thing) if instance is None else instance
        own = [c for c in thing.__mro__ if not is_djangos(c) and not is_library(c)]
        methods = [(n, function_of(v)) for c in own for n, v in list(vars(c).items()) if inspect.isfunction(function_of(v))]
        for name, function in sorted(methods, key=lambda m: m[0] != "__init__"):
            djangos = any(name in vars(c) for c in thing.__mro__ if is_djangos(c) and c is not object)
            entry = djangos or name.startswith("process_") or name in ("__call__", "__acall__", "__init__")
            given = frozenset() if by_django and name == "__init__" else None if entry else frozenset((n, "request") for n in OF_REQUEST)
            self.function(function, given, (), False, instance)

    def function(self, function, tainted, by, anonymous, instance=None):
        """Each code of a function, and of what decorates it."""
        while True:
            if not self.once(instance, function, tainted, by, anonymous):
                return
            if len(self.seen) > 4000:
                return self.lost("too much code to follow", function)
            source = source_of(function.__code__)
            if source is None:
                if not is_library(function) and function.__name__ not in GENERATED:
                    self.unread.append(function.__name__)
            else:
                self.read(function, source, tainted, by, anonymous, instance)
            inner = getattr(function, "__wrapped__", None)
            if not inspect.isfunction(inner) or is_library(inner):
                return
            function, tainted = inner, None

    def read(self, *arguments):
        if self.depth > 25:
            self.later.append(arguments)
            return
        self.depth += 1
        try:
            Body(self, *arguments).read()
        finally:
            self.depth -= 1

    def returns_request(self, function):
        """Whether a function returns what keeps the request."""
        attributes, names = returned_by(code_of(function))
        return bool(attributes & self.attributes or names & self.kept)

    def lost(self, text, function):
        self.events.append(Event(LOST, (function.__code__.co_filename, function.__code__.co_firstlineno), text, ()))
