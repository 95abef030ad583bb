"""What code that decides about a user calls, and whom the methods of a backend, a user model or a manager decide by."""


class Judge(Expressions):
    """One function, with its calls."""

    def of_Call(self, node):
        func = node.func
        if isinstance(func, ast.Attribute) and self.is_super(func.value):
            return self.call_of(node, method_of(self.cls, func.attr, self.owner), self.mine())
        if isinstance(func, ast.Attribute):
            base = self.of(func.value)
            if base == USER:
                return self.call_of(node, method_of(self.reading.model, func.attr), USER)
            if base == SELF:
                return self.call_of(node, method_of(self.cls, func.attr), SELF)
            if base in (USERS, ONE):
                return self.ask(node, base)
            if base in (KEY, TEXT, ROW, NOW):
                return self.of_value(node, base)
        if inspect.isclass(Names.result(self, node)) or inspect.isclass(self.class_of(node)):
            return FIXED
        return self.plain_call(node, self.resolve(func))

    def class_of(self, node):
        """get_user_model() and its like."""
        value = self.resolve(node.func)
        if getattr(value, "__name__", "") not in ("get_user_model", "get_model", "import_string", "_get_user_model"):
            return MISSING
        return Names.result(self, node)

    def given(self, node):
        return [self.of(a) for a in node.args] + [self.of(k.value) for k in node.keywords]

    def of_value(self, node, base):
        """A method of a value."""
        kinds = self.given(node)
        if base == NOW and node.func.attr == "date":
            return NOW
        if base in (KEY, TEXT) and not kinds and node.func.attr in ("strip", "lower", "upper", "hexdigest", "digest", "encode", "decode"):
            return TEXT
        if base == ROW and node.func.attr in VALUE_METHODS and not set(kinds) - set([FIXED, ROW]):
            return ROW
        self.unread(node)

    def call_of(self, node, found, mine):
        """A method of the class that is read, or of the user."""
        thing, owner = found
        if owner is None:
            self.unread(node)
        if is_library(thing) or is_djangos(owner) and not replaced(thing):
            kinds = set(self.given(node))
            takes = {"get_user": [KEY], "aget_user": [KEY], "user_can_authenticate": [USER]}.get(node.func.attr)
            if node.func.attr not in DJANGOS_METHODS or kinds - set([FIXED]) and not takes or takes and list(kinds) != takes:
                self.unread(node)
            for name in [self.reading.model.USERNAME_FIELD] if node.func.attr == "get_username" else COLUMNS_OF.get(node.func.attr, []):
                self.reading.column(self.field(name))
            return DJANGOS_METHODS[node.func.attr]
        self_given = None if isinstance(thing, staticmethod) else mine
        return self.reading.function(thing, self.of_whom(mine), owner, self.instance, self_given, self.arguments_for(node, thing, self_given), where(thing))

    def arguments_for(self, node, thing, mine):
        """The kinds of the arguments, in the order of the function's."""
        names = list(function_of(thing).__code__.co_varnames[: function_of(thing).__code__.co_argcount])[1 if mine is not None else 0 :]
        kinds = [self.of(a) for a in node.args]
        if len(kinds) > len(names) and set(kinds) == set([FIXED]):
            kinds = kinds[: len(names)]
        for keyword in node.keywords:
            kind = self.of(keyword.value)
            if kind == FIXED:
                continue
            if keyword.arg not in names:
                self.unread(node)
            kinds += [FIXED] * (names.index(keyword.arg) + 1 - len(kinds))
            kinds[names.index(keyword.arg)] = kind
        return kinds

    def plain_call(self, node, value):
        from django.db import models

        func = node.func
        owner = self.resolve(func.value) if isinstance(func, ast.Attribute) else MISSING
        name = getattr(value, "__name__", getattr(func, "attr", ""))
        if owner in (datetime.datetime, datetime.date) and name in ("now", "utcnow", "today") or self.is_now(value):
            self.given(node)
            return NOW
        if value is MISSING:
            self.unread(node)
        if isinstance(owner, logging.Logger) or getattr(value, "__module__", "") in ("logging", "warnings", "_warnings"):
            self.given(node)
            return FIXED
        if value in (getattr, hasattr) and len(node.args) > 1 and self.of(node.args[0]) in (USER, SELF):
            return self.named_attribute(node)
        if value is models.Q:
            return FIXED if self.lookups(node) != ONE else self.unread(node)
        if inspect.isclass(value) and issubclass(value, models.QuerySet):
            return USERS if all(k == FIXED for k in self.given(node)) else self.unread(node)
        kinds = set(self.given(node))
        if value is bool and kinds <= set([DATE, USER, ROW, FIXED]):
            return ROW
        if value is isinstance and self.of(node.args[0]) == USER:
            return FIXED
        if self.is_pure(value, owner):
            if kinds & set([KEY, TEXT]):
                return self.of_key(node, value, owner)
            return self.together(node.args + [k.value for k in node.keywords], node)
        if inspect.isfunction(function_of(value)) and not is_library(value):
            return self.reading.function(value, self.cls, None, None, None, self.arguments_for(node, value, None), where(value))
        self.unread(node)

    def of_key(self, node, value, owner):
        """The key as another type is the key. What may fail by the key decides by it."""
        name = getattr(value, "__name__", "")
        if name in ("int", "str", "unicode", "UUID", "force_str", "force_text") and len(node.args) == 1 and not node.keywords and self.of(node.args[0]) == KEY:
            return KEY
        text = str(owner) if type(owner).__name__ in ("str", "unicode") else None
        if text is not None and (name == "join" or name == "format" and "{:" not in text and "!" not in text):
            return TEXT
        return TEXT if name in ("repr", "salted_hmac", "len") else self.unread(node)

    def is_now(self, value):
        return getattr(value, "__module__", "") == "django.utils.timezone" and value.__name__ in ("now", "localtime", "localdate")

    def is_pure(self, value, owner):
        """Whether what is called goes by its arguments alone."""
        module = getattr(value, "__module__", None) or ""
        if inspect.isclass(value):
            exception = issubclass(value, BaseException)
            return exception or value in PURE_CALLS or value.__name__ in ("UUID", "Decimal", "timedelta") or any(c.__name__ == "Enum" for c in value.__mro__)
        if type(owner).__name__ in ("Pattern", "SRE_Pattern", "str", "bytes", "tuple", "frozenset", "unicode", "dict", "list", "set"):
            return getattr(value, "__name__", "") in VALUE_METHODS | set(dir(re.compile("")))
        pure = module in ("re", "operator", "django.utils.translation", "django.utils.encoding") or (module, getattr(value, "__name__", "")) in (
            ("django.utils.crypto", "salted_hmac"), ("hashlib", "new"))
        return pure or any(value is f for f in PURE_CALLS) or isinstance(value, Recorder)

    def named_attribute(self, node):
        """getattr(user, "is_active", None): what is missing is the default."""
        name = self.text_of(node.args[1])
        kind = self.of(node.args[0])
        if name is None or set(self.of(a) for a in node.args[2:]) - set([FIXED]):
            self.unread(node)
        missing = kind == USER and method_of(self.reading.model, name)[1] is None and self.field(name) is None
        if missing and name in ("is_active", "is_staff", "is_superuser"):
            return FIXED
        attribute_node = ast.copy_location(ast.Attribute(value=node.args[0], attr=name, ctx=ast.Load()), node)
        found = self.of(attribute_node)
        return found if node.func.id == "getattr" else FIXED

    def text_of(self, node):
        value = self.resolve(node)
        return value if isinstance(value, str) else None

    def ask(self, node, base):
        """A method of the manager of users, or of their query set."""
        from django.db import models

        name, cls = node.func.attr, type(self.reading.model._default_manager)
        managers = [type(m) for m in (self.reading.model._default_manager, getattr(self.reading.model, "objects", None)) if m is not None]
        managers = ([self.cls] if self.mine() in (USERS, ONE) else []) + managers + [type(m.all()) for m in (self.reading.model._default_manager,)]
        for cls in managers:
            thing, owner = method_of(cls, name)
            if owner is not None and not is_library(thing):
                return self.reading.function(thing, cls, owner, None, base, self.arguments_for(node, thing, base), where(thing))
        if name in CHAINS and (name in ("filter", "exclude") or hasattr(models.QuerySet, name) or name in ("db_manager", "get_queryset")):
            found = self.lookups(node, name in ("filter", "exclude"))
            if name == "exclude" and found == ONE:
                self.unread(node)
            return ONE if ONE in (found, base) else USERS
        if name in FINDS + ("exists", "aexists") and ONE in (self.lookups(node), base):
            return USER if name in FINDS else ROW
        self.unread(node)

    def is_prefetch(self, node, argument):
        """Whether it is Prefetch("regions", queryset=Region.objects.order_by("name")), which finds rows of others for the users that are found anyway."""
        from django.db import models

        if name_of(node) != "prefetch_related" or not isinstance(argument, ast.Call) or self.resolve(argument.func) is not models.Prefetch:
            return False
        calls = [n for n in ast.walk(argument) if isinstance(n, ast.Call) and n is not argument]
        rows = len(argument.args) < 3 and all(k.arg in ("lookup", "queryset") for k in argument.keywords)
        return rows and all(isinstance(n.func, ast.Attribute) and n.func.attr in CHAINS for n in calls)

    def lookups(self, node, columns=True):
        """By which columns rows are found: the key alone takes the key."""
        for argument in node.args:
            if not self.is_prefetch(node, argument) and self.of(argument) != FIXED:
                self.unread(node)
        pairs = []
        for keyword in node.keywords:
            if keyword.arg is not None:
                pairs.append((keyword.arg, keyword.value))
            elif isinstance(keyword.value, ast.Dict):
                pairs += [(self.text_of(k), v) for k, v in zip(keyword.value.keys, keyword.value.values)]
            else:
                self.unread(node)
        if getattr(node, "starargs", None) is not None or getattr(node, "kwargs", None) is not None:  # Python 2
            self.unread(node)
        kinds = [(name, self.of(value)) for name, value in pairs]
        for name, kind in kinds if columns else ():
            self.lookup((name or "").split("__"), kind, node)
        return ONE if columns and KEY in [kind for _, kind in kinds] else FIXED

    def lookup(self, parts, kind, node):
        pk = self.reading.model._meta.pk
        field = pk if parts[0] == "pk" else self.field(parts[0])
        if field is None or any(p not in COMPARES for p in parts[1:]):
            self.unread(node)
        if field is pk:
            if kind != KEY or parts[1:] not in ([], ["exact"]):
                self.unread(node)
        elif kind not in (FIXED, NOW) or getattr(field, "remote_field", None) and parts[0] == field.name:
            self.unread(node)
        else:
            self.reading.column(field)


