"""Answers how Django names uploaded files, one line of JSON on stdin for one line of JSON on stdout.

["part", lines]                                         a part with these header lines (characters are bytes), in a real request body
["store", name, upload_to, zone, time, max_length, n]   FileField and storage, when the first n names that fit are taken
["disk", name, upload_to, zone, time, max_length, n]    the same, in a real directory, where whatever is tried is really there
["entities"]                                            the names of html.entities.html5
["characters", first, last]                             which characters the storage keeps, are printable, white space, not assigned

time is in microseconds since 1970. A file's name is settled by the real functions; only the clock, the directory and the
random letters, which are all "a", are not real.
"""
import datetime
import html.entities
import io
import json
import os
import shutil
import sys
import tempfile
import time
import types
import unicodedata

import django
from django.conf import settings

settings.configure(SECRET_KEY="a secret key for tests", MEDIA_ROOT="/nowhere", USE_TZ=True,
                   DATA_UPLOAD_MAX_NUMBER_FIELDS=None, FILE_UPLOAD_MAX_MEMORY_SIZE=1 << 20)
django.setup()

from django.core.exceptions import SuspiciousOperation  # noqa: E402
from django.core.files.base import ContentFile  # noqa: E402
from django.core.files.storage import FileSystemStorage  # noqa: E402
from django.core.files.uploadhandler import MemoryFileUploadHandler  # noqa: E402
from django.db import models  # noqa: E402
from django.db.models.fields import files as file_fields  # noqa: E402
from django.http.multipartparser import MultiPartParser  # noqa: E402
from django.utils import text as django_text  # noqa: E402

try:
    from django.core.files.storage import base as storage_module
except ImportError:  # before 4.2
    from django.core.files import storage as storage_module

storage_module.get_random_string = lambda length: "a" * length
BOUNDARY = b"b0undary-that-no-header-has"


def part(lines):
    body = b"--" + BOUNDARY + b"\r\n"
    body += b"".join(line.encode("latin-1") + b"\r\n" for line in lines)
    body += b"\r\ncontent\r\n--" + BOUNDARY + b"--\r\n"
    meta = {"CONTENT_TYPE": "multipart/form-data; boundary=" + BOUNDARY.decode(), "CONTENT_LENGTH": str(len(body))}
    post, files = MultiPartParser(meta, io.BytesIO(body), [MemoryFileUploadHandler()], "utf-8").parse()
    fields = [name for name in post]
    uploads = [[name, f.name, f.content_type] for name in files for f in files.getlist(name)]
    return {"fields": fields, "files": uploads}


class Listed(FileSystemStorage):
    """Where the first names that fit are taken."""

    def __init__(self, taken, max_length):
        super().__init__(location="/nowhere")
        self.taken, self.longest, self.asked = taken, max_length, []

    def exists(self, name):
        self.path(name)  # safe_join
        if len(name) > self.longest:
            return False
        self.asked.append(name)
        return len(self.asked) <= self.taken

    def _save(self, name, content):
        self.path(name)
        return name


class Endless(FileSystemStorage):
    """Where the first names that are tried are put in the way first, for real."""

    def __init__(self, taken, max_length, location):
        super().__init__(location=location)
        self.taken, self.longest, self.asked = taken, max_length, []

    def exists(self, name):
        if len(name) > self.longest:
            return super().exists(name)
        if len(self.asked) < self.taken:
            path = self.path(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if len(self.asked) % 2:
                os.mkdir(path)
            else:
                open(path, "x").close()
        self.asked.append(name)
        taken = super().exists(name)
        if taken:  # the random letters are always the same
            path = self.path(name)
            os.rmdir(path) if os.path.isdir(path) else os.remove(path)
        return taken


def freeze(zone, microseconds):
    os.environ["TZ"] = zone  # as django/conf/__init__.py does
    time.tzset()
    now = datetime.datetime.fromtimestamp(microseconds // 1000000).replace(microsecond=microseconds % 1000000)

    class Frozen(datetime.datetime):
        @classmethod
        def now(cls):
            return now

    file_fields.datetime = types.SimpleNamespace(datetime=Frozen)


def saved(storage, name, upload_to, zone, microseconds, max_length):
    freeze(zone, microseconds)
    field = models.FileField(upload_to=upload_to, max_length=max_length, storage=storage)
    stored = field.generate_filename(None, name)
    try:
        final = storage.save(stored, ContentFile(b"content"), max_length=max_length)
    except Exception as e:
        return {"stored": stored, "asked": storage.asked, "error": kind(e)}
    return {"stored": stored, "asked": storage.asked, "final": final}


def store(name, upload_to, zone, microseconds, max_length, taken):
    return saved(Listed(taken, max_length), name, upload_to, zone, microseconds, max_length)


def disk(name, upload_to, zone, microseconds, max_length, taken):
    location = tempfile.mkdtemp(prefix="django-sidecar-naming-")
    try:
        storage = Endless(taken, max_length, location)
        answer = saved(storage, name, upload_to, zone, microseconds, max_length)
        if "final" in answer:
            with open(os.path.join(location, answer["final"]), "rb") as f:
                assert f.read() == b"content"
        return answer
    finally:
        shutil.rmtree(location)


def kind(e):
    return "400" if isinstance(e, SuspiciousOperation) else "500: %s: %s" % (type(e).__name__, e)


def characters(first, last):
    return [[c for c in range(first, last) if keep(chr(c))] for keep in (
        lambda c: django_text.get_valid_filename("a" + c + "a") not in ("aa", "a_a"),
        str.isprintable,
        str.isspace,
        lambda c: unicodedata.category(c) == "Cn",
    )]


def entities():
    return sorted(html.entities.html5)


QUESTIONS = {"part": part, "store": store, "disk": disk, "characters": characters, "entities": entities}


def main():
    for line in sys.stdin:
        question, *arguments = json.loads(line)
        try:
            answer = QUESTIONS[question](*arguments)
        except Exception as e:
            answer = {"error": kind(e)}
        print(json.dumps(answer))


main()
