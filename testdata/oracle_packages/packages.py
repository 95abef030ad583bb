"""What Django and the packages that are installed beside it say of sessions.

A question is a line of JSON with "op", an answer another one:
{"op": "backends", "database", "lists"} makes users in every state and a session of each through every backend, and answers for each
list of AUTHENTICATION_BACKENDS whom get_user() finds and whether has_perm() is true. {"op": "middleware", "database"} logs in, has the
packages impersonate somebody, and answers who request.user is. {"op": "found", "packages"} lists the backends in the sources.
"""
import ast
import importlib.metadata
import datetime
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import django
from django.conf import settings
from django.core.management import call_command

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
OIDC_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
REMOTE_BACKEND = "django.contrib.auth.backends.RemoteUserBackend"


class NoMigrations:
    """Tables are made from the models, which takes a second for all packages."""

    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None


def deploy(request, apps, **more):
    values = {
        "SECRET_KEY": "oracle",
        "DATABASES": {"default": request["database"]},
        "INSTALLED_APPS": ["django.contrib." + app for app in ("auth", "contenttypes", "sessions", "sites", "messages", "admin")] + apps,
        "MIGRATION_MODULES": NoMigrations(),
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "SILENCED_SYSTEM_CHECKS": ["admin.E403", "admin.E408", "admin.E409", "admin.E410"],
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "urls",
        "SITE_ID": 1,
        "USE_TZ": True,
        # What the packages want to be told; nothing is asked for.
        "MIDDLEWARE": ["allauth.account.middleware.AccountMiddleware"],
        "OIDC_OP_TOKEN_ENDPOINT": "https://op.invalid/", "OIDC_OP_USER_ENDPOINT": "https://op.invalid/", "OIDC_RP_IDP_SIGN_KEY": "key",
        "OIDC_RP_CLIENT_ID": "id", "OIDC_RP_CLIENT_SECRET": "secret",
        "AUTH_ADFS": {"SERVER": "adfs.invalid", "CLIENT_ID": "id", "RELYING_PARTY_ID": "id", "AUDIENCE": "id", "CLAIM_MAPPING": {}},
        "CAS_SERVER_URL": "https://cas.invalid/",
        "MICROSOFT_AUTH_CLIENT_ID": "id", "MICROSOFT_AUTH_CLIENT_SECRET": "secret",
    }
    values.update(more)
    settings.configure(**values)
    django.setup()
    call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)


def new_session(user_id, backend, auth_hash, **entries):
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session.update({"_auth_user_id": user_id, "_auth_user_backend": backend, "_auth_user_hash": auth_hash, **entries})
    session.save()
    return session.session_key


def populate():
    """Users in every state, by name. Those called "may" have the permission, themselves or by a group."""
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group, Permission

    permission = Permission.objects.get(codename="view_group")
    group = Group.objects.create(name="viewers")
    group.permissions.add(permission)
    users = {}
    for active in (True, False, None):
        for kind in ("plain", "may", "may by group", "superuser"):
            user = get_user_model().objects.create(username="%s %s" % (kind, active), is_active=active, is_superuser=kind == "superuser")
            if kind == "may":
                user.user_permissions.add(permission)
            if kind == "may by group":
                user.groups.add(group)
            users[user.username] = (str(user.pk), user.get_session_auth_hash())
    users["deleted"] = ("4711", user.get_session_auth_hash())
    users["of another password"] = (str(user.pk), "0" * 64)
    return users


def ask(key):
    """get_user() of a request with this session, and has_perm() of whom it finds."""
    from django.contrib.auth import get_user
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import transaction
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = SessionStore(key)
    answer = {"key": key, "user": None, "allowed": False, "exception": None}
    try:
        with transaction.atomic():
            user = get_user(request)
            if user.is_authenticated:
                answer["user"] = str(user.pk)
                answer["allowed"] = bool(user.has_perm("auth.view_group"))
            transaction.set_rollback(True)  # get_user deletes a session whose hash is wrong
    except Exception as error:  # Django answers 500
        answer["user"], answer["exception"] = None, type(error).__name__
    return answer


