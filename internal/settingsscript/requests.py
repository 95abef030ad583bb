"""The project's own MIDDLEWARE on requests with sessions that are made for them."""

import logging


def prove_requests(report, kind):
    """Makes a user and sessions, and looks who request.user is behind the whole of MIDDLEWARE."""
    from django.db import router

    model = user_model()
    store = store_class()
    alias = router.db_for_write(model)
    aliases = [alias]
    if kind in ("db", "cached_db") and session_model(store) is not None:
        aliases.append(router.db_for_write(session_model(store)))
    try:
        check_transactions(alias, [model._meta.db_table])
        with one_database(report), rolled_back(sorted(set(aliases))):
            Trial(report, model, alias, store).run()
    except Impossible as e:
        report.unproved.append("no request was tried: %s" % e)
        read_unknown(report, [])
    except Exception as e:
        report.unproved.append("no request could be tried (%s: %s)" % (type(e).__name__, first_line(e)))
        read_unknown(report, [])


AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def opens_sessions(path):
    """Whether an item stands in the place of Django's SessionMiddleware, as those of django-user-sessions and django-qsessions do."""
    from django.contrib.sessions.middleware import SessionMiddleware
    from django.utils.module_loading import import_string

    item = import_string(path)
    return path.endswith(".SessionMiddleware") or inspect.isclass(item) and issubclass(item, SessionMiddleware)


