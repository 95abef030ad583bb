"""Requests with a session, as the project's middleware sees them. Import it after django.setup()."""
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponse
from django.test import RequestFactory


def visit(key, view):
    """The request, and the Set-Cookie line of its answer."""
    middleware = SessionMiddleware(lambda r: HttpResponse())
    request = RequestFactory().get("/")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = key
    middleware.process_request(request)
    view(request)
    response = middleware.process_response(request, HttpResponse())
    return request, response.cookies[settings.SESSION_COOKIE_NAME].OutputString()
