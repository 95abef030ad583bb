"""To what other code one function of a middleware hands the request, in whatever words."""
import weakref

TABLES = (list, tuple, set, frozenset, dict)
DECORATORS = ("django.contrib.auth.decorators", "django.contrib.admin.views.decorators")


def views_of(function):
    """What a decorator calls its view: the one argument of a function in it."""
    a = function.args
    names = [getattr(n, "arg", getattr(n, "id", None)) for n in getattr(a, "posonlyargs", []) + a.args]
    return names if len(names) == 1 and names[0] not in OF_REQUEST else []


def names_of(function):
    """The arguments of a function that have a name."""
    code = function.__code__
    return list(code.co_varnames[: code.co_argcount + getattr(code, "co_kwonlyargcount", 0)])


def rest_of(function):
    """What a function calls its **kwargs; None where it has none."""
    code = function.__code__
    return code.co_varnames[len(names_of(function)) + (code.co_flags >> 2 & 1)] if code.co_flags & 8 else None


def same_package(thing, function):
    return (thing.__module__ or "").split(".")[0] == (function.__module__ or "").split(".")[0]


def held_by(value):
    """The functions of the project that a decorator which is not the project's has within."""
    cells = [outcome(lambda: c.cell_contents)[1] for c in getattr(value, "__closure__", None) or ()] if inspect.isfunction(value) else []
    registry = getattr(value, "registry", None)  # of singledispatch
    held = [getattr(value, "__wrapped__", None)] + cells + (list(registry.values()) if hasattr(registry, "values") else [])
    return [f for n, f in enumerate(held) if inspect.isfunction(f) and not is_library(f) and not any(f is g for g in held[:n])]


def receivers_of(signal):
    found = [entry[1]() if isinstance(entry[1], weakref.ReferenceType) else entry[1] for entry in signal.receivers]
    return [receiver for receiver in found if receiver is not None]


def sets_a_setting(value):
    """Whether a function of the project gives a setting of Django another value that decides about sessions, though it gets no request."""
    function = function_of(value)
    source = source_of(code_of(function)) if inspect.isfunction(function) and not is_library(function) else None
    stored = [n for n in ast.walk(source[2]) if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)] if source else []
    changed = [n.value for n in stored if decides(n.attr)]
    names = Imports(function) if changed else None
    return any(isinstance(n, ast.Name) and names.local.get(n.id, function.__globals__.get(n.id)) is settings for n in changed)