class Trial(object):
    """Requests with a session of one user, behind all of MIDDLEWARE and behind Django's own part of it."""

    def __init__(self, report, model, alias, store):
        self.report, self.model, self.alias, self.store = report, model, alias, store
        self.user = active_user(model, alias)
        self.listed = middleware_list()
        self.plain = [p for p in self.listed if p.startswith("django.contrib.") and effect_of(p) == NO_EFFECT or opens_sessions(p)]
        if AUTHENTICATION not in self.plain:  # the project has its own
            self.plain.append(AUTHENTICATION)
        self.backends = self.listed_backends()

    def listed_backends(self):
        """Those through which Django finds the user. Some give permissions alone, and have no get_user() at all."""
        from django.contrib.auth import load_backend

        text = self.report.get("DJANGO_AUTHENTICATION_BACKENDS")
        if text is None:
            return [MODEL_BACKEND] if MODEL_BACKEND in settings.AUTHENTICATION_BACKENDS else list(settings.AUTHENTICATION_BACKENDS)[:1]
        listed = text.split(",") if not text.startswith("[") else __import__("json").loads(text)
        knows = [p for p in listed if outcome(lambda: load_backend(p).get_user(self.user.pk) is not None) == ("value", True)]
        if any(effect_of(p) == REMOTE_USER for p in self.listed):  # the sidecar knows as well that it makes nobody of them
            knows = [p for p in knows if not (known_backend(p) and same_class(import_of(p), REMOTE_BACKEND))] or knows
        return knows or listed[:1]

    def run(self):
        if not getattr(self.user, "is_active", True):
            raise Impossible("no user could be made who is active")
        self.find_host()
        self.remove_what_answers()
        self.report.step("the session's cookie", self.read_cookies)
        tried = 0
        for backend in self.backends:
            plain, seen = self.ask(self.plain, backend), self.ask(self.listed, backend)
            if plain != str(self.user.pk):
                if backend == self.backends[0]:
                    self.impossible("Django itself finds no user in a session that was made for one (%s)" % backend)
                continue
            tried += 1
            if seen != plain:
                self.impossible(
                    "middleware %s makes %s of the user of a session through %s"
                    % (self.culprit(backend, plain), "nobody" if seen is None else "somebody else", backend)
                )
                return
        with Road() as road:
            outcome(lambda: self.ask(self.plain, self.backends[0]))
        read_road(self.report, road)
        if tried:
            self.report.proved.append("request.user behind MIDDLEWARE is the user of the session")
        explained = self.vary() if any(effect_of(p) == UNKNOWN for p in self.listed) else []
        read_unknown(self.report, explained, self.listed)

    def impossible(self, text):
        self.report.add(self.report.impossible, text)

    def find_host(self):
        """The first of the hosts that the project may have with which a request reaches a view; the first of all if none does."""
        hosts = hosts_of_project()
        for host in hosts:
            HOSTS[:] = [host]
            if not isinstance(self.ask(self.listed, self.backends[0]), Answer):
                return
        HOSTS[:] = hosts[:1]

    def remove_what_answers(self):
        """Items that answer in place of the view (a redirect, a 404) are left out, so that those behind them are seen."""
        for _ in range(6):
            answer = self.ask(self.listed, self.backends[0])
            if not isinstance(answer, Answer):
                return
            for n in range(1, len(self.listed) + 1):
                if isinstance(self.ask(self.listed[:n], self.backends[0]), Answer):
                    self.report.remarks.append(
                        "middleware %s answers a request to / itself (%s): what it does with users was not seen"
                        % (self.listed[n - 1], answer)
                    )
                    self.listed = self.listed[: n - 1] + self.listed[n:]
                    break
        raise Impossible("MIDDLEWARE lets no request reach a view (%s)" % answer)

    def read_cookies(self, report):
        """A second cookie by which the project's own middleware opens sessions, such as pretix's __Host- (multidomain/middlewares.py, 2026)."""
        own, none = settings.SESSION_COOKIE_NAME, "0" * 32
        finds = lambda cookies: self.ask(self.listed, self.backends[0], cookies) == str(self.user.pk)  # noqa: E731
        ASKED[:] = []
        if not finds(lambda key: {own: key}) or finds(lambda key: {own: none}) or finds(lambda key: {}):
            return
        others = [name for name in sorted(set(ASKED)) if name != own and finds(lambda key: {name: key})]
        if not others:
            return
        names = others[:1] + [own] if finds(lambda key: {others[0]: key, own: none}) else [own] + others[:1]
        places = "middleware %s" % ", ".join(p for p in self.listed if not p.startswith("django.") and opens_sessions(p))
        if len(others) > 1 or finds(lambda key: {names[0]: none, names[1]: key}):
            raise Impossible("%s opens sessions by the cookies %s, and django-sidecar takes that of the first name a request has" % (places, ", ".join(others + [own])))
        if names[0] != own and (report.get("DJANGO_SESSION_ENGINE") or "").endswith(".file"):
            raise Impossible("%s opens sessions by the cookie %s, and their files are called %s" % (places, names[0], own))
        if finds(lambda key: {names[0]: "", names[1]: key}):
            report.stricter.append("requests with an empty cookie %s and one called %s are nobody's" % tuple(names))
        report.settings = [pair for pair in report.settings if pair[0] != "DJANGO_SESSION_COOKIE_NAME"]
        report.set("DJANGO_SESSION_COOKIE_NAME", names)
        report.proved.append("%s opens sessions by the cookies %s, in this order" % (places, ", ".join(names)))

    def culprit(self, backend, right):
        """The first item of MIDDLEWARE with which request.user is another."""
        from django.utils.module_loading import import_string

        started = False
        for n in range(1, len(self.listed) + 1):
            seen = outcome(lambda: self.ask(self.listed[:n], backend))[1]
            started = started or seen == right
            if started and seen != right:
                return "%s (%s)" % (self.listed[n - 1], where(import_string(self.listed[n - 1])))
        return "of the project"

    def vary(self):
        """Columns of the user on which MIDDLEWARE decides, as a condition. Returns the items, and the columns that explain them."""
        explained, fields, backend = [], [], self.backends[0]
        for field, value in variations(self.model, self.user):
            with changed(self.model, self.alias, self.user, field, value) as done:
                if not done or field in fields:
                    continue
                plain, seen = self.both(backend)
                if plain is not None and seen != plain:
                    fields.append(field)
                    explained.append((field, self.culprit(backend, plain), isinstance(seen, Answer)))
        for field, item, answers in explained:
            self.report.step("a condition of %s" % item, self.condition, field, item, backend, answers)
        return [(item.split(" ")[0], field) for field, item, _ in explained]

    def both(self, backend):
        """Who is logged in without and with the project's own items, of which those answer nobody that are accepted."""
        if outcome(lambda: self.ask(self.listed, backend)) == ("value", str(self.user.pk)):
            return str(self.user.pk), str(self.user.pk)  # whom all items leave alone, Django's own do
        kind, plain = outcome(lambda: self.ask(self.plain, backend))
        if kind == "error" or plain is None or isinstance(plain, Answer):
            return None, None
        seen = self.ask(self.listed, backend)
        if isinstance(seen, Answer) and ACCEPTED:  # noqa: F821
            seen = self.ask([p for p in self.listed if p not in ACCEPTED or p in self.plain], backend)  # noqa: F821
        return plain, seen

    def condition(self, report, field, item, backend, answers):
        """The values of a column with which a middleware leaves a user logged in, and lets the request reach a view."""
        from django.db import connections

        def stays(user):
            with changed(self.model, self.alias, self.user, field, getattr(user, field.attname)) as done:
                plain, seen = self.both(backend) if done else (None, None)
                return plain is None or seen == plain

        sql, whole = condition_for(self.model, stays, connections[self.alias], "middleware %s" % item, [field], self.user)
        before = report.get("DJANGO_AUTH_USER_WHERE")
        report.settings = [pair for pair in report.settings if pair[0] != "DJANGO_AUTH_USER_WHERE"]
        report.set("DJANGO_AUTH_USER_WHERE", "(%s) AND (%s)" % (before, sql) if before else sql)
        if answers:
            report.stricter.append(
                "middleware %s answers users by itself for whom this is false, who are nobody here: %s (with -accept %s they are who they are)"
                % (item, sql, item.split(" ")[0])
            )
        else:
            report.proved.append("middleware %s ends logins of users without: %s" % (item, sql))
        if not whole:
            report.stricter.append(
                "middleware %s decides on values of %s, of which those that the table has now are known"
                % (item, field.column)
            )

    def ask(self, listed, backend, cookies=lambda key: {settings.SESSION_COOKIE_NAME: key}):
        """Who request.user is behind these items: str(pk), None for nobody; an Answer where no view is reached. Nothing of a request is left behind."""
        with rolled_back([self.alias]), silence():
            session = self.store()
            user = self.model._base_manager.using(self.alias).get(pk=self.user.pk)
            session["_auth_user_id"] = self.model._meta.pk.value_to_string(user)
            session["_auth_user_backend"] = backend
            session["_auth_user_hash"] = user.get_session_auth_hash()
            session.save()
            key = session.session_key
            try:
                found, response = request_through(listed, cookies(key))
                if found:
                    return found[0]
                if "django.contrib.sessions.middleware.SessionMiddleware" in self.plain and not self.cookie(response, key):
                    return None  # the session has ended, and the answer is a redirect
                return Answer("status %s" % response.status_code)
            finally:
                outcome(lambda: self.store(key).delete())  # caches and files roll nothing back

    def cookie(self, response, key):
        """Whether the session is still that of a user."""
        kind, value = outcome(lambda: self.store(key).load().get("_auth_user_id"))
        return kind == "value" and value is not None


