"""What the names in a function mean, and what its expressions have to do with the request."""

import ast
import functools
import textwrap

MISSING = object()
ENDS, LOGS_IN, REFUSES, LOST = "ends", "logs in", "refuses", "lost"
HOLDS = ("user", "auser", "_cached_user", "_acached_user", "session", "COOKIES", "_user")
AUTH_KEYS = ("_auth_user_id", "_auth_user_backend", "_auth_user_hash")
HEADERS = ("META", "environ")
WHOLE = ("__dict__", "__class__")
OF_LOGIN = WHOLE + ("is_active", "is_staff", "is_superuser", "pk", "id", "_wrapped", "_session_cache", "_session_key", "_SessionBase__session_key")
OF_REQUEST = ("request", "_request", "req")
ONWARD = ("get_response", "_get_response", "view_func", "view", "callback", "view_function", "call_next", "inner")
ENDING = ("logout", "alogout", "logout_then_login", "LogoutView")
ENTERING = ("login", "alogin", "LoginView")
EMPTIES = ("flush", "aflush", "clear", "delete", "adelete", "clear_session", "popitem")
WRITES = ("pop", "apop", "__setitem__", "__delitem__", "update", "aupdate", "setdefault", "aset", "set", "setlist")
SETTERS = ("setattr", "delattr", "__setattr__", "__delattr__")
WRAPS = ("sync_to_async", "async_to_sync", "partial", "database_sync_to_async", "SimpleLazyObject", "lazy", "markcoroutinefunction")
NEUTRAL = ("is_authenticated", "is_anonymous", "user")  # by which all that are logged in are alike
# By dataclasses, attrs and namedtuple.
GENERATED = ("__init__", "__new__", "_make", "_replace", "_asdict", "__eq__", "__ne__", "__repr__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__")
HOLDERS = (ast.List, ast.Tuple, ast.Dict)
DEFINITIONS = (ast.FunctionDef, getattr(ast, "AsyncFunctionDef", ast.FunctionDef))
EXITS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


TREES = {}


def source_of(code):
    """(file, first line, tree) of a function, None where there is no source."""
    key = (getattr(code, "co_filename", ""), code)  # codes of two files may be equal
    if key not in TREES:
        try:
            lines, first = inspect.getsourcelines(code)
            TREES[key] = inspect.getsourcefile(code), first, as_python_3(ast.parse(textwrap.dedent("".join(lines))))
        except Exception:
            TREES[key] = None
    return TREES[key]


class Starred(ast.expr):
    """*arguments, as Python 3 has it."""

    _fields = ("value",)


def as_python_3(tree):
    """Python 2 keeps what a call hands on as *arguments and **keywords beside its arguments."""
    for node in list(ast.walk(tree)):
        rest, named = getattr(node, "starargs", None), getattr(node, "kwargs", None)
        if isinstance(node, ast.Call) and rest is not None:
            node.args.append(ast.copy_location(Starred(value=rest), node))
        if isinstance(node, ast.Call) and named is not None:
            node.keywords.append(ast.keyword(arg=None, value=named))
    return tree


def index_of(node):
    """What stands in the brackets of a subscript. Before Python 3.9 an Index is around it."""
    return node.slice.value if type(node.slice).__name__ == "Index" else node.slice


def name_of(call):
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


METHODS = {}


def methods_named(name, caller, most=30):
    """The methods of this name in all classes that are loaded and not Django's or Python's; None for too many."""
    if not METHODS:
        METHODS[""] = []
        for module in list(sys.modules.values()):
            for cls in [] if is_library(module) else list((getattr(module, "__dict__", None) or {}).values()):
                if issubclass(type(cls), type) and steady(cls) and cls.__module__ == getattr(module, "__name__", ""):
                    for n, v in list(vars(cls).items()):  # which may grow when what is in it is asked
                        if inspect.isfunction(function_of(v)) and not is_library(v):
                            METHODS.setdefault(n, []).append(function_of(v))
    found = METHODS.get(name, [])
    if len(found) > most:
        found = [f for f in found if (f.__module__ or "").split(".")[0] == (caller.__module__ or "").split(".")[0]]
    return found if len(found) <= most else None


def steady(value):
    """Whether a value can be asked what it is. A proxy of what is not there cannot, and an array answers a comparison with another array."""
    asked = lambda: (inspect.isclass(value), callable(value), hasattr(value, "__dict__"), getattr(value, "__module__", ""), value in (None, map))
    return value is MISSING or outcome(asked)[0] == "value"


class Made(object):
    """An instance of a class, of which no more is known."""

    def __init__(self, cls):
        self.cls = cls


