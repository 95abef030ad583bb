"""What one function of a middleware does to the request, its session and its user."""


class Effects(Names):
    """One function: the events in it."""

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

    def refusing(self, node):
        """Whether an exception is one of Django's, of which it makes an answer."""
        raised = getattr(node, "exc", getattr(node, "type", None))
        value = self.resolve(raised.func if isinstance(raised, ast.Call) else raised)
        return inspect.isclass(value) and (value.__module__ or "").startswith(("django.core.exceptions", "django.http", "rest_framework"))

    def answers(self, value):
        from django.http.response import HttpResponseBase

        if inspect.isclass(value):
            return issubclass(value, HttpResponseBase)
        place = getattr(value, "__module__", None) or ""
        name = getattr(value, "__name__", "")
        return place == "django.shortcuts" and name in ("redirect", "render", "render_to_response") or name == "redirect_to_login"

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
        key, holder = self.text(index_of(target)), self.meant(target.value)
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

    def each_key(self, name, statements):
        """for key in list(request.session.keys()): del request.session[key]"""
        for one in statements:
            if isinstance(one, ast.If) and isinstance(one.test, ast.Compare) and isinstance(one.test.ops[0], (ast.NotIn, ast.NotEq)):
                self.each_key(name, one.body)
            called = getattr(one, "value", None) if isinstance(one, ast.Expr) else None
            called = called if isinstance(called, ast.Call) and name_of(called) in ("pop", "__delitem__") else None
            gone = one.targets if isinstance(one, ast.Delete) else [called.func] if called is not None else []
            for target in gone:
                keys = called.args[:1] if called is not None else [index_of(target)] if isinstance(target, ast.Subscript) else []
                if [getattr(k, "id", None) for k in keys] == [name] and self.is_session(target):
                    self.event(ENDS, target)

    def ends(self, node, name, owner):
        """Whether a call ends a login, or changes what a login is found by."""
        texts = [self.text(a) for a in node.args]
        if owner is not None:
            if name in EMPTIES and (self.is_session(owner) or self.is_headers(owner, ("COOKIES",) + HEADERS)):
                return True
            if name in WRITES + SETTERS and self.writes(node, owner, texts):
                return True
            if name in ("set_password", "set_unusable_password") and self.of_user(owner) or name == "update" and self.of_users(owner, node):
                return True
        if name in SETTERS and node.args and (self.is_request(node.args[0]) or self.is_class_of_request(node.args[0])):
            return len(texts) > 1 and (texts[1] is None or texts[1] in HOLDS)
        return self.changes_settings(node, name, owner, texts)

    def writes(self, node, owner, texts):
        """Whether a call such as pop() or update() takes the key of a login out of a session, or a cookie out of a request."""
        if (set(texts) & set(AUTH_KEYS) or self.text_in(node, AUTH_KEYS)) and self.is_session(owner):
            return True
        if self.is_headers(owner, ("COOKIES",)) and (not texts or texts[0] in (None, settings.SESSION_COOKIE_NAME)):
            return True
        if self.is_headers(owner, HEADERS) and ("HTTP_COOKIE" in texts or any(k.arg in (None, "HTTP_COOKIE") for k in node.keywords)):
            return True
        if isinstance(owner, ast.Attribute) and owner.attr in WHOLE and (self.is_request(owner.value) or self.of_user(owner.value)):
            return True
        return self.is_request(owner) and bool(set(texts) & set(HOLDS))

    def changes_settings(self, node, name, owner, texts):
        """Whether a call gives a setting another value that decides about sessions."""
        if name in SETTERS and node.args:
            of_settings = [self.resolve(n) is settings for n in (node.args[0], owner) if n is not None]
            if any(of_settings) and (name[:2] == "__" or any(t is None or decides(t) for t in texts[1:2])):
                return True
        overrides = name in ("override_settings", "modify_settings") and getattr(self.resolve(node.func), "__module__", "") == "django.test.utils"
        return overrides and any(k.arg is None or decides(k.arg) for k in node.keywords)

    def meant(self, node):
        """What a variable was given: cookies = request.COOKIES."""
        meaning = self.means.get(node.id) if isinstance(node, ast.Name) else None
        return meaning if isinstance(meaning, ast.Attribute) and meaning.attr in ("COOKIES",) + WHOLE + HEADERS else node

    def opens(self, attribute, value):
        """Whether it is the session of the request's own cookie, as SessionMiddleware opens it (contrib/sessions/middleware.py, process_request)."""
        store = isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "SessionStore"
        if attribute != "session" or not store or set(self.by) - set(NEUTRAL):
            return False
        keys = value.args + [k.value for k in value.keywords if k.arg == "session_key"]
        key = self.means.get(keys[0].id, keys[0]) if len(keys) == 1 and isinstance(keys[0], ast.Name) else keys[0] if len(keys) == 1 else None
        if isinstance(key, ast.Call) and name_of(key) == "get" and key.args:
            owner, name = getattr(key.func, "value", None), key.args[0]
        elif isinstance(key, ast.Subscript):
            owner, name = key.value, index_of(key)
        else:
            return False
        if getattr(owner, "attr", "") != "COOKIES" or not self.is_request(owner.value):
            return False
        return isinstance(name, ast.Attribute) and name.attr == "SESSION_COOKIE_NAME" and self.resolve(name.value) is settings

    def of_users(self, owner, call):
        """Whether a query changes users, such that their sessions end: User.objects.filter(pk=pk).update(is_active=False)."""
        parts = [n for n in ast.walk(owner) if isinstance(n, (ast.Name, ast.Call))]
        types = [n for n in parts if isinstance(n, ast.Call) and name_of(n) == "type" and n.args and self.of_user(n.args[0])]
        users = bool(types) or any(self.resolve(n) is user_model() for n in parts)
        return users and any(k.arg in ("is_active", "password") for k in call.keywords)

    def is_headers(self, node, names):
        """Whether it is what a request has its cookie in, under one of these names."""
        return isinstance(node, ast.Attribute) and node.attr in names and self.is_request(node.value)

    def text(self, node):
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
