"""Asks CsrfViewMiddleware where a request comes from: each line of stdin is a JSON object with settings and headers; the
answer is whether a POST with a right token passes, the Set-Cookie line of the token that Django makes, and the token."""
import json
import sys

import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None)
django.setup()

from django.http import HttpResponse  # noqa: E402
from django.middleware.csrf import CsrfViewMiddleware, get_token, rotate_token  # noqa: E402
from django.test import RequestFactory, override_settings  # noqa: E402


def view(request):
    return HttpResponse()


def ask(q):
    headers = {"HTTP_X_CSRFTOKEN": q["token"], "HTTP_HOST": q["host"]}
    for name, header in (("origin", "HTTP_ORIGIN"), ("referer", "HTTP_REFERER")):
        if q[name] is not None:
            headers[header] = q[name]
    request = RequestFactory().generic(q["method"], "/", secure=q["secure"], **headers)
    request.META["SERVER_PORT"] = q["port"]
    request.COOKIES["csrftoken"] = q["cookie"]
    middleware = CsrfViewMiddleware(view)
    middleware.process_request(request)
    passes = middleware.process_view(request, view, (), {}) is None
    if q["rotate"]:
        rotate_token(request)
    token = get_token(request)
    response = HttpResponse()
    middleware.process_response(request, response)
    return {"passes": passes, "token": token, "line": response.cookies["csrftoken"].OutputString(),
            "cookie": response.cookies["csrftoken"].value}


for line in sys.stdin:
    q = json.loads(line)
    with override_settings(**q["settings"]):
        print(json.dumps(ask(q)))