def backends(request):
    deploy(
        request, ["people", "allauth", "allauth.account", "axes", "guardian", "oauth2_provider", "social_django", "microsoft_auth", "magiclink", "passkeys"],
        AUTH_USER_MODEL="people.Person",
    )
    users = populate()
    paths = sorted({path for paths in request["lists"] for path in paths})
    keys = {path: {state: new_session(pk, path, auth_hash) for state, (pk, auth_hash) in users.items()} for path in paths}
    answer = []
    for listed in request["lists"]:
        settings.AUTHENTICATION_BACKENDS = listed
        sessions = [dict(ask(key), backend=path, state=state) for path in paths if path in listed or path == MODEL_BACKEND for state, key in keys[path].items()]
        answer.append({"backends": listed, "sessions": sessions})
    return {"django": django.get_version(), "lists": answer}


AUTH = ["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"]
MESSAGES = "django.contrib.messages.middleware.MessageMiddleware"


def scenarios(staff, other):
    """A name, the middleware, the backend of staff's login, and what is done in the session."""
    def entry(name, value):
        def put(client):
            session = client.session
            session[name] = value
            session.save()
        return put

    def nothing(client):
        pass

    def impersonate_and_stop(client):
        client.get("/impersonate/%d/" % other.pk)
        client.get("/impersonate/stop/")

    def ago(seconds):
        return time.time() - seconds

    security = AUTH + ["session_security.middleware.SessionSecurityMiddleware"]
    timeout = AUTH + ["django_session_timeout.middleware.SessionTimeoutMiddleware"]
    auto_logout = AUTH + ["django_auto_logout.middleware.auto_logout"]
    refresh = AUTH + ["mozilla_django_oidc.middleware.SessionRefresh"]

    def local(seconds):  # as session_security/utils.py writes it
        return datetime.datetime.fromtimestamp(ago(seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")

    def utc(seconds):
        return datetime.datetime.fromtimestamp(ago(seconds), datetime.timezone.utc).isoformat()

    impersonate = AUTH + ["impersonate.middleware.ImpersonateMiddleware"]
    return [
        ("nothing but Django's", AUTH, MODEL_BACKEND, nothing),
        ("django-impersonate", impersonate, MODEL_BACKEND, lambda c: c.get("/impersonate/%d/" % other.pk)),
        ("django-impersonate, nobody impersonated", impersonate, MODEL_BACKEND, nothing),
        ("django-impersonate, stopped", impersonate, MODEL_BACKEND, impersonate_and_stop),
        ("django-runas", AUTH + ["runas.middleware.RunAsMiddleware"], MODEL_BACKEND, entry("_runas_id", other.pk)),
        ("django-masquerade", AUTH + ["masquerade.middleware.MasqueradeMiddleware"], MODEL_BACKEND, entry("mask_user", other.username)),
        ("an entry of a package that is not listed", AUTH, MODEL_BACKEND, entry("_impersonate", other.pk)),
        ("django-hijack", AUTH + ["hijack.middleware.HijackUserMiddleware"], MODEL_BACKEND, lambda c: c.post("/hijack/acquire/", {"user_pk": other.pk})),
        ("django-su", AUTH, MODEL_BACKEND, lambda c: c.post("/su/%d/" % other.pk)),
        ("django-loginas", AUTH + [MESSAGES], MODEL_BACKEND, lambda c: c.post("/loginas/login/user/%d/" % other.pk)),
        ("RemoteUserMiddleware", AUTH + ["django.contrib.auth.middleware.RemoteUserMiddleware"], REMOTE_BACKEND, nothing),
        ("RemoteUserMiddleware, and another backend", AUTH + ["django.contrib.auth.middleware.RemoteUserMiddleware"], MODEL_BACKEND, nothing),
        ("PersistentRemoteUserMiddleware", AUTH + ["django.contrib.auth.middleware.PersistentRemoteUserMiddleware"], REMOTE_BACKEND, nothing),
        ("django-session-security, active", security, MODEL_BACKEND, entry("_session_security", local(300))),
        ("django-session-security, idle", security, MODEL_BACKEND, entry("_session_security", local(900))),
        ("django-session-security, a first request", security, MODEL_BACKEND, nothing),
        ("django-session-timeout, active", timeout, MODEL_BACKEND, entry("_session_init_timestamp_", ago(300))),
        ("django-session-timeout, over", timeout, MODEL_BACKEND, entry("_session_init_timestamp_", ago(900))),
        ("django-auto-logout, active", auto_logout, MODEL_BACKEND, entry("django_auto_logout_last_request", utc(300))),
        ("django-auto-logout, idle", auto_logout, MODEL_BACKEND, entry("django_auto_logout_last_request", utc(900))),
        ("mozilla-django-oidc, valid", refresh, OIDC_BACKEND, entry("oidc_id_token_expiration", ago(-300))),
        ("mozilla-django-oidc, over", refresh, OIDC_BACKEND, entry("oidc_id_token_expiration", ago(300))),
        ("mozilla-django-oidc, not known until when", refresh, OIDC_BACKEND, nothing),
        ("mozilla-django-oidc, and another backend", refresh, MODEL_BACKEND, nothing),
        ("packages that change nothing", AUTH + [
            "allauth.account.middleware.AccountMiddleware", "axes.middleware.AxesMiddleware", "django_otp.middleware.OTPMiddleware",
            "social_django.middleware.SocialAuthExceptionMiddleware", "oauth2_provider.middleware.OAuth2TokenMiddleware", "sesame.middleware.AuthenticationMiddleware",
        ], MODEL_BACKEND, nothing),
    ]


def who_is(key):
    """request.user at the end of MIDDLEWARE, None where the page is not shown. What that changes in the session is undone."""
    from django.db import transaction
    from django.test import Client

    with transaction.atomic():
        response = Client(headers={"Cookie": "sessionid=" + key}).get("/whoami/")
        transaction.set_rollback(True)
    return response.json()["user"] if response.status_code == 200 else None


def middleware(request):
    deploy(
        request, ["impersonate", "hijack", "django_su", "loginas", "allauth", "allauth.account", "axes", "django_otp", "social_django", "oauth2_provider"],
        AUTHENTICATION_BACKENDS=[MODEL_BACKEND, REMOTE_BACKEND, OIDC_BACKEND, "django_su.backends.SuBackend", "sesame.backends.ModelBackend"],
        TIME_ZONE="Asia/Kolkata", OIDC_OP_AUTHORIZATION_ENDPOINT="https://op.invalid/",
        SESSION_SECURITY_INSECURE=True, SESSION_SECURITY_EXPIRE_AFTER=600, SESSION_EXPIRE_SECONDS=600, AUTO_LOGOUT={"IDLE_TIME": 600},
    )
    from django.contrib.auth import get_user_model
    from django.test import Client

    os.environ["TZ"] = settings.TIME_ZONE  # as a settings module would: django/conf/__init__.py, 5.2, Settings.__init__
    time.tzset()
    staff = get_user_model().objects.create(username="staff", is_staff=True, is_superuser=True)
    other = get_user_model().objects.create(username="other")
    answer = []
    for name, path, backend, act in scenarios(staff, other):
        settings.MIDDLEWARE = path
        client = Client()
        client.force_login(staff, backend)
        act(client)
        key = client.session.session_key
        answer.append({"name": name, "middleware": path, "key": key, "user": who_is(key)})
    return {"staff": str(staff.pk), "other": str(other.pk), "backends": settings.AUTHENTICATION_BACKENDS, "scenarios": answer}


def found(request):
    """The classes with get_user(user_id), or with a backend of Django's as a base, in what the packages have installed."""
    return {"found": sorted({path for name in request["packages"] for path in backends_of(name)})}


def backends_of(package):
    for file in importlib.metadata.files(package):
        parts = file.with_suffix("").parts
        if file.suffix != ".py" or {"tests", "test", "testapp", "tests.py", "migrations"} & set(parts) or parts[-1].startswith("test"):
            continue
        source = file.locate().read_bytes()
        if b"django.contrib" not in source and b"user_id" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and is_backend(node):
                yield ".".join(parts) + "." + node.name


def is_backend(node):
    bases = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    takes_id = "get_user" in methods and [a.arg for a in methods["get_user"].args.args] == ["self", "user_id"]
    return takes_id or bool(bases & {"ModelBackend", "RemoteUserBackend", "AllowAllUsersModelBackend"})


OPS = {"backends": backends, "middleware": middleware, "found": found}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(OPS[request["op"]](request)), flush=True)


if __name__ == "__main__":
    main()
