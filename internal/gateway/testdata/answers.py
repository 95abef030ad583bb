"""Answers what Django does, one line of JSON on stdin for one line of JSON on stdout.

["safe", url, host, require_https]                         is url a safe page to return to?
["login", login_url, field, scheme, host, path, query]     the Location of login_required, and of LoginRequiredMixin
"""
import json
import sys
import types
from io import BytesIO

import django
from django.conf import settings

urls = types.ModuleType("urls_of_nothing")
urls.urlpatterns = []
sys.modules[urls.__name__] = urls
settings.configure(ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="a secret key for tests",
                   INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"])
django.setup()

from django.contrib.auth.decorators import user_passes_test  # noqa: E402
from django.contrib.auth.mixins import AccessMixin  # noqa: E402
from django.core.handlers.wsgi import WSGIRequest  # noqa: E402

try:
    from django.utils.http import url_has_allowed_host_and_scheme
except ImportError:  # before 3.0
    from django.utils.http import is_safe_url as url_has_allowed_host_and_scheme


class Anonymous:
    is_authenticated = False


def safe(url, host, require_https):
    return url_has_allowed_host_and_scheme(url, allowed_hosts={host} if host else set(), require_https=require_https)


def login(login_url, field, scheme, host, path, query):
    request = WSGIRequest({
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": scheme,
        "HTTP_HOST": host,
        "SERVER_NAME": "server",
        "SERVER_PORT": "80",
        "PATH_INFO": path.encode().decode("latin-1"),  # as PEP 3333 has it
        "QUERY_STRING": query,
        "wsgi.input": BytesIO(),
    })
    request.user = Anonymous()
    view = user_passes_test(lambda user: False, login_url=login_url, redirect_field_name=field)(lambda request: None)
    mixin = AccessMixin()
    mixin.request, mixin.login_url, mixin.redirect_field_name = request, login_url, field
    return [view(request)["Location"], mixin.handle_no_permission()["Location"]]


for line in sys.stdin:
    question, *arguments = json.loads(line)
    try:
        answer = {"safe": safe, "login": login}[question](*arguments)
    except Exception as e:
        answer = "%s: %s" % (type(e).__name__, e)
    print(json.dumps(answer), flush=False)
