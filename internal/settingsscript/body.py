"""One function of a middleware, statement by statement."""

KEEPS = ("set", "append", "add", "push", "insert", "setdefault")


class Body(Handing):
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
        if isinstance(tree, DEFINITIONS):
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
        if isinstance(node, DEFINITIONS + (ast.ClassDef,)):
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

    def assigned(self, name, value):
        Names.assigned(self, name, value)
        if name in self.globals and self.kind_of(value) == "request":
            self.keep(name)

    def keep(self, name):
        """A global name or a table holds the request from here on."""
        self.follower.kept.add(name)
        self.follower.outside = True

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

    def called(self, node):
        name, owner = name_of(node), self.meant(getattr(node.func, "value", None))
        if self.ends(node, name, owner):
            return self.event(ENDS, node)
        if name in ("exec", "eval") and owner is None:
            return self.event(LOST, node)
        self.kept_by(node, name, owner)
        self.follow(node, name)

    def kept_by(self, node, name, owner):
        """Notes where a call puts the request: STACK.append(request), SimpleNamespace(page=request)."""
        if name == "SimpleNamespace" or hasattr(self.resolve(node.func), "__dataclass_fields__"):
            self.follower.attributes.update(k.arg for k in node.keywords if k.arg and self.is_request(k.value))
        if name in KEEPS and any(self.is_request(a) for a in node.args):
            if isinstance(owner, ast.Name) and owner.id not in self.requests:
                self.keep(owner.id)
            elif isinstance(owner, ast.Attribute):
                self.follower.attributes.add(owner.attr)
