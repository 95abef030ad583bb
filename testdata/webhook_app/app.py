"""The application that is told of uploads: the models and the view of docs/uploads.md, under a live Django.

app.py CONFIGURATION, JSON with "port", "package" (the directory that holds the package uploads), "database" (a file), "media" and
"secret_key". POST /-/fail has the next webhook answered by 500; GET /-/documents answers with what the webhook has made.
"""
import json
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.conf import settings

configuration = json.loads(sys.argv[1])
sys.path.insert(0, configuration["package"])

settings.configure(
    SECRET_KEY=configuration["secret_key"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "uploads"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": configuration["database"]}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    MIGRATION_MODULES={name: None for name in ("contenttypes", "auth", "sessions")},  # all tables in one go
    MEDIA_ROOT=configuration["media"],
    MEDIA_URL="/media/",
    USE_TZ=True,
)

import django  # noqa: E402

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from uploads.models import Document, UploadEvent  # noqa: E402
from uploads.views import uploaded  # noqa: E402

try:
    from django.urls import re_path
except ImportError:  # Django 1.11
    from django.conf.urls import url as re_path

failures = []  # one for each webhook that is to fail


@csrf_exempt
def fail(request):
    failures.append(None)
    return HttpResponse()


def documents(request):
    """The rows, and what their FileFields open."""
    return JsonResponse({
        "django": django.get_version(),
        "events": list(UploadEvent.objects.order_by("id").values_list("id", flat=True)),
        "documents": [
            {"owner": str(d.owner_id), "name": d.file.name, "url": d.file.url, "size": d.file.size, "content": d.file.read().decode()}
            for d in Document.objects.order_by("id")
        ],
    })


class Failing(object):
    """Answers the webhook by 500 as often as it was asked to; otherwise the view does, CSRF check and all."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/webhooks/upload" and failures:
            failures.pop()
            environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return []
        return self.application(environ, start_response)


urlpatterns = [re_path("^webhooks/upload$", uploaded), re_path("^-/fail$", fail), re_path("^-/documents$", documents)]


class Handler(WSGIRequestHandler):
    def log_message(self, *args):
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


if __name__ == "__main__":
    call_command("migrate", run_syncdb=True, verbosity=0)
    get_user_model().objects.get_or_create(pk=42, defaults={"username": "ada"})
    server = Server(("127.0.0.1", int(configuration["port"])), Handler)
    server.set_app(Failing(get_wsgi_application()))
    server.serve_forever()
