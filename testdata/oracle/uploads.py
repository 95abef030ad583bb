"""A Django site that takes uploads: a view behind Django's WSGI handler, with a model that has a FileField.

The first line on stdin configures it: {"settings", "upload_to", "max_length"}; the answer is {"django", "python"}.
A Django that does not come to an end has the status 0. Each further line is a request: {"type": Content-Type, "body": base64}; the answer is {"status", "files": [{"field", "name",
"original_name", "size", "content_type", "sha256", "modes"}]}. modes are those of the file and of the directories above it, up to
MEDIA_ROOT. Nothing is simulated: what is told of a file is read from the disk.
"""
import base64
import hashlib
import io
import json
import os
import signal
import stat
import sys
import time

sys.dont_write_bytecode = True  # the sources lie in a checkout

import django
from django.conf import settings


class Hang(BaseException):
    """Not an Exception, since Django catches those."""


def hang(*_):
    raise Hang


def configure(request):
    values = {
        "SECRET_KEY": "a secret key for tests", "ROOT_URLCONF": __name__, "ALLOWED_HOSTS": ["*"], "MIDDLEWARE": [], "USE_TZ": True,
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        # Every refused request would log a line.
        "LOGGING": {"version": 1, "handlers": {"null": {"class": "logging.NullHandler"}},
                    "loggers": {"django": {"handlers": ["null"], "propagate": False}}},
    }
    values.update(request["settings"])
    # A settings module would have set the process's time zone: django/conf/__init__.py, 5.2, Settings.__init__.
    os.environ["TZ"] = values["TIME_ZONE"]
    time.tzset()
    settings.configure(**values)
    django.setup()
    return {"django": django.get_version(), "python": sys.version.split()[0]}


def make_model(upload_to, max_length):
    from django.db import connection, models

    class Upload(models.Model):
        file = models.FileField(upload_to=upload_to, max_length=max_length)

        class Meta:
            app_label = "uploads"

    with connection.schema_editor() as editor:
        editor.create_model(Upload)
    return Upload


def modes(path):
    found = []
    while path != settings.MEDIA_ROOT:
        found.append(stat.S_IMODE(os.lstat(path).st_mode))
        path = os.path.dirname(path)
    return found


def stored(upload):
    path = os.path.join(settings.MEDIA_ROOT, upload.file.name)
    with open(path, "rb") as f:
        content = f.read()
    return {"name": upload.file.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "modes": modes(path)}


def view(request):
    """What the documentation of FileField shows, for every file of the request."""
    from django.http import JsonResponse

    files = []
    for field, uploads in request.FILES.lists():
        for uploaded in uploads:
            upload = Upload(file=uploaded)
            told = {"field": field, "original_name": uploaded.name, "content_type": uploaded.content_type}
            upload.save()
            if upload.file:  # to 2.1 there are files without a name, which no field takes
                told.update(stored(upload))
                files.append(told)
    return JsonResponse({"files": files})


def ask(handler, request):
    body = base64.b64decode(request["body"])
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/", "SCRIPT_NAME": "", "SERVER_NAME": "testserver", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "CONTENT_TYPE": request["type"], "CONTENT_LENGTH": str(len(body)),
    }
    statuses = []
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.15)  # of its own time, however busy the machine is
    try:
        response = handler(environ, lambda status, headers, exc_info=None: statuses.append(int(status.split()[0])))
        text = b"".join(response)
        response.close()
    except Hang:
        return {"status": 0, "files": []}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    answer = {"status": statuses[0], "files": []}
    if statuses[0] == 200:
        answer["files"] = json.loads(text.decode("utf-8"))["files"]
    return answer


requests = io.open(0, encoding="utf-8")
first = json.loads(requests.readline())
print(json.dumps(configure(first)), flush=True)

try:
    from django.urls import re_path
except ImportError:  # before 2.0
    from django.conf.urls import url as re_path
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

Upload = make_model(first["upload_to"], first["max_length"])
urlpatterns = [re_path("^$", view)]


def main():
    handler = WSGIHandler()
    signal.signal(signal.SIGVTALRM, hang)
    for line in requests:
        print(json.dumps(ask(handler, json.loads(line))), flush=True)


main()