class Names(object):
    """The names of one function: what they are, which are the request, and which come of its user or session."""

    def imports(self, node):
        for alias in node.names:
            name = alias.asname or alias.name.split(".")[0]
            module = node.module or "" if isinstance(node, ast.ImportFrom) else (alias.name if alias.asname else name)
            if getattr(node, "level", 0):
                package = (self.function.__globals__.get("__package__") or self.function.__module__.rpartition(".")[0]).split(".")
                module = ".".join(package[: len(package) - node.level + 1] + ([module] if module else []))
            kind, value = outcome(lambda: __import__(module, {}, {}, ["x"]) if module else None)
            if kind == "value" and isinstance(node, ast.ImportFrom):
                value = getattr(value, alias.name, sys.modules.get(module + "." + alias.name, MISSING))
            self.local[name] = value if kind == "value" else MISSING

    def assigned(self, name, value):
        self.means[name] = value
        if self.of_user(value) or self.asks(value):
            self.users.add(name)
            if self.is_session(value):
                self.sessions.add(name)
        elif self.kind_of(value) == "request":
            self.requests.add(name)
        known = self.resolve(value)
        if known is not MISSING:
            self.local[name] = known

    # What an expression has to do with the request.

    def is_request(self, node):
        if isinstance(node, ast.Name):
            return node.id in self.requests or node.id in self.follower.kept
        if isinstance(node, ast.Subscript):  # of the arguments of a decorator, of a table by thread
            return isinstance(node.value, (ast.Name, ast.Attribute) + HOLDERS) and self.kind_of(node.value) == "request"
        if isinstance(node, ast.Call):
            return self.gives_request(node)
        return isinstance(node, ast.Attribute) and node.attr in self.follower.attributes

    def gives_request(self, call):
        """Whether a call gives the request that was kept: CURRENT.get(), get_current_request()."""
        owner = getattr(call.func, "value", None)
        if name_of(call) in ("ref", "proxy", "cast") and call.args and self.is_request(call.args[-1]) or self.is_request(call.func):
            return True  # of weakref and typing; reference()
        if isinstance(owner, ast.Name) and owner.id in self.follower.kept:
            return name_of(call) in ("get", "pop", "setdefault")
        if name_of(call) == "getattr" and len(call.args) > 1:
            return self.text_in(call.args[1], self.follower.attributes)
        value = self.resolve(call.func) if not call.args and not call.keywords else MISSING
        return inspect.isfunction(value) and not is_library(value) and self.follower.returns_request(value)

    def is_class_of_request(self, node):
        """type(request), request.__class__"""
        if isinstance(node, ast.Call):
            return name_of(node) == "type" and len(node.args) == 1 and self.is_request(node.args[0])
        return isinstance(node, ast.Attribute) and node.attr == "__class__" and self.is_request(node.value)

    def of_request(self, node):
        return any(self.is_request(n) for n in ast.walk(node))

    def of_user(self, node):
        """Whether an expression is made of the user or the session."""
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id in self.users:
                return True
            if isinstance(n, ast.Attribute) and n.attr in HOLDS and (n.attr != "COOKIES") and self.holder(n.value):
                return True
            if isinstance(n, ast.Call) and name_of(n) != "hasattr" and any(self.is_request(a) for a in n.args):
                if self.text_in(n, HOLDS) or (getattr(self.resolve(n.func), "__module__", None) or "").startswith("django.contrib.auth"):
                    return True
        return False

    def holder(self, node):
        return self.is_request(node) or isinstance(node, ast.Name) and node.id in ("self", "view")

    def text_in(self, node, texts):
        return any(literal_of(n) in texts for n in ast.walk(node) if type(n).__name__ in ("Str", "Constant"))

    def depends(self, test):
        """By which attributes of the user, or by what else, a condition decides."""
        found = []
        if not self.of_user(test) and not self.asks(test):
            return ()
        for n in ast.walk(test):
            if isinstance(n, ast.Name) and n.id in self.users:
                other = self.means.pop(n.id, None)
                if other is not None:
                    found += self.depends(other)
                    self.means[n.id] = other
                elif n.id not in HOLDS:
                    found.append("()")
            if isinstance(n, ast.Attribute) and self.of_user(n.value):
                found.append(n.attr)
            elif isinstance(n, ast.Call) and name_of(n) not in NEUTRAL + ("hasattr", "getattr", "isinstance", "bool"):
                found.append("()")
        return tuple(set(found) - set(HOLDS)) or ("user",)

    def asks(self, test):
        """Whether a condition calls code of the project with the request, which may look at its user."""
        for n in ast.walk(test):
            if isinstance(n, ast.Name) and n.id in self.means and isinstance(self.means[n.id], ast.Call) and self.named_in(self.means[n.id]):
                return True
            if isinstance(n, ast.Call) and self.named_in(n):
                return True
        return False

    def named_in(self, call):
        value = self.resolve(call.func)
        if not any(self.is_request(a) for a in call.args) or not inspect.isroutine(value) or is_library(value):
            return False
        if name_of(call) in ONWARD:  # what the application answers
            return False
        source = source_of(code_of(function_of(value)))
        return source is None or any(getattr(n, "attr", None) in HOLDS and n.attr != "COOKIES" for n in ast.walk(source[2]))

    def means_nobody(self, test, negated):
        """Whether a condition holds for those alone who are not logged in."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.means_nobody(test.operand, not negated)
        if isinstance(test, ast.BoolOp):
            every = isinstance(test.op, ast.Or) != negated
            return (all if every else any)(self.means_nobody(v, negated) for v in test.values)
        if isinstance(test, ast.Call) and not test.args:
            return self.means_nobody(test.func, negated)
        if isinstance(test, ast.Call) and len(test.args) == 1 and self.of_user(test.args[0]):  # is_authenticated(request.user)
            return name_of(test) == ("is_authenticated" if negated else "is_anonymous")
        if isinstance(test, ast.Name) and test.id in self.means:
            meaning = self.means.pop(test.id)
            try:
                return self.means_nobody(meaning, negated)
            finally:
                self.means[test.id] = meaning
        return isinstance(test, ast.Attribute) and test.attr in (self.follower.nobody if negated else ("is_anonymous",))

    def kind_of(self, node):
        """What an argument is: the request, its session, something else of its user, or "" for nothing of these."""
        parts = list(getattr(node, "elts", [])) + list(getattr(node, "values", []))
        if isinstance(node, ast.Call) and any(self.resolve(node.func) is t for t in (dict, list, tuple)):
            parts += node.args + [k.value for k in node.keywords]
        parts += [p for p in (getattr(node, n, None) for n in ("body", "orelse") if isinstance(node, ast.IfExp)) if p is not None]
        if any(self.is_request(n) for n in [node] + parts):
            return "request"
        return "" if not self.of_user(node) else "session" if self.is_session(node) else "user"

    # What a name is.

    def resolve(self, node):
        value = self.found(node)
        return value if steady(value) else MISSING

    def found(self, node):
        if type(node).__name__ in ("Str", "Bytes", "Constant", "NameConstant"):
            return getattr(node, "value", getattr(node, "s", MISSING))
        if isinstance(node, ast.Name):
            if node.id in ("self", "cls") and self.instance is not None:
                return self.instance
            for scope in (self.local, self.cells, self.function.__globals__, __builtins__ if isinstance(__builtins__, dict) else vars(__builtins__)):
                if node.id in scope:
                    return scope[node.id]
            return MISSING
        if isinstance(node, ast.Attribute):
            return self.member(self.resolve(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self.result(node)
        return MISSING

    def member(self, owner, name):
        if owner is MISSING or owner is None:
            return MISSING
        if inspect.ismodule(owner) or owner is settings:
            return getattr(owner, name, MISSING)
        if inspect.isclass(owner) or isinstance(owner, Made):
            found = attribute(getattr(owner, "cls", owner) if isinstance(owner, Made) else owner, name)
        else:
            values = getattr(owner, "__dict__", None)
            if isinstance(values, dict) and name in values:
                return values[name]
            found = attribute(type(owner), name)
        value = found[0] if found[1] is not None else MISSING
        if type(value).__name__ == "ManagerDescriptor":  # of a base that is abstract, it has that one's model
            kind, manager = outcome(lambda: getattr(owner, name))
            value = manager if kind == "value" else value.manager
        return MISSING if isinstance(value, property) else getattr(value, "__func__", value)

    def result(self, node):
        """What a call gives, of the few that are known to change nothing."""
        value = self.resolve(node.func)
        name = getattr(value, "__name__", "")
        texts = [self.resolve(a) for a in node.args]
        if value is getattr and len(texts) > 1 and isinstance(texts[1], str):
            return self.member(texts[0], texts[1])
        if name in ("import_module", "import_string", "__import__", "get_user_model", "get_model") and MISSING not in texts and is_library(value):
            return outcome(lambda: value(*texts))[1] if outcome(lambda: value(*texts))[0] == "value" else MISSING
        if inspect.isclass(value) and not self.answers(value) and value not in (str, int, list, dict, set, tuple, super, object, type, bool):
            return Made(value)
        if name in WRAPS and texts:
            return texts[0]
        return MISSING


class Imports(Names):
    """What a function imports within itself."""

    def __init__(self, function):
        self.function, self.local = function, {}
        source = source_of(function.__code__)
        for node in ast.walk(source[2]) if source else ():
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.imports(node)


def imported(function):
    return Imports(function).local


def the_function(tree):
    """What a piece of source defines: a function, or the one lambda in it."""
    if isinstance(tree.body[0], DEFINITIONS):
        return tree.body[0]
    lambdas = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda)]
    return lambdas[0] if len(lambdas) == 1 else None


def method_of(cls, name, after=None):
    """What a class, or what is behind one of its bases, has under a name, and the class that has it."""
    mro = list(cls.__mro__)
    for c in mro[mro.index(after) + 1 :] if after is not None else mro:
        if name in c.__dict__:
            return c.__dict__[name], c
    return None, None
