"""Says of derived keys which Django uses them, and whether anything else can be made with them.

One question a line on stdin: {"secret", "fallbacks", "engine", "settings", "keys"}, where keys are lists of hexadecimal
digits. One answer a line on stdout: the keys that Django takes for sessions and for events of uploads ("used"), those
that it takes for other things ("others"), what Django has accepted that was made with keys ("forged"), and what it has
accepted that it made itself ("control"). Django's own code derives and makes everything: hmac.new alone is watched.
"""
import base64
import binascii
import hmac
import json
import sys
from contextlib import contextmanager
from importlib import import_module

sys.dont_write_bytecode = True  # the sources lie in a checkout

import django  # noqa: E402
from django.conf import settings  # noqa: E402

original = hmac.new
COOKIE = "sessionid"  # a signed cookie of the likeliest name


@contextmanager
def watched(keys, replacement=None):
    """Adds every key of an HMAC to keys, and puts another in its place."""

    def new(key, *args, **kwargs):
        keys.add(key.hex())
        return original(replacement or key, *args, **kwargs)

    hmac.new = new
    try:
        yield
    finally:
        hmac.new = original


def used(user):
    """The keys of what the sidecar checks, and of what it signs."""
    from django.core import signing

    keys = set()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    wrong = "YQ:1xV6Ei:" + 43 * "a"
    with watched(keys):
        if settings.SESSION_ENGINE.endswith("signed_cookies"):
            store().save()
            store(wrong).load()
        else:
            store().encode({})
            store().decode(base64.b64encode(b"hash:{}").decode())
            try:
                store().decode(wrong)
            except binascii.Error:
                pass  # to Django 3.0
        user.get_session_auth_hash()
        if hasattr(user, "_legacy_get_session_auth_hash"):
            user._legacy_get_session_auth_hash()
        if hasattr(user, "get_session_auth_fallback_hash"):
            list(user.get_session_auth_fallback_hash())
        signing.dumps({}, salt="django-sidecar.upload")
    return sorted(keys)


def makers(user):
    """What else Django makes with SECRET_KEY: how it is made, and how it is accepted."""
    from django.contrib.auth.tokens import PasswordResetTokenGenerator
    from django.contrib.messages.storage.base import Message
    from django.contrib.messages.storage.cookie import CookieStorage
    from django.core import signing
    from django.http import HttpRequest, HttpResponse

    def cookie():
        response = HttpResponse()
        response.set_signed_cookie(COOKIE, "value")
        return response.cookies[COOKIE].value

    def cookie_accepted(text):
        request = HttpRequest()
        request.COOKIES[COOKIE] = text
        return request.get_signed_cookie(COOKIE, default=None) == "value"

    def unsigned(unsign):
        def accepted(text):
            try:
                unsign(text)
            except signing.BadSignature:
                return False
            return True

        return accepted

    messages, tokens = CookieStorage(HttpRequest()), PasswordResetTokenGenerator()
    tokens.secret = settings.SECRET_KEY  # which Django 3.1 reads once only
    return {
        "password reset": (
            lambda: tokens.make_token(user),
            lambda text: tokens.check_token(user, text),
        ),
        "signed cookie": (cookie, cookie_accepted),
        "signing.dumps": (lambda: signing.dumps({}), unsigned(signing.loads)),
        "Signer": (lambda: signing.Signer().sign("value"), unsigned(signing.Signer().unsign)),
        "TimestampSigner": (
            lambda: signing.TimestampSigner().sign("value"),
            unsigned(signing.TimestampSigner().unsign),
        ),
        "messages": (lambda: messages._encode([Message(20, "hello")]), lambda text: bool(messages._decode(text))),
    }


def csrf_keys():
    """The keys in a CSRF token."""
    from django.http import HttpRequest
    from django.middleware.csrf import get_token

    keys = set()
    with watched(keys):
        get_token(HttpRequest())
    return sorted(keys)


def answer(question):
    values = {"SECRET_KEY": question["secret"], "SESSION_ENGINE": "django.contrib.sessions.backends." + question["engine"]}
    values["SECRET_KEY_FALLBACKS"] = question["fallbacks"]
    values.update(question["settings"] or {})
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        LOGGING_CONFIG=None,
        **values
    )
    django.setup()
    from django.contrib.auth.models import User

    user = User(pk=1, username="ada", email="ada@example.com", password="md5$salt$0123456789abcdef0123456789abcdef")
    result = {"django": django.get_version(), "used": used(user), "csrf": csrf_keys()}
    others, forged, control = {}, [], {}
    for secret in [question["secret"]] + question["fallbacks"]:
        settings.SECRET_KEY = secret
        for name, (make, accepted) in makers(user).items():
            with watched(others.setdefault(name, set())):
                text = make()
            control[name] = control.get(name, True) and accepted(text)
            for key in question["keys"]:
                with watched(set(), bytes.fromhex(key)):
                    text = make()
                if accepted(text):
                    forged.append(name)
    result.update(others={name: sorted(keys) for name, keys in others.items()}, forged=forged, control=control)
    return result


def main():
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


main()