HOSTS = ["localhost"]


def domains_of_sites():
    from django.contrib.sites.models import Site
    from django.db import router

    return apart(router.db_for_read(Site), lambda: list(Site.objects.values_list("domain", flat=True)[:4]))


def hosts_of_project(most=12):
    """Hosts by which a middleware may know a site or a tenant."""
    allowed = [h.lstrip(".") for h in settings.ALLOWED_HOSTS if h not in ("*", "") and (":" not in h or "[" in h)]
    domains = [str(d).lstrip(".") for d in (settings.SESSION_COOKIE_DOMAIN, setting("PARENT_HOST")) if d]
    origins = [o.split("://")[-1].lstrip("*.") for o in settings.CSRF_TRUSTED_ORIGINS]
    kind, sites = outcome(domains_of_sites)
    found = []
    for host in allowed + ["localhost"] + domains + origins + (sites if kind == "value" else []):
        found += [h for h in (host, "www." + host) if h not in found and (h == host or "." in host and "[" not in host)]
    return found[:most]


class Answer(str):
    """Why no view is reached."""


@contextlib.contextmanager
def silence():
    """Nobody is told of errors on the way: by mail, for example."""
    from django.core import signals

    receivers = signals.got_request_exception.receivers
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    signals.got_request_exception.receivers = []
    signals.got_request_exception.sender_receivers_cache.clear()
    try:
        yield
    finally:
        signals.got_request_exception.receivers = receivers
        signals.got_request_exception.sender_receivers_cache.clear()
        logging.disable(disabled)


ASKED = []


class Cookies(dict):
    """The cookies of a request, of which it is remembered which were asked for."""

    def get(self, name, default=None):
        return self[name] if name in self else default

    def __contains__(self, name):
        ASKED.append(name)
        return dict.__contains__(self, name)

    def __getitem__(self, name):
        ASKED.append(name)
        return dict.__getitem__(self, name)


