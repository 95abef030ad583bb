"""What Django says of cookies: whom it takes each request for, what is in the session, and whether it takes a token."""
import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
from django.conf import global_settings, settings

settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
django.setup()

from django.contrib.auth.hashers import PBKDF2PasswordHasher

PBKDF2PasswordHasher.iterations = 2000  # as for the sidecar: the default takes a second

from importlib import import_module

from django.contrib.auth import get_user
from django.contrib.auth.hashers import get_hashers, identify_hasher
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
PASSWORD = u"p\u00e4ss w\u00f6rd+&=%"


def look(key, csrf):
    request = RequestFactory().post("/", HTTP_X_CSRFTOKEN=csrf)
    request.COOKIES["csrftoken"] = csrf
    request.session = SessionStore(key)
    middleware = CsrfViewMiddleware(lambda request: HttpResponse())
    middleware.process_request(request)
    token = middleware.process_view(request, lambda request: HttpResponse(), (), {}) is None
    entries = sorted(name for name in request.session.keys())
    user = get_user(request)
    said = {"exists": SessionStore().exists(key), "token": token, "user": "", "entries": entries, "cart": request.session.get("cart"), "age": request.session.get_expiry_age()}
    if user.is_authenticated:
        said.update({
            "user": user.username, "last_login": user.last_login is not None, "first": identify_hasher(user.password).algorithm == get_hashers()[0].algorithm,
            "right": user.check_password(PASSWORD), "wrong": user.check_password(PASSWORD + "x"),
            "still": user.password == User.objects.get(pk=user.pk).password,
        })
    return said


print(json.dumps([look(key, csrf) for key, csrf in json.load(open(os.environ["LOOK_AT"]))]))