class Handing(Effects):
    """One function: what gets the request from it is read too."""

    def follow(self, node, name):
        from django.dispatch import Signal

        value = self.resolve(node.func)
        if isinstance(node.func, ast.Call) and name_of(node.func) in WRAPS:
            value = self.resolve(node.func.args[0]) if node.func.args else MISSING
        arguments, owner = list(node.args), getattr(node.func, "value", None)
        if (name in WRAPS or value is map or value is filter) and arguments:
            value, arguments = self.resolve(arguments[0]), arguments[1:]
        if self.answers(value):
            self.event(REFUSES, node)
            return
        if name in ("get_object_or_404", "get_list_or_404") and any(self.of_user(a) for a in arguments + [k.value for k in node.keywords]):
            self.event(REFUSES, node, ("()",))
            return
        if name.startswith(("send", "asend")) and isinstance(node.func, ast.Attribute):
            signal = self.resolve(node.func.value)
            value = receivers_of(signal) if isinstance(signal, Signal) else value
        if isinstance(node.func, ast.Subscript):  # a table of functions
            table = self.resolve(node.func.value)
            if isinstance(table, TABLES) and table:
                return self.enter(table, arguments, node)
        given = [a for a in arguments + [k.value for k in node.keywords] if self.kind_of(a)]
        kept = value is stand_in or value is MISSING and isinstance(node.func, ast.Name) and name in self.follower.onward
        mine = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("self", "cls")
        first = arguments[0] if arguments else None
        following = kept or name in ONWARD[:2] and (mine or isinstance(node.func, ast.Name))
        base = name in ("__call__", "__acall__") and isinstance(owner, ast.Call) and name_of(owner) == "super"
        following = following or base and isinstance(first, (ast.Call, ast.IfExp)) and self.of_request(first)
        if following and first is not None and type(first).__name__ != "Starred" and not self.is_request(first):
            self.event(LOST, node)  # another request
        wrapped = isinstance(node.func, ast.Name) and self.views_in(self.means.get(name))
        others = name not in ONWARD if value is MISSING else is_library(value)
        if others and name not in ("getattr", "isinstance") + SETTERS and any(self.kind_of(a) == "request" for a in given):
            self.hands(node)
        if kept or name in ONWARD and not wrapped or name == "super":
            return
        if not given and not mine:
            beside = self.follower.outside and inspect.isfunction(function_of(value)) and same_package(value, self.function)
            return self.enter(value, arguments, node) if beside else self.event(ENDS, node) if sets_a_setting(value) else None
        if value is MISSING or type(value).__name__ == "cached_property":
            whole = [a for a in given if self.is_request(a)]
            maker = node.func if isinstance(node.func, ast.Call) else getattr(node.func, "value", None)
            onward = maker is node.func or isinstance(maker, ast.Call) and name_of(maker) in ("super",) + ONWARD
            own = isinstance(node.func, ast.Attribute) and (self.of_request(node.func) or self.of_user(node.func))
            if whole and (self.decorated(node) or self.by_computed_name(node, arguments)):
                return
            if not whole or onward or own:
                return
            known = isinstance(node.func, ast.Attribute) and not self.by_getter(node.func)
            found = methods_named(name, self.function) if known else None
            if found is None:
                self.event(LOST, node)
            for one in found or ():
                self.enter(one, arguments, node)
            return
        self.enter(value, arguments, node)

    def hands(self, node):
        """What is handed to other code with the request, and is called there: Thread(target=look, args=(request,)), pool.submit(look, request)."""
        for a in node.args + [k.value for k in node.keywords]:
            for one in getattr(a, "elts", None) or [a]:
                value = self.resolve(one) if isinstance(one, (ast.Name, ast.Attribute, ast.Lambda)) else MISSING
                if inspect.isfunction(function_of(value)) and not is_library(value):
                    mine = isinstance(one, ast.Attribute) and getattr(one.value, "id", "") == "self"
                    self.follower.function(function_of(value), None, self.by, self.anonymous, self.instance if mine else None)

    def by_computed_name(self, node, arguments):
        """getattr(ACTIONS, "do_" + name)(request) may be any of them. Whether it is such a call."""
        func = self.means.get(node.func.id) if isinstance(node.func, ast.Name) else node.func
        if not isinstance(func, ast.Call) or name_of(func) != "getattr" or len(func.args) < 2 or self.text(func.args[1]) is not None:
            return False
        owner = self.resolve(func.args[0])
        cls = owner if inspect.isclass(owner) else owner.cls if isinstance(owner, Made) else type(owner)
        found = [vars(owner)] if inspect.ismodule(owner) else [vars(c) for c in cls.__mro__]
        found = [v for names in found for v in names.values() if inspect.isfunction(function_of(v)) and not is_library(v)]
        if owner is MISSING or len(found) > 60:
            self.event(LOST, node)
            return True
        for one in found:
            self.enter(one, arguments, node)
        return True

    def decorated(self, node):
        """Whether what is called is what a decorator makes, as in guarded(view)(request). The decorator is read, or known to refuse."""
        func = self.means.get(node.func.id, node.func) if isinstance(node.func, ast.Name) else node.func
        views = self.views_in(func)
        while isinstance(func, ast.Call):
            func = func.func
        decorator = self.resolve(func)
        if not views or decorator is MISSING:
            return False
        if is_library(decorator):
            if decorator.__module__ in DECORATORS and decorator.__name__ not in ("login_required", "login_not_required"):
                self.event(REFUSES, node, ("()",))
            return True
        source = source_of(code_of(function_of(decorator)))
        made = [n for n in ast.walk(source[2]) if isinstance(n, DEFINITIONS + (ast.Lambda,))] if source else []
        self.follower.onward.update(n for one in made for n in views_of(one))
        if made[1:]:
            self.follower.function(function_of(decorator), None, self.by, self.anonymous)
        return bool(made[1:])

    def views_in(self, func):
        """The views that a decorator gets, in whichever of its calls."""
        views = []
        while isinstance(func, ast.Call):
            views += [a.id for a in func.args if isinstance(a, ast.Name) and a.id in ONWARD]
            func = func.func
        return views

    def by_getter(self, func):
        """Whether what is called is what a property of the project returns, or its __getattr__."""
        owner = self.resolve(func.value)
        cls = owner.cls if isinstance(owner, Made) else type(owner)
        found = attribute(cls, func.attr)[0]
        if found is None:
            found = attribute(cls, "__getattr__")[0]
        return inspect.isfunction(function_of(found)) and not is_library(found)

    def resolve(self, node):
        if isinstance(node, (ast.List, ast.Tuple)):
            values = [self.resolve(e) for e in node.elts]
            return MISSING if any(v is MISSING for v in values) else tuple(values)
        return Names.resolve(self, node)

    def enter(self, value, arguments, node):
        """Reads what is called, with those of its arguments that come of the request."""
        if isinstance(value, Made):
            value = getattr(value.cls, "__call__", MISSING)
        if isinstance(value, TABLES):
            for one in value.values() if isinstance(value, dict) else value:
                self.ending(one, node)
                self.enter(one, arguments, node)
            return
        library = is_library(value)
        if library or not inspect.isclass(value) and not inspect.isfunction(function_of(value)) and is_library(type(value)):
            for one in held_by(value):  # contextmanager, lru_cache, atomic, singledispatch
                self.enter(one, arguments, node)
        if library:
            return
        if inspect.isclass(value):
            for one in [c for c in value.__mro__ if not is_djangos(c) and not is_library(c)]:
                self.follower.whole(one, None)
            return
        function = function_of(value)
        if not inspect.isfunction(function):
            if not inspect.isroutine(value) and hasattr(type(value), "__call__") and not is_library(type(value)):
                self.follower.whole(type(value), value)
            return
        names = names_of(function)[: function.__code__.co_argcount]
        if names and names[0] in ("self", "cls", "klass"):
            names = names[1:]
        given = [(n, self.kind_of(a)) for n, a in zip(names, arguments)] + [(k.arg, self.kind_of(k.value)) for k in node.keywords]
        given += [(rest_of(function), kind) for name, kind in given if name not in names_of(function)]
        tainted = frozenset((n, kind) for n, kind in given if kind)
        several = [a.value for a in arguments if type(a).__name__ == "Starred"] + [k.value for k in node.keywords if k.arg is None]
        if len(arguments) > len(names) or any(self.kind_of(a) for a in several):
            tainted = None
        owner = self.resolve(node.func.value) if isinstance(node.func, ast.Attribute) else MISSING
        instance = None if owner is MISSING or inspect.ismodule(owner) or inspect.isclass(owner) else owner
        self.follower.function(function, tainted, self.by, self.anonymous, instance or getattr(value, "__self__", None))
