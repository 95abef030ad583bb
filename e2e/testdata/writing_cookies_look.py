"""Says what Django makes of the values of session cookies."""
import json

import django
from django.conf import settings

django.setup()

from django.contrib.auth import get_user, logout
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import signing
from django.http import HttpResponse
from django.test import RequestFactory

SALT = "django.contrib.sessions.backends.signed_cookies"


def request(key, view):
    """The request, and the Set-Cookie line of its answer."""
    middleware = SessionMiddleware(lambda r: HttpResponse())
    request = RequestFactory().get("/")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    middleware.process_request(request)
    view(request)
    response = middleware.process_response(request, HttpResponse())
    return request, response.cookies[settings.SESSION_COOKIE_NAME].OutputString()


said = {}
for name, key in json.load(open("keys.json")).items():
    r, line = request(key, lambda request: request.session.keys())
    fresh = True
    try:
        signing.loads(key, salt=SALT, max_age=100)
    except signing.BadSignature:
        fresh = False
    said[name] = {
        "user": get_user(r).get_username(), "odd": r.session.get("odd") == [float("inf"), 10 ** 30, u"\ud800 \u00e9"], "fresh": fresh,
        "text": len(r.session.get("text", "")), "cookie": line, "logout": request(key, logout)[1],
    }
print(json.dumps(said))
