"""A Django that makes its own database, and answers one line of JSON with another: site.py DATABASE SETTINGS."""
import json
import os
import sys

from importlib import import_module

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "OPTIONS": {"timeout": 20}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], **json.loads(sys.argv[2])
)
django.setup()

from django.apps import apps
from django.contrib.auth import login
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import User
from django.contrib import messages
from django.contrib.auth.tokens import default_token_generator
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

urlpatterns = []


class Quick(PBKDF2PasswordHasher):
    iterations = 1000


def make(question):
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            editor.create_model(model)
    if "CACHES" in json.loads(sys.argv[2]):
        call_command("createcachetable")
    for name in ("ada", "bob"):
        User.objects.create_user(name, name + "@example.com", "s3cret")
    return {"django": django.get_version()}


def token(question):
    user = User.objects.get(username=question["name"])
    uid = urlsafe_base64_encode(str(user.pk).encode())
    return {"uid": uid if isinstance(uid, str) else uid.decode(), "token": default_token_generator.make_token(user)}


def check(question):
    user = User.objects.get(pk=urlsafe_base64_decode(question["uid"]).decode())
    return {"name": user.username, "ok": default_token_generator.check_token(user, question["token"])}


def password(question):
    user = User.objects.get(username=question["name"])
    user.set_password(question["password"])
    user.save()
    return {}


def encode(question):
    """Gives a user a hash, where there is one to give, and tells which one the row has."""
    row = User.objects.filter(username=question["name"])
    if "hasher" in question:
        row.update(password=make_password(question["password"], hasher=question["hasher"]))
    return {"encoded": row.get().password}


def verify(question):
    """Tells whether a password is right, and whether Django would make its hash anew."""
    raised = []
    return {"ok": check_password(question["password"], question["encoded"], setter=raised.append), "raised": bool(raised)}


def loads(question):
    return {"object": signing.loads(question["text"], salt=question["salt"], max_age=60)}


def dumps(question):
    return {"text": signing.dumps(question["object"], salt=question["salt"], compress=True)}


def mark(question):
    """A request whose view adds a mark to a list in the session."""
    def view(request):
        request.session["marks"] = request.session.get("marks", []) + [question["mark"]]
        return HttpResponse()

    SessionMiddleware(view)(RequestFactory().get("/", HTTP_COOKIE=question["cookie"]))
    return {}


def visit(question):
    """A request through the middleware, whose view sets entries of the session, and shows and adds messages."""
    request = RequestFactory().get("/", HTTP_COOKIE=question["cookie"])

    def view(request):
        if "login" in question:
            login(request, User.objects.get(username=question["login"]))
        request.session.modified = question.get("modified", request.session.modified)
        for name, value in (question.get("set") or {}).items():
            request.session[name] = value
        if question.get("clear"):
            request.session.clear()
        if "expiry" in question:
            request.session.set_expiry(question["expiry"])
        if question.get("show"):
            said["messages"] = [[m.message, m.tags, hasattr(m.message, "__html__")] for m in messages.get_messages(request)]
        for text in question.get("add") or []:
            messages.info(request, text, extra_tags="big")
        said["user"] = request.user.username
        said["session"] = {k: v for k, v in request.session.items() if not k.startswith("_")}
        said["age"] = request.session.get_expiry_age()
        said["row"] = [row.expire_date.timestamp() for row in Session.objects.filter(session_key=request.session.session_key or "")]
        return HttpResponse()

    said = {}
    response = SessionMiddleware(AuthenticationMiddleware(MessageMiddleware(view)))(request)
    said["cookies"] = [morsel.OutputString() for morsel in response.cookies.values()]
    return said


def end(question):
    """Ends a session, as a logout in another request does."""
    import_module(settings.SESSION_ENGINE).SessionStore(question["key"]).delete()
    return {}


def job(question):
    """Sets entries of a session without a request."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(question["key"])
    for name, value in question["set"].items():
        store[name] = value
    store.save()
    return {}


def keys(question):
    """All sessions that there are: what the tables and the folder of the engine file have."""
    path = settings.SESSION_FILE_PATH
    return {"keys": sorted(list(Session.objects.values_list("session_key", flat=True)) + os.listdir(path))}


def interrupted(question):
    """A request whose session ends while its view changes it. Returns the exception of SessionMiddleware."""
    def view(request):
        request.session["late"] = True
        end({"key": request.session.session_key})
        return HttpResponse()

    try:
        SessionMiddleware(view)(RequestFactory().get("/", HTTP_COOKIE=question["cookie"]))
    except Exception as e:
        return {"exception": type(e).__name__}
    return {"exception": ""}


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(globals()[question["op"]](question)), flush=True)
