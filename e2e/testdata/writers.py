"""A Django beside which others change the same sessions. It answers one line of JSON with another."""
import json
import sys
from importlib import import_module

import django
from django.conf import settings

django.setup()

from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from visits import visit

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
ODD = [float("inf"), 10 ** 30, u"\ud800 \u00e9"]


def state(s):
    """Which change a session has last seen, whether its user is there, and all that the change has left."""
    change, user = s.get("change", ""), "_auth_user_id" in s
    return {"change": change, "user": user, "whole": user and s.get("again") == change * 50 and s.get("odd") == ODD}


def begin(question):
    """Logs the user in."""
    def view(request):
        user = User.objects.get(username="writing")
        user.backend = "django.contrib.auth.backends.ModelBackend"
        login(request, user)
        request.session.update({"change": "", "again": "", "odd": ODD})

    return {"key": visit("", view)[0].session.session_key}


def change(question):
    """A request that changes the session. It says what the session was before."""
    said = {}

    def view(request):
        said.update(state(request.session))
        request.session.update({"change": question["change"], "again": question["change"] * 50})

    try:
        visit(question["key"], view)
    except Exception as e:  # UpdateError, or what SessionMiddleware makes of it
        said["exception"] = type(e).__name__
    return said


def look(question):
    """Reads the session, and does not save it."""
    return state(SessionStore(question["key"]).load())


def end(question):
    """Logs the user out."""
    visit(question["key"], logout)
    return {}


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(globals()[question["op"]](question)), flush=True)
