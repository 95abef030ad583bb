"""Asks CsrfViewMiddleware: each line of stdin is a JSON object with a cookie and a token; the answer is whether a POST passes."""
import json
import sys

import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="x", CSRF_COOKIE_HTTPONLY=False, LOGGING_CONFIG=None)
django.setup()

from django.http import HttpResponse  # noqa: E402
from django.middleware.csrf import CsrfViewMiddleware  # noqa: E402
from django.test import RequestFactory  # noqa: E402


def view(request):
    return HttpResponse()


def passes(cookie, token, in_form):
    data, headers = {}, {}
    if in_form:
        data["csrfmiddlewaretoken"] = token
    else:
        headers["HTTP_X_CSRFTOKEN"] = token
    request = RequestFactory().post("/", data, **headers)
    request.COOKIES["csrftoken"] = cookie
    middleware = CsrfViewMiddleware(view)
    middleware.process_request(request)
    return middleware.process_view(request, view, (), {}) is None


for line in sys.stdin:
    q = json.loads(line)
    print(json.dumps(passes(q["cookie"], q["token"], q["form"])))
