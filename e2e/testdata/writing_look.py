"""Says what Django finds in sessions, and what its middleware would do with them."""
import json
import sys

import django
from django.conf import settings

django.setup()
settings.SESSION_SAVE_EVERY_REQUEST = True

from django.contrib.auth import logout
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone


def cookie(key, view):
    """The Set-Cookie line of a request with the session."""
    middleware = SessionMiddleware(lambda r: HttpResponse())
    request = RequestFactory().get("/")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    middleware.process_request(request)
    view(request)
    response = middleware.process_response(request, HttpResponse())
    return response.cookies[settings.SESSION_COOKIE_NAME].OutputString()


said = {}
for name, key in json.load(open("keys.json")).items():
    row = Session.objects.filter(pk=key).first()
    if row is None:
        said[name] = {"exists": False}
        continue
    s, now = SessionStore(key), timezone.now()
    said[name] = {
        "exists": True, "left": (row.expire_date - now).total_seconds(), "odd": s.get("odd") == [float("inf"), 10 ** 30, u"\ud800 \u00e9"],
        "due": (s.get_expiry_date() - now).total_seconds(), "n": s.get("n", 0),
        "cookie": cookie(key, lambda request: request.session.keys()), "logout": cookie(key, logout),
    }
print(json.dumps(said))
