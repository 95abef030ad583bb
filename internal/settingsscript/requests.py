"""The project's own MIDDLEWARE on a request with a session that is made for it."""


def prove_requests(report, kind):
    """Makes a user and a session, and looks who request.user is behind the whole of MIDDLEWARE."""
    from django.db import router

    model = user_model()
    store = store_class()
    alias = router.db_for_write(model)
    aliases = [alias]
    if kind in ("db", "cached_db") and session_model(store) is not None:
        aliases.append(router.db_for_write(session_model(store)))
    aliases = sorted(set(aliases))
    backends = report.get("DJANGO_AUTHENTICATION_BACKENDS")
    backend = backends.split(",")[0] if backends and not backends.startswith("[") else MODEL_BACKEND
    try:
        check_transactions(alias, [model._meta.db_table])
        with rolled_back(aliases):
            user = active_user(model, alias)
            try_requests(report, model, alias, store, user, backend)
    except Impossible as e:
        report.remarks.append("no request was tried: %s" % e)
    except Exception as e:
        report.remarks.append("no request could be tried (%s: %s)" % (type(e).__name__, first_line(e)))


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


def try_requests(report, model, alias, store, user, backend):
    session = store()
    session["_auth_user_id"] = model._meta.pk.value_to_string(user)
    session["_auth_user_backend"] = backend
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    key = session.session_key
    try:
        listed = middleware_list()
        seen = ask(listed, key)
        if isinstance(seen, Answer):
            report.remarks.append("a request to / does not reach a view (%s): what MIDDLEWARE does to a user behind it was not seen" % seen)
            return
        if seen == str(user.pk):
            report.proved.append("request.user behind the whole of MIDDLEWARE is the session's user")
            return
        culprit = first_that_changes(listed, key, user)
        if seen is None and culprit is None:
            report.add(report.impossible, "Django itself finds no user in a session that was made for one (%s)" % backend)
        else:
            report.add(report.impossible, "middleware %s makes %s of the user of a session" % (
                culprit or "of the project", "nobody" if seen is None else "somebody else"))
    finally:
        outcome(store(key).delete if not key.startswith("eyJ") else lambda: None)


def ask(listed, key):
    """Who request.user is behind these: str(pk), None for nobody; or why no view is reached, as an Answer."""
    from django.core.handlers.base import BaseHandler
    from django.http import HttpResponse
    from django.test import RequestFactory

    found = []

    class Handler(BaseHandler):
        def _get_response(self, request):
            user = getattr(request, "user", None)
            found.append(str(user.pk) if user is not None and user.is_authenticated else None)
            return HttpResponse("")

    old = settings.MIDDLEWARE
    hosts = [h for h in settings.ALLOWED_HOSTS if h not in ("*", "")]
    host = hosts[0].lstrip(".") if hosts else "localhost"
    request = RequestFactory().get("/", secure=True, HTTP_HOST=host)
    request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    request._dont_enforce_csrf_checks = True
    settings.MIDDLEWARE = listed
    try:
        handler = Handler()
        handler.load_middleware()
        response = handler.get_response(request)
    finally:
        settings.MIDDLEWARE = old
    if not found:
        return Answer("status %s" % response.status_code)
    return found[0]


class Answer(str):
    """Why no view is reached."""


def first_that_changes(listed, key, user):
    """The first item of MIDDLEWARE with which request.user is not the session's user."""
    from django.utils.module_loading import import_string

    started = False
    for n in range(1, len(listed) + 1):
        kind, seen = outcome(lambda: ask(listed[:n], key))
        right = kind == "value" and seen == str(user.pk)
        started = started or right
        if started and not right:
            path = listed[n - 1]
            return "%s (%s)" % (path, where(import_string(path)))
    return None
