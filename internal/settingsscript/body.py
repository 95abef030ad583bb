"""One function of a middleware: what it does with the request, and what else gets it."""
import weakref

FUNCTIONS = (ast.FunctionDef, getattr(ast, "AsyncFunctionDef", ast.FunctionDef), ast.Lambda)
KEEPS = ("set", "append", "add", "push", "insert", "setdefault")
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


def changes_settings(value):
    """Whether a function of the project gives a setting of Django another value that decides about sessions, though it gets no request."""
    function = function_of(value)
    source = source_of(code_of(function)) if inspect.isfunction(function) and not is_library(function) else None
    changed = [n.value for n in ast.walk(source[2]) if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load) and decides(n.attr)] if source else []
    names = Imports(function) if changed else None
    return any(isinstance(n, ast.Name) and names.local.get(n.id, function.__globals__.get(n.id)) is settings for n in changed)


class Body(Names):
    """One function: which of its names are the request, and which come of its user or session."""

    def __init__(self, follower, function, source, tainted, by, anonymous, instance):
        self.follower, self.function, self.instance = follower, function, instance
        self.file, self.first, self.tree = source
        self.requests, self.users, self.sessions, self.local, self.means = set(), set(), set(), {}, {}
        self.globals = set()
        self.tainted, self.by, self.anonymous = tainted, by, anonymous
        cells = zip(function.__code__.co_freevars, function.__closure__ or ())
        self.cells = dict((n, outcome(lambda: c.cell_contents)[1]) for n, c in cells)

    def read(self):
        tree = self.tree.body[0]
        if isinstance(tree, (ast.FunctionDef, getattr(ast, "AsyncFunctionDef", ast.FunctionDef))):
            self.arguments(tree, self.tainted)
            self.block(tree.body)
        else:  # a lambda, within what it stands in
            for node in ast.walk(tree):
                if isinstance(node, ast.Lambda):
                    self.arguments(node, self.tainted)
            self.expressions(tree)

    def arguments(self, tree, tainted):
        a = tree.args
        names = [getattr(n, "arg", getattr(n, "id", None)) for n in getattr(a, "posonlyargs", []) + a.args + getattr(a, "kwonlyargs", [])]
        for extra in (a.vararg, a.kwarg):
            names.append(getattr(extra, "arg", extra))
        own = [n for n in names if n and n not in ("self", "cls") + ONWARD]
        given = dict(tainted or ())
        for name in own:
            if tainted is None or given.get(name) == "request":
                self.requests.add(name)
            elif name in given:
                self.users.add(name)
                if given[name] == "session":
                    self.sessions.add(name)

    # Conditions.

    def block(self, statements):
        by, anonymous = self.by, self.anonymous
        for statement in statements:
            self.statement(statement)
            if isinstance(statement, ast.If) and not statement.orelse and isinstance(statement.body[-1], EXITS):
                if self.by_settings(statement.test) is True:
                    break  # no more of the block runs
                self.under(statement.test, True)
        self.by, self.anonymous = by, anonymous

    def under(self, test, negated):
        self.by = tuple(sorted(set(self.by + self.depends(test))))
        self.anonymous = self.anonymous or self.means_nobody(test, negated)

    def by_settings(self, test):
        """Whether a condition is true, where Django's settings alone say it. None where they do not, or some code changes them."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            operand = self.by_settings(test.operand)
            return None if operand is None else not operand
        if isinstance(test, ast.BoolOp):
            values = [self.by_settings(v) for v in test.values]
            decides = isinstance(test.op, ast.Or)
            return decides if decides in values else None if None in values else not decides
        known = self.follower.by_settings and isinstance(test, ast.Attribute) and self.resolve(test.value) is settings
        if not known or moves(test.attr, self.function.__module__):
            return None
        kind, value = outcome(lambda: bool(getattr(settings, test.attr)))
        if kind == "error":
            return None
        self.follower.settings.add(test.attr)
        return value

    def statement(self, node):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, getattr(ast, "AsyncFunctionDef", ast.FunctionDef))):
            if not isinstance(node, ast.ClassDef):
                self.arguments(node, None)
            for decorator in node.decorator_list:
                self.expressions(decorator)
            self.block(node.body)
            return
        if isinstance(node, (ast.If, ast.While)):
            self.expressions(node.test)
            by, anonymous = self.by, self.anonymous
            for body, negated in ((node.body, False), (node.orelse, True)):
                if self.by_settings(node.test) is negated:
                    continue
                self.under(node.test, negated)
                self.block(body)
                self.by, self.anonymous = by, anonymous
            return
        if isinstance(getattr(node, "target", None), ast.Name) and hasattr(node, "iter"):
            if self.kind_of(node.iter) == "request" or isinstance(self.resolve(node.iter), TABLES):
                self.assigned(node.target.id, node.iter)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(getattr(node, name, None), list):
                self.block(getattr(node, name))
        for inner in getattr(node, "handlers", []) + getattr(node, "cases", []):
            if getattr(inner, "guard", None) is not None:
                self.expressions(inner.guard)
            self.block(inner.body)
        self.simple(node)

    def simple(self, node):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self.imports(node)
            return
        if isinstance(node, ast.Global):
            self.globals.update(node.names)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr) or type(child).__name__ == "withitem":
                self.expressions(child)
        targets = getattr(node, "targets", None) or [t for t in [getattr(node, "target", None)] if t is not None]
        value = getattr(node, "value", None) or getattr(node, "iter", None)
        for target in targets:
            for one in ast.walk(target):
                if isinstance(one, ast.Name) and value is not None and isinstance(one.ctx, ast.Store):
                    self.assigned(one.id, value)
                elif isinstance(one, (ast.Attribute, ast.Subscript)) and not isinstance(one.ctx, ast.Load):
                    self.stored(one, value)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and self.of_user(node.iter) and self.is_session(node.iter):
            self.each_key(node.target.id, node.body)
        for item in getattr(node, "items", []):
            if getattr(item, "optional_vars", None) is not None and isinstance(item.optional_vars, ast.Name):
                self.assigned(item.optional_vars.id, item.context_expr)
        if type(node).__name__ == "Exec":  # a statement of Python 2
            self.event(LOST, node)
        if isinstance(node, ast.Raise) and self.refusing(node):
            self.event(REFUSES, node)

    def each_key(self, name, statements):
        """for key in list(request.session.keys()): del request.session[key]"""
        for one in statements:
            if isinstance(one, ast.If) and isinstance(one.test, ast.Compare) and isinstance(one.test.ops[0], (ast.NotIn, ast.NotEq)):
                self.each_key(name, one.body)
            called = one.value if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) and name_of(one.value) in ("pop", "__delitem__") else None
            gone = one.targets if isinstance(one, ast.Delete) else [called.func] if called is not None else []
            for target in gone:
                keys = called.args[:1] if called is not None else [getattr(target, "slice", None)]
                keys = [getattr(k, "value", k) if type(k).__name__ == "Index" else k for k in keys]
                if [getattr(k, "id", None) for k in keys] == [name] and self.is_session(target):
                    self.event(ENDS, target)

    def refusing(self, node):
        """Whether an exception is one of Django's, of which it makes an answer."""
        raised = getattr(node, "exc", getattr(node, "type", None))
        value = self.resolve(raised.func if isinstance(raised, ast.Call) else raised)
        return inspect.isclass(value) and (value.__module__ or "").startswith(("django.core.exceptions", "django.http", "rest_framework"))

    # What is done.

    def event(self, kind, node, by=()):
        by = self.by + by
        if self.anonymous and kind == ENDS:
            if not isinstance(node, (ast.Attribute, ast.Subscript)) or isinstance(node.ctx, ast.Load):
                return  # nobody is logged out
            kind = LOGS_IN
        if kind == REFUSES and not set(by) - set(NEUTRAL) or kind in (REFUSES, LOST) and self.anonymous:
            return
        place = (self.file, self.first + node.lineno - 1)
        text = outcome(lambda: open(self.file).read().splitlines()[place[1] - 1].strip())[1]
        self.follower.events.append(Event(kind, place, text, by))

    def stored(self, target, value):
        """Something is put into the request or its session, or taken out."""
        if isinstance(target, ast.Attribute):
            if value is not None and self.is_request(value) and not self.is_request(target.value):
                self.follower.attributes.add(target.attr)
                self.follower.outside |= getattr(target.value, "id", "") != "self"
            if target.attr in HOLDS and self.is_class_of_request(target.value):
                self.event(ENDS, target)
            elif target.attr in HOLDS and self.is_request(target.value) and not self.opens(target.attr, value):
                self.event(ENDS, target)
            elif target.attr == "status_code":
                self.event(REFUSES, target)
            elif self.resolve(target.value) is settings and decides(target.attr):
                self.event(ENDS, target)
            elif target.attr in OF_LOGIN and self.of_user(target.value) or target.attr in WHOLE and self.is_request(target.value):
                self.event(ENDS, target)
            return
        key, holder = self.text(target.slice), self.meant(target.value)
        if value is not None and self.is_request(value) and isinstance(target.value, ast.Name) and target.value.id not in self.requests:
            self.keep(target.value.id)
        if self.is_session(target.value) and key in AUTH_KEYS:
            self.event(ENDS, target)
        inside = isinstance(holder, ast.Attribute) and holder.attr in ("COOKIES", "__dict__") + HEADERS
        called = isinstance(holder, ast.Call) and getattr(holder.func, "id", "") == "vars"
        if (called or inside and holder.attr in WHOLE) and self.of_user(holder):
            self.event(ENDS, target)
        cookie = getattr(holder, "attr", "") == "COOKIES" and key in (None, settings.SESSION_COOKIE_NAME)
        if (inside or called) and self.of_request(holder) and (key in HOLDS + ("HTTP_COOKIE",) or cookie):
            self.event(ENDS, target)

    def assigned(self, name, value):
        Names.assigned(self, name, value)
        if name in self.globals and self.kind_of(value) == "request":
            self.keep(name)

    def keep(self, name):
        """A global name or a table holds the request from here on."""
        self.follower.kept.add(name)
        self.follower.outside = True

    def opens(self, attribute, value):
        """Whether it is the session of the request's own cookie, as SessionMiddleware opens it (contrib/sessions/middleware.py, process_request)."""
        if attribute != "session" or not isinstance(value, ast.Call) or getattr(value.func, "attr", "") != "SessionStore" or set(self.by) - set(NEUTRAL):
            return False
        keys = value.args + [k.value for k in value.keywords if k.arg == "session_key"]
        key = self.means.get(keys[0].id, keys[0]) if len(keys) == 1 and isinstance(keys[0], ast.Name) else keys[0] if len(keys) == 1 else None
        if isinstance(key, ast.Call) and name_of(key) == "get" and key.args:
            owner, name = getattr(key.func, "value", None), key.args[0]
        elif isinstance(key, ast.Subscript):
            owner, name = key.value, getattr(key.slice, "value", key.slice) if type(key.slice).__name__ == "Index" else key.slice
        else:
            return False
        if getattr(owner, "attr", "") != "COOKIES" or not self.is_request(owner.value):
            return False
        return isinstance(name, ast.Attribute) and name.attr == "SESSION_COOKIE_NAME" and self.resolve(name.value) is settings

    def meant(self, node):
        """What a variable was given: cookies = request.COOKIES."""
        meaning = self.means.get(node.id) if isinstance(node, ast.Name) else None
        return meaning if isinstance(meaning, ast.Attribute) and meaning.attr in ("COOKIES",) + WHOLE + HEADERS else node

    def of_users(self, owner, call):
        """Whether a query changes users, such that their sessions end: User.objects.filter(pk=pk).update(is_active=False)."""
        known = [self.resolve(n) for n in ast.walk(owner) if isinstance(n, (ast.Name, ast.Call))] if owner is not None else []
        types = [n for n in ast.walk(owner) if isinstance(n, ast.Call) and name_of(n) == "type" and n.args and self.of_user(n.args[0])] if owner is not None else []
        return bool(types or any(v is user_model() for v in known)) and any(k.arg in ("is_active", "password") for k in call.keywords)

    def is_headers(self, node, names):
        """Whether it is what a request has its cookie in, under one of these names."""
        return isinstance(node, ast.Attribute) and node.attr in names and self.is_request(node.value)

    def text(self, node):
        node = getattr(node, "value", node) if type(node).__name__ == "Index" else node
        value = self.resolve(node)
        return value if isinstance(value, str) else None

    def is_session(self, node):
        for n in ast.walk(node):
            if isinstance(n, ast.Attribute) and n.attr == "session":
                return True
            if isinstance(n, ast.Name) and n.id in self.sessions:
                return True
            if isinstance(n, (ast.Name, ast.Attribute)):
                value = self.resolve(n)
                if inspect.isclass(value) and value.__name__ in ("SessionStore", "SessionBase", "Session", store_class().__name__):
                    return True
            if isinstance(n, ast.Call) and self.text_in(n, ("session",)):
                return True
        return False

    def expressions(self, tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.Lambda):
                self.arguments(node, ())
            elif type(node).__name__ == "NamedExpr":
                self.assigned(node.target.id, node.value)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Name, ast.Attribute, ast.Call)) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                self.named(node)
            if isinstance(node, ast.Call):
                self.called(node)

    def named(self, node):
        """A name of Django's that ends or begins logins, under whatever other name."""
        self.ending(self.resolve(node), node)

    def ending(self, value, node):
        if callable(value) and (getattr(value, "__module__", None) or "").startswith("django.contrib.auth"):
            name = getattr(value, "__name__", "")
            if name in ENDING:
                self.event(ENDS, node)
            elif name in ENTERING:
                self.event(LOGS_IN, node)

    def called(self, node):
        name = name_of(node)
        owner = self.meant(getattr(node.func, "value", None))
        texts = [self.text(a) for a in node.args]
        if owner is not None and name in EMPTIES and (self.is_session(owner) or self.is_headers(owner, ("COOKIES",) + HEADERS)):
            return self.event(ENDS, node)
        if owner is not None and name in WRITES + ("__setattr__", "__delattr__"):
            known = [t for t in texts if t in AUTH_KEYS] or self.text_in(node, AUTH_KEYS)
            cookies = isinstance(owner, ast.Attribute) and owner.attr == "COOKIES" and self.is_request(owner.value)
            cookies = cookies and (not texts or texts[0] in (None, settings.SESSION_COOKIE_NAME))
            whole = isinstance(owner, ast.Attribute) and owner.attr in WHOLE and (self.is_request(owner.value) or self.of_user(owner.value))
            cookies = cookies or self.is_headers(owner, HEADERS) and ("HTTP_COOKIE" in texts or any(k.arg in (None, "HTTP_COOKIE") for k in node.keywords))
            if known and self.is_session(owner) or cookies or whole or self.is_request(owner) and set(texts) & set(HOLDS):
                return self.event(ENDS, node)
        if name in ("setattr", "delattr", "__setattr__", "__delattr__") and node.args and (self.is_request(node.args[0]) or self.is_class_of_request(node.args[0])):
            if len(texts) > 1 and (texts[1] is None or texts[1] in HOLDS):
                return self.event(ENDS, node)
            return
        if name in ("setattr", "delattr", "__setattr__", "__delattr__") and node.args and settings in (self.resolve(node.args[0]), self.resolve(owner) if owner is not None else None):
            if any(t is None or decides(t) for t in texts[1:2] if name[:2] != "__") or name[:2] == "__":
                return self.event(ENDS, node)
        if getattr(self.resolve(node.func), "__module__", "") == "django.test.utils" and name in ("override_settings", "modify_settings"):
            if any(k.arg is None or decides(k.arg) for k in node.keywords):
                return self.event(ENDS, node)
        if name == "SimpleNamespace" or hasattr(self.resolve(node.func), "__dataclass_fields__"):
            self.follower.attributes.update(k.arg for k in node.keywords if k.arg and self.is_request(k.value))
        if name in KEEPS and any(self.is_request(a) for a in node.args):
            if isinstance(owner, ast.Name) and owner.id not in self.requests:
                self.keep(owner.id)
            elif isinstance(owner, ast.Attribute):
                self.follower.attributes.add(owner.attr)
        if name in ("set_password", "set_unusable_password") and owner is not None and self.of_user(owner) or name == "update" and self.of_users(owner, node):
            return self.event(ENDS, node)
        if name in ("exec", "eval") and owner is None:
            return self.event(LOST, node)
        self.follow(node, name)

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
        if value is MISSING and name not in ONWARD or value is not MISSING and is_library(value):
            self.hands(node, [a for a in given if self.kind_of(a) == "request"])
        if kept or name in ONWARD and not wrapped or name == "super":
            return
        if not given and not mine:
            beside = self.follower.outside and inspect.isfunction(function_of(value)) and same_package(value, self.function)
            return self.enter(value, arguments, node) if beside else self.event(ENDS, node) if changes_settings(value) else None
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

    def hands(self, node, given):
        """What is handed to other code with the request, and is called there: Thread(target=look, args=(request,)), pool.submit(look, request)."""
        for a in node.args + [k.value for k in node.keywords] if given and name_of(node) not in ("getattr", "setattr", "isinstance") else ():
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
        made = [n for n in ast.walk(source[2]) if isinstance(n, FUNCTIONS)] if source else []
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

    def resolve(self, node):
        if isinstance(node, (ast.List, ast.Tuple)):
            values = [self.resolve(e) for e in node.elts]
            return MISSING if any(v is MISSING for v in values) else tuple(values)
        return Names.resolve(self, node)

    def by_getter(self, func):
        """Whether what is called is what a property of the project returns, or its __getattr__."""
        owner = self.resolve(func.value)
        cls = owner.cls if isinstance(owner, Made) else type(owner)
        found = attribute(cls, func.attr)[0]
        if found is None:
            found = attribute(cls, "__getattr__")[0]
        return inspect.isfunction(function_of(found)) and not is_library(found)

    def answers(self, value):
        from django.http.response import HttpResponseBase

        if inspect.isclass(value):
            return issubclass(value, HttpResponseBase)
        place = getattr(value, "__module__", None) or ""
        name = getattr(value, "__name__", "")
        return place == "django.shortcuts" and name in ("redirect", "render", "render_to_response") or name == "redirect_to_login"

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
