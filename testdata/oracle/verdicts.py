"""Asks Django itself: who is the user behind a Cookie header?"""
import contextlib
import io

from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction

import deployment


def request_for(raw):
    """The request as a WSGI server hands it over: the header's bytes as Latin-1 (PEP 3333)."""
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "SERVER_NAME": "oracle.invalid",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    if raw is not None:
        environ["HTTP_COOKIE"] = raw.decode("latin-1")
    return WSGIRequest(environ)


def nothing(*args, **kwargs):
    """Stands for a method that would write."""


@contextlib.contextmanager
def unchanged():
    """What a store keeps outside the database stays as it was, too: the next question is about it."""
    store = deployment.session_store()
    cache = getattr(store(), "_cache", None)
    if deployment.session_model() and cache is None:
        yield
        return
    methods = [(store, "save"), (store, "delete")]
    if cache is not None:
        methods += [(cache, "set"), (cache, "add"), (cache, "delete")]
    own = [(owner, name, vars(owner).get(name)) for owner, name in methods]
    for owner, name in methods:
        setattr(owner, name, nothing)
    try:
        yield
    finally:
        for owner, name, before in own:
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


def verdict(raw):
    return verdict_on(lambda: request_for(raw))


def verdict_on(made):
    """{"user": str(pk) or None, "exception": its type or None}; every store stays as it was."""
    answer = {"user": None, "exception": None}
    with transaction.atomic(), unchanged():
        try:
            request = made()
            # get_response is mandatory from Django 4.0 on and unused here.
            SessionMiddleware(lambda request: None).process_request(request)
            asked = request.session.session_key
            user = get_user(request)
            if user.is_authenticated:
                answer["user"] = str(user.pk)
                # get_user() cycles the key when only a fallback key verified the auth hash.
                answer["hash_fallback"] = request.session.session_key != asked
        except Exception as e:
            answer["exception"] = type(e).__name__
        transaction.set_rollback(True)
    return answer
