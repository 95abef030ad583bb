"""Whether code that decides about a user can be read whole: what it decides by, or the first line that does something else."""

import numbers

# What an expression is. No decision may be made by a key, so that all users are alike but for their columns.
# TEXT is made of a key, and can be written and no more. ONE is a query for the user of the key.
FIXED, KEY, TEXT, USER, DATE, NOW, ROW, USERS, ONE, SELF = "fixed", "key", "text", "user", "date", "now", "row", "users", "one", "self"
PURE_CALLS = (int, str, bool, len, any, all, isinstance, issubclass, getattr, hasattr, min, max, sorted, set, tuple, list, dict, frozenset, abs, sum, repr, float, type(u""))
VALUE_METHODS = set(dir(str) + dir(int) + ["get", "keys", "values", "items", "count", "index", "hexdigest", "digest", "hex", "decode", "total_seconds"])
CHAINS = ("all", "filter", "exclude", "select_related", "prefetch_related", "only", "defer", "using", "order_by", "distinct", "db_manager", "get_queryset")
FINDS = ("get", "first", "last", "aget", "afirst", "alast")
COMPARES = ("exact", "iexact", "isnull", "in", "gt", "gte", "lt", "lte", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")
DJANGOS_METHODS = {
    "get_user": USER, "aget_user": USER, "user_can_authenticate": ROW, "get_queryset": USERS, "get_username": ROW, "get_session_auth_hash": ROW,
    "_get_session_auth_hash": ROW, "__init__": FIXED, "has_usable_password": ROW, "_get_queryset": USERS,
}
COLUMNS_OF = {"get_session_auth_hash": ["password"], "_get_session_auth_hash": ["password"], "has_usable_password": ["password"]}
STAY = (numbers.Number, str, bytes, type(u""), tuple, frozenset, type(None), datetime.timedelta, datetime.date, logging.Logger, type(re.compile("")), property)


class Unread(Exception):
    """Code that does something that is not understood, with its line."""


class Reading(object):
    """What is read together: the columns of the user by which it decides."""

    def __init__(self, branches=True):
        self.fields, self.above, self.branches = [], [], branches
        self.model = user_model()

    def function(self, thing, cls, owner, instance, mine, given, place=None):
        """What a function returns, whose self is of one kind, and its arguments of others."""
        function = function_of(thing)
        for _ in range(5):  # @wraps of Python's and Django's own
            inner = getattr(function, "__wrapped__", None)
            if inner is None or not inspect.isfunction(inner) or not is_library(getattr(function, "__code__", None) or function):
                break
            function = inner
        source = source_of(getattr(function, "__code__", None))
        tree = the_function(source[2]) if source is not None else None
        if tree is None:
            raise Unread("%s, which has no source that can be read" % (place or where(thing)))
        if function.__code__ in self.above or len(self.above) > 12:
            raise Unread("%s calls itself, or too much" % where(function))
        self.above.append(function.__code__)
        try:
            return Judge(self, function, (source[0], source[1], tree), cls, owner, instance).returned(mine, given)
        finally:
            self.above.pop()

    def column(self, field):
        if field not in self.fields:
            self.fields.append(field)
        kind = field.get_internal_type()
        return KEY if field.primary_key else DATE if kind in ("DateTimeField", "DateField", "TimeField") else ROW


class Expressions(Names):
    """One function: of which kind each of its expressions is."""

    def __init__(self, reading, function, source, cls, owner, instance):
        self.reading, self.function, self.cls, self.owner, self.instance = reading, function, cls, owner, instance
        self.file, self.first, self.tree = source
        self.local, self.kinds, self.results = {}, {}, []
        cells = zip(function.__code__.co_freevars, function.__closure__ or ())
        self.cells = dict((n, outcome(lambda: c.cell_contents)[1]) for n, c in cells)

    def returned(self, mine, given):
        tree = self.tree
        a = tree.args
        names = [getattr(n, "arg", getattr(n, "id", None)) for n in getattr(a, "posonlyargs", []) + a.args]
        if mine is not None and names:
            self.kinds[names.pop(0)] = mine
        for n, name in enumerate(names):
            self.kinds[name] = given[n] if n < len(given) else FIXED
        for extra in getattr(a, "kwonlyargs", []) + [a.vararg, a.kwarg]:
            if extra is not None:
                self.kinds[getattr(extra, "arg", extra)] = FIXED
        if len(given) > len(names):
            self.unread(tree)
        if isinstance(tree, ast.Lambda):
            return self.of(tree.body)
        self.block(tree.body)
        return self.join(self.results, tree)

    def unread(self, node):
        line = self.first + getattr(node, "lineno", 1) - 1
        text = outcome(lambda: open(self.file).read().splitlines()[line - 1].strip())[1]
        raise Unread("%s:%d has %s" % (self.file, line, text[:80]))

    def answers(self, value):
        return True  # a class that is called gives nothing that Names may know

    # Statements.

    def block(self, statements):
        for node in statements:
            method = getattr(self, "do_" + type(node).__name__.replace("Async", ""), None)
            if method is None:
                self.unread(node)
            method(node)

    def do_Pass(self, node):
        pass

    do_Break = do_Continue = do_Pass

    def do_Expr(self, node):
        self.of(node.value)

    def do_Import(self, node):
        self.imports(node)

    do_ImportFrom = do_Import

    def do_Return(self, node):
        self.results.append(self.of(node.value) if node.value is not None else FIXED)

    def do_Raise(self, node):
        raised = getattr(node, "exc", getattr(node, "type", None))
        for argument in raised.args if isinstance(raised, ast.Call) else ():
            self.of(argument)

    def do_If(self, node):
        self.truth(node.test)
        self.block(node.body)
        self.block(node.orelse)

    def do_Assert(self, node):
        self.truth(node.test)

    def do_For(self, node):
        kind = self.of(node.iter)
        if kind not in (FIXED, ROW):
            self.unread(node)
        self.bind(node.target, kind, None)
        self.block(node.body)
        self.block(node.orelse)

    def do_Try(self, node):
        self.block(node.body)
        for handler in getattr(node, "handlers", []):
            if handler.name is not None:
                self.kinds[getattr(handler.name, "id", handler.name)] = TEXT
            self.block(handler.body)
        self.block(getattr(node, "orelse", []))
        self.block(getattr(node, "finalbody", []))

    do_TryExcept = do_TryFinally = do_Try

    def do_With(self, node):
        for item in getattr(node, "items", None) or [node]:
            call = item.context_expr
            if not isinstance(call, ast.Call) or path_of(self.resolve(call.func)) not in ("contextlib.suppress",):
                self.unread(node)
        self.block(node.body)

    def do_Assign(self, node):
        kind = self.of(node.value)
        for target in node.targets if hasattr(node, "targets") else [node.target]:
            self.bind(target, kind, node.value)

    def do_AnnAssign(self, node):
        if node.value is not None:
            self.do_Assign(node)

    def do_AugAssign(self, node):
        kind = self.together([node.target, node.value], node)
        self.bind(node.target, kind if kind != TEXT else self.unread(node), None)

    def bind(self, target, kind, value):
        if isinstance(target, ast.Name):
            known = self.resolve(value) if value is not None and kind in (FIXED, USERS) else MISSING
            once = target.id not in self.kinds
            if not once and KEY in (kind, self.kinds[target.id]) and kind != self.kinds[target.id]:
                self.unread(target)
            self.kinds[target.id] = kind if once else self.join([self.kinds[target.id], kind], target)
            self.local[target.id] = known if once else MISSING
        elif isinstance(target, (ast.Tuple, ast.List)) and kind in (FIXED, ROW):
            for one in target.elts:
                self.bind(one, kind, None)
        elif not isinstance(target, ast.Attribute) or self.of(target.value) != USER or attribute(self.reading.model, target.attr)[1] is not None:
            self.unread(target)
        elif field_of(self.reading.model, target.attr) is not None:
            self.unread(target)

    # Expressions.

    def join(self, kinds, node):
        """What an expression is that is one of several."""
        kinds = set(kinds) - set([FIXED])
        if not kinds:
            return FIXED
        if len(kinds) == 1:
            return kinds.pop()
        for kind, others in ((ROW, (ROW, DATE)), (TEXT, (TEXT, KEY, ROW)), (USER, (USER, ROW)), (USERS, (USERS, ONE))):
            if kind in kinds and not kinds - set(others):
                return kind
        self.unread(node)

    def truth(self, node):
        """A decision."""
        kind = self.of(node)
        if kind not in (FIXED, ROW, DATE, USER) or kind != FIXED and not self.reading.branches:
            self.unread(node)
        return FIXED if kind == FIXED else ROW

    def of(self, node):
        name = type(node).__name__
        if name in ("Constant", "Str", "Num", "NameConstant", "Bytes", "Ellipsis"):
            return FIXED
        method = getattr(self, "of_" + name, None)
        if method is None:
            self.unread(node)
        return method(node)

    def of_Name(self, node):
        if node.id in self.kinds:
            return self.kinds[node.id]
        value = self.resolve(node)
        return self.known(value, node, node.id, self.function.__module__) if value is not MISSING else self.unread(node)

    def known(self, value, node, name, module):
        """A value that is there before a request is: whether it stays."""
        from django.db import models

        if isinstance(value, (models.Manager, models.QuerySet)) or hasattr(value, "get_queryset") and hasattr(value, "model"):
            meta = getattr(value.model, "_meta", None)
            return USERS if meta is not None and meta.concrete_model is self.reading.model._meta.concrete_model else self.unread(node)
        if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value) or value is settings:
            return FIXED
        constant = name.isupper() and isinstance(value, (list, set, dict))  # STAFF_ROLES = ["staff", "admin"]
        stays = constant or isinstance(value, STAY) or any(c.__name__ == "Enum" for c in type(value).__mro__) or type(value).__name__ in ("Decimal", "UUID")
        return FIXED if stays and (name[:2] == "__" or not moves(name, module)) else self.unread(node)

    def of_Attribute(self, node):
        if self.is_super(node.value):
            return self.has(node, method_of(self.cls, node.attr, self.owner))
        base = self.of(node.value)
        if base == USER:
            return self.of_user_attribute(node, node.attr)
        if base == SELF:
            return self.has(node, method_of(self.cls, node.attr))
        if base in (USERS, ONE) and node.attr in ("model", "_db", "db"):
            return FIXED
        if base == ROW:
            return base
        owner = self.resolve(node.value)
        if base != FIXED or owner is MISSING:
            self.unread(node)
        if owner is settings:
            return FIXED
        value = self.resolve(node)
        if inspect.isclass(owner) and hasattr(owner, "_meta") and node.attr in ("_default_manager", "_base_manager"):
            value = getattr(owner, node.attr)
        return self.known(value, node, node.attr, getattr(owner, "__module__", getattr(owner, "__name__", ""))) if value is not MISSING else self.unread(node)

    def resolve(self, node):
        if isinstance(node, ast.Name) and self.kinds.get(node.id, FIXED) not in (FIXED, SELF, USERS, ONE):
            return MISSING
        if isinstance(node, ast.Name) and node.id in self.kinds and node.id not in self.local and self.kinds[node.id] == FIXED:
            return MISSING  # an argument
        if isinstance(node, ast.Attribute) and node.attr == "model" and isinstance(node.value, ast.Name) and self.kinds.get(node.value.id) in (USERS, ONE):
            return self.reading.model
        return Names.resolve(self, node)

    def of_user_attribute(self, node, name):
        model = self.reading.model
        if name == "pk":
            return self.reading.column(model._meta.pk)
        if name == "is_active" and self.mine() != USER:
            return ROW  # it is read by itself
        field = next((f for f in model._meta.concrete_fields if f.attname == name), None)
        if field is not None:
            return self.reading.column(field)
        return self.has(node, method_of(model, name), USER)

    def has(self, node, found, mine=None):
        """An attribute of a class: a property, a constant, a method that is not called yet."""
        thing, owner = found
        mine = mine or self.mine()
        if owner is None:
            values = getattr(self.instance, "__dict__", {}) if mine == SELF else {}
            return FIXED if inspect.isclass(values.get(node.attr)) else self.unread(node)
        if isinstance(thing, property) or hasattr(thing, "func") and not inspect.isroutine(thing):
            if is_library(thing):
                return FIXED if node.attr in NEUTRAL else self.unread(node)
            return self.reading.function(thing, self.of_whom(mine), owner, self.instance, mine, [])
        if mine == USER and self.field(node.attr) is not None:
            return self.of_user_attribute(node, self.field(node.attr).attname) if not getattr(self.field(node.attr), "remote_field", None) else self.unread(node)
        return self.known(thing, node, node.attr, owner.__module__)

    def field(self, name):
        return field_of(self.reading.model, name)

    def mine(self):
        return next((k for n, k in self.kinds.items() if n in ("self", "cls")), FIXED)

    def of_whom(self, mine):
        return self.reading.model if mine == USER else self.cls

    def is_super(self, node):
        return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"

    def of_Compare(self, node):
        operands = [node.left] + node.comparators
        kinds = [self.of(n) for n in operands]
        none = [n for n, k in zip(operands, kinds) if k == FIXED and self.resolve(n) is None]
        identity = all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops) and none
        order = all(isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for op in node.ops)
        if set(kinds) == set([DATE, NOW]) and len(kinds) == 2 and order or identity and set(kinds) <= set([DATE, KEY, USER, ROW, FIXED]):
            return ROW if set(kinds) - set([FIXED, KEY]) else FIXED
        if set(kinds) == set([USER, FIXED]) and none and all(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
            return ROW
        if set(kinds) - set([FIXED, ROW]):
            self.unread(node)
        return ROW if ROW in kinds else FIXED

    def of_BoolOp(self, node):
        for value in node.values[:-1]:
            self.truth(value)
        return self.join([self.of(value) for value in node.values], node)

    def of_UnaryOp(self, node):
        kind = self.truth(node.operand) if isinstance(node.op, ast.Not) else self.of(node.operand)
        return kind if kind in (FIXED, ROW) else self.unread(node)

    def of_IfExp(self, node):
        self.truth(node.test)
        return self.join([self.of(node.body), self.of(node.orelse)], node)

    def together(self, nodes, node):
        """A value that is made of several: of a key, it can be written and not be decided by."""
        kinds = set(self.of(n) for n in nodes)
        if kinds & set([KEY, USER, TEXT]) and not kinds & set([USERS, ONE, SELF]):
            return TEXT
        return self.unread(node) if kinds - set([FIXED, ROW]) else ROW if ROW in kinds else FIXED

    def of_BinOp(self, node):
        if not isinstance(node.op, (ast.Add, ast.Mod)) and self.together([node.left, node.right], node) == TEXT:
            self.unread(node)  # it may fail by the key
        if isinstance(node.op, ast.Mod) and (self.of(node.left) != FIXED or "%c" in str(self.resolve(node.left))) and self.together([node.left, node.right], node) == TEXT:
            self.unread(node)
        return self.together([node.left, node.right], node)

    def of_JoinedStr(self, node):
        for value in node.values:
            if getattr(value, "format_spec", None) is not None and self.of(value.value) not in (FIXED, ROW):
                self.unread(node)
        return self.together([getattr(v, "value", v) if type(v).__name__ == "FormattedValue" else v for v in node.values], node)

    def of_Tuple(self, node):
        return self.together(node.elts, node)

    of_List = of_Set = of_Tuple

    def of_Dict(self, node):
        return self.together([n for n in node.keys + node.values if n is not None], node)

    def of_Subscript(self, node):
        index = node.slice
        parts = [index.value] if type(index).__name__ == "Index" else [p for p in (index.lower, index.upper, index.step) if p is not None] if isinstance(index, ast.Slice) else [index]
        if set(self.of(p) for p in parts) - set([FIXED, ROW]) or self.of(node.value) not in (FIXED, ROW):
            self.unread(node)
        return self.together([node.value] + parts, node)

    def of_GeneratorExp(self, node):
        for generator in node.generators:
            kind = self.of(generator.iter)
            if kind not in (FIXED, ROW):
                self.unread(node)
            self.bind(generator.target, kind, None)
            for test in generator.ifs:
                self.truth(test)
        kind = self.of(node.elt)
        return ROW if kind in (FIXED, ROW) else self.unread(node)

    of_ListComp = of_SetComp = of_GeneratorExp

    def of_Await(self, node):
        return self.of(node.value)

    def of_Yield(self, node):
        return FIXED if node.value is None or self.of(node.value) in (FIXED, ROW) else self.unread(node)

    def of_Starred(self, node):
        return self.of(node.value)
