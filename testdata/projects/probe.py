"""Run by a shell of a real application: makes users and sessions as Django makes them, and writes down what Django says of them.

The file that PROBE_OUT names gets one JSON object. Everything goes through the application's whole MIDDLEWARE: each login, and each
question who the user is. An application may bring a probe_hooks.py beside its settings: new_user(), PATH, HOST, headers().
"""

import contextlib
import datetime
import importlib.util
import json
import os
import pathlib
import secrets
import traceback
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, get_user_model, login, logout, update_session_auth_hash
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.handlers.base import BaseHandler
from django.core.management import call_command
from django.core.signals import got_request_exception
from django.db import connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import ResolverMatch

User = get_user_model()
hooks = None
if os.path.exists("probe_hooks.py"):
    spec = importlib.util.spec_from_file_location("probe_hooks", "probe_hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)


def hook(name, default):
    return getattr(hooks, name, default)


class Handler(BaseHandler):
    """The application's middleware, with a view of ours behind it for every path."""

    view = None

    def _get_response(self, request):
        request.resolver_match = ResolverMatch(self.view, (), {})
        for process_view in self._view_middleware:
            response = process_view(request, self.view, (), {})
            if response is not None:
                return response
        return self.view(request)


failures = []


@got_request_exception.connect
def failed(**kwargs):
    failures[:] = [traceback.format_exc()]


handler = Handler()
handler.load_middleware()


def request(view, cookie=None):
    """Send a request through the middleware. Return it and its response."""
    made = RequestFactory().get(hook("PATH", "/"), HTTP_HOST=hook("HOST", "localhost"), **hook("HEADERS", {}))
    if cookie is not None:
        made.COOKIES[settings.SESSION_COOKIE_NAME] = cookie
    handler.view = view
    try:
        return made, handler.get_response(made)
    except Exception as e:  # the page of an error has failed too: a server answers 500
        return made, HttpResponse(repr(e), status=500)


count = 100 * secrets.randbelow(10**6)  # no user is called so yet


def new_user(**flags):
    """Make a user whose required fields have something in them."""
    global count
    count += 1
    if hook("new_user", None):
        return hooks.new_user(count, **flags)
    values = {}
    for field in User._meta.concrete_fields:
        if field.name in flags:
            values[field.name] = flags[field.name]
        elif field.name in (User.USERNAME_FIELD, "username", User.get_email_field_name()) or (
            field.unique and not field.primary_key and not field.has_default() and not field.null
        ):
            address = "email" in field.name or field.get_internal_type() == "EmailField"
            values[field.name] = "User%d@example.com" % count if address else "user%d" % count
    user = User(**values)
    user.password = PBKDF2PasswordHasher().encode("secret %d" % count, "salt", 1)  # set_password() takes its time
    user.save()
    return user


def log_in(user, backend, change=None):
    """Log a user in, in the application's middleware. Return the session's cookie."""

    def view(made):
        # The name of the backend is of the session: what the user came with does not count.
        login(made, user, backend=backend)
        made.session["note"] = "snow \u2603, a quote \" and a \\"
        if change:
            change(made)
        return HttpResponse()

    view.login_required = False  # like that of Django's LoginView
    made, response = request(view)
    key = made.session.session_key
    if settings.SESSION_COOKIE_NAME in response.cookies:
        key = response.cookies[settings.SESSION_COOKIE_NAME].value or key
    elif key is None or not made.session.exists(key):
        raise AssertionError("%s has logged nobody in: %d\n%s" % (backend, response.status_code, "".join(failures)))
    return key


def describe(user):
    if user is None or not user.is_authenticated:
        return {"user": None}
    email = getattr(user, type(user).get_email_field_name(), None) if hasattr(type(user), "get_email_field_name") else None
    groups = None
    with contextlib.suppress(AttributeError, TypeError):
        groups = sorted(group.name for group in user.groups.all())
    return {
        "user": str(user.pk),
        "username": user.get_username(),
        "email": email,
        "staff": bool(getattr(user, "is_staff", False)),
        "superuser": bool(getattr(user, "is_superuser", False)),
        "groups": groups,
        "permissions": {p: has_perm(user, p) for p in permissions},
    }


def has_perm(user, permission):
    try:
        return bool(user.has_perm(permission))
    except TypeError:  # some want an object too
        return False


def ask(cookie):
    """Say who the user is behind all middleware. What the request changes is taken back."""
    said = {}

    def view(made):
        said.update(describe(made.user))
        return HttpResponse()

    kept = keep(cookie)
    with contextlib.ExitStack() as stack:
        for alias in connections:
            stack.enter_context(transaction.atomic(using=alias))
        made, response = request(view, cookie)
        if not said:  # a middleware has answered by itself
            said["status"] = response.status_code
            said.update({"user": None} if response.status_code >= 500 else describe(getattr(made, "user", None)))
        for alias in connections:
            transaction.set_rollback(True, using=alias)
    kept()
    return said


def keep(cookie):
    """Return what puts a session back into its cache or file, which no transaction does."""
    engine = settings.SESSION_ENGINE.rsplit(".", 1)[-1]
    store = import_module(settings.SESSION_ENGINE).SessionStore(cookie)
    if engine in ("cache", "cached_db") and hasattr(store, "_cache"):
        key = store.cache_key
        value = store._cache.get(key)
        return lambda: store._cache.set(key, value) if value is not None else None
    if engine == "file" and os.path.exists(store._key_to_file()):
        file = pathlib.Path(store._key_to_file())
        content = file.read_bytes()
        return lambda: file.write_bytes(content)
    return lambda: None


def forget(made):
    logout(made)
    return HttpResponse()


def unlisted(made):
    made.session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.OfYesterday"


def forged(made):
    made.session[HASH_SESSION_KEY] = "0" * 64


def over(made):
    made.session.set_expiry(datetime.timedelta(days=-1))


def short(made):
    made.session.set_expiry(0)


def far(made):
    made.session.set_expiry(datetime.timedelta(days=400))


def set_password(user):
    user = User._base_manager.get(pk=user.pk)
    user.set_password("another secret")
    user.save()
    return user


def kinds(backend, group, permission):
    """Yield the states of a login, and a cookie for each."""

    def again(user, **flags):
        for name, value in flags.items():
            if any(f.name == name for f in User._meta.concrete_fields):
                setattr(user, name, value)
        user.save()

    def member(user):
        if any(f.name == "groups" for f in User._meta.many_to_many):
            user.groups.add(group)
        return user

    def permitted(user):
        if any(f.name == "user_permissions" for f in User._meta.many_to_many):
            user.user_permissions.add(permission)
        return user

    yield "plain", log_in(new_user(), backend)
    yield "staff", log_in(new_user(is_staff=True), backend)
    yield "superuser", log_in(new_user(is_staff=True, is_superuser=True), backend)
    yield "superuser alone", log_in(new_user(is_superuser=True), backend)
    yield "in a group", log_in(member(new_user()), backend)
    yield "with a permission", log_in(permitted(new_user()), backend)
    yield "staff with both", log_in(permitted(member(new_user(is_staff=True))), backend)
    for flags in {"is_staff": False}, {"is_superuser": True}, {"is_staff": True, "is_superuser": True}:
        user = member(permitted(new_user(**flags)))
        cookie = log_in(user, backend)
        again(user, is_active=False)
        yield "inactive since, " + ", ".join(flags), cookie
    user = new_user()
    cookie = log_in(user, backend)
    User._base_manager.filter(pk=user.pk).delete()
    yield "deleted since", cookie
    user = new_user()
    cookie = log_in(user, backend)
    set_password(user)
    yield "another password since", cookie

    user = new_user()

    def keeps(made):
        changed = set_password(user)
        changed.backend = backend
        update_session_auth_hash(made, changed)

    yield "has changed the password here", log_in(user, backend, keeps)
    user = member(new_user(is_staff=True))
    cookie = log_in(user, backend)
    again(user, is_staff=False)
    if any(f.name == "groups" for f in User._meta.many_to_many):
        user.groups.remove(group)
    yield "staff no more", cookie
    cookie = log_in(new_user(), backend)
    request(forget, cookie)
    yield "logged out", cookie
    yield "over", log_in(new_user(), backend, over)
    yield "until the browser ends", log_in(new_user(), backend, short)
    yield "for long", log_in(new_user(), backend, far)
    yield "forged hash", log_in(new_user(), backend, forged)
    yield "unlisted backend", log_in(new_user(), backend, unlisted)
    for fallback in getattr(settings, "SECRET_KEY_FALLBACKS", []):
        with override_settings(SECRET_KEY=fallback):
            yield "with a key of before", log_in(new_user(), backend)
    with override_settings(SECRET_KEY="a key that nobody knows"):
        yield "with a key that nobody knows", log_in(new_user(), backend)


class NoMigrations:
    """MIGRATION_MODULES for tables as the models have them, in one step. Migrations come to the same, in minutes."""

    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None


def main():
    global permissions
    tables = hook("TABLES_OF_MODELS", True)
    if tables:
        with override_settings(MIGRATION_MODULES=NoMigrations()):
            call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    elif tables is False:
        call_command("migrate", verbosity=0, interactive=False)
    group, _ = Group.objects.get_or_create(name="editors")
    kind = ContentType.objects.get_for_model(User)
    made = {name: Permission.objects.get_or_create(codename=name, content_type=kind, defaults={"name": name})[0]
            for name in ("probe_of_group", "probe_of_user", "probe_of_nobody")}
    group.permissions.add(made["probe_of_group"])
    permissions = ["%s.%s" % (kind.app_label, name) for name in made]
    cookies = []
    for backend in hook("BACKENDS", settings.AUTHENTICATION_BACKENDS):
        cookies += [(backend, state, cookie) for state, cookie in kinds(backend, group, made["probe_of_user"])]
    cookies += hook("more", lambda *helpers: [])(log_in, new_user, request)
    cookies += [("", "never logged in", "a" * 32), ("", "no key", "short"), ("", "empty", "")]
    sessions = [dict(ask(cookie), backend=backend, state=state, cookie=cookie) for backend, state, cookie in cookies]
    return {
        "cookie_name": settings.SESSION_COOKIE_NAME, "sessions": sessions, "permissions": permissions, "group": "editors",
        "token": hook("token", lambda new_user: "")(new_user),  # what an API takes in place of a session
    }


try:
    result = main()
except Exception:
    result = {"error": traceback.format_exc()}
with open(os.environ["PROBE_OUT"], "w") as out:
    json.dump(result, out)