DECIDING = ("get_user", "aget_user", "user_can_authenticate")


def read_backend(cls, instance):
    """The columns by which a backend decides whom it finds. Unread where its code does something else."""
    reading = Reading()
    for name in DECIDING:
        thing, owner = method_of(cls, name)
        if owner is None or is_djangos(owner) and not replaced(thing):
            continue
        mine = None if isinstance(thing, staticmethod) else SELF
        kind = reading.function(thing, cls, owner, instance, mine, [USER if name == "user_can_authenticate" else KEY], where(thing))
        if kind not in ((FIXED, ROW) if name == "user_can_authenticate" else (FIXED, USER)):
            raise Unread("%s returns %s" % (where(thing), "what is no user" if kind != USERS else "a query"))
    return reading.fields


def read_property(model, thing, branches=True):
    """The columns by which a property or method of the user model decides."""
    reading = Reading(branches)
    owner = next((c for c in model.__mro__ if any(v is thing for v in vars(c).values())), None)
    if isinstance(thing, (bool, int, str)) or owner is not None and is_djangos(owner) and not replaced(thing):
        return []
    reading.function(thing, model, owner, None, USER, [])
    return reading.fields


def read_query(manager):
    """That a manager's get_queryset() is the same query at all times."""
    thing, owner = method_of(manager, "get_queryset")
    if owner is None or is_djangos(owner) and not replaced(thing) or is_library(thing):
        return
    reading = Reading(branches=False)
    if reading.function(thing, manager, owner, None, USERS, []) != USERS:
        raise Unread("%s returns what is no query of users" % where(thing))