def request_through(listed, cookies):
    """A request to / with these cookies: who has reached the view, and the answer."""
    from django.core.handlers.base import BaseHandler
    from django.http import HttpResponse
    from django.test import RequestFactory
    from django.urls import ResolverMatch

    found = []

    def view(request, *args, **kwargs):
        user = getattr(request, "user", None)
        found.append(str(user.pk) if user is not None and user.is_authenticated else None)
        return HttpResponse("")

    class Handler(BaseHandler):
        def _get_response(self, request):
            request.resolver_match = ResolverMatch(view, (), {})
            for method in self._view_middleware:  # core/handlers/base.py, _get_response
                response = method(request, view, (), {})
                if response:
                    return response
            return view(request)

    request = RequestFactory().get("/", secure=True, HTTP_HOST=HOSTS[0])
    request.COOKIES = Cookies(cookies)
    request._dont_enforce_csrf_checks = True
    old = setting("MIDDLEWARE")
    settings.MIDDLEWARE = listed
    try:
        handler = Handler()
        handler.load_middleware()
        response = handler.get_response(request)
    except Exception:  # the page for errors has failed too
        response = HttpResponse(status=500)
    finally:
        settings.MIDDLEWARE = old
    return found, response


def active_user(model, alias):
    """A made user who is active: is_active may be a property."""
    user = make_user(model, alias)
    if field_of(model, "is_active") is not None:
        model._base_manager.using(alias).filter(pk=user.pk).update(is_active=True)
    elif not user.is_active:
        for field, value in variations(model, user):
            with changed(model, alias, user, field, value) as done:
                good = done and model._base_manager.using(alias).get(pk=user.pk).is_active
            if good:
                model._base_manager.using(alias).filter(pk=user.pk).update(**{field.attname: value})
                break
    return model._base_manager.using(alias).get(pk=user.pk)


DOES = {
    ENDS: "may end logins or change who is logged in, under conditions that were not met here",
    REFUSES: "may answer in place of the application, by what it knows of the user, whom django-sidecar would let pass",
    LOST: "gives the request to code that cannot be followed",
    LOGS_IN: "may log somebody in, who is nobody here until Django has done it",
}


def only_active(report):
    listed = report.get("DJANGO_AUTHENTICATION_BACKENDS") or MODEL_BACKEND
    return listed == MODEL_BACKEND and "any" not in (report.get("DJANGO_BACKEND_RULES") or "")


def read_unknown(report, explained, tried=()):
    """Middleware that is not known may do under conditions of its own what was not seen. explained has pairs of an item and a column."""
    from django.utils.module_loading import import_string

    read = []
    for path in middleware_list():
        if effect_of(path) != UNKNOWN:
            continue
        columns = set(NEUTRAL)
        for item, field in explained:
            columns.update([field.name, field.attname, field.column] if item == path else [])
        # Where all backends go by is_active, who is not active is nobody.
        nobody = ("is_authenticated",) + (("is_active",) if only_active(report) else ())
        follower, whole = Follower(nobody), Follower(nobody, by_settings=False)
        follower.middleware(import_string(path))
        if follower.settings:
            whole.middleware(import_string(path))
        by_settings = len(whole.events) > len(follower.events)
        if by_settings:
            names = ", ".join("%s=%r" % (n, bool(getattr(settings, n))) for n in sorted(follower.settings))
            report.remarks.append("middleware %s was read with %s: run this program again where that changes" % (path, names))
        may = []
        if follower.unread:
            may.append("the source of middleware %s cannot be read: %s" % (path, ", ".join(sorted(set(follower.unread)))))
        for kind in (ENDS, REFUSES, LOST, LOGS_IN):
            events = [e for e in follower.events if e.kind == kind and not (set(e.by) - set(NEUTRAL) and set(e.by) <= columns)]
            if events:
                text = "middleware %s %s: %s" % (path, DOES[kind], events[0])
                if kind == LOGS_IN:
                    report.add(report.stricter, text)
                else:
                    may.append(text)
        if may:
            report.unless(path, "; ".join(may), "that changes nothing of who is logged in")
        if path in tried and not by_settings and (not may or path in ACCEPTED):  # noqa: F821
            read.append(path)
    report.set("SIDECAR_MIDDLEWARE_READ", read, [])  # of which "check" warns no longer
