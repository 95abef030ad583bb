"""Answers how Django reads multipart/form-data bodies, one line of JSON on stdin for one line of JSON on stdout.

{"type", "body", "dispositions", "files", "fields", "field_bytes"}: body and dispositions in base64, and the three limits.
    {"fields": [[name, value]], "files": [[name, file name, content type, content]], "error", "dispositions": [...]}:
    values and contents in base64. For each disposition there is what Django makes of it:
    {"kind": "raw", "field" or "file", "name", "filename"}.
{"boundary_of"}: a Content-Type
    {"boundary", "error"}

Bytes are read as Latin-1, so that nothing is lost. "error" is the name of the exception, or "Hang" where there is no end.
"""
import json
import signal
import sys
from base64 import b64decode, b64encode
from io import BytesIO

import django
from django.conf import settings

settings.configure(SECRET_KEY="a secret key for tests")
django.setup()

from django.core.files.uploadhandler import FileUploadHandler  # noqa: E402
from django.http import multipartparser  # noqa: E402

CHARSET = "latin-1"


class Hang(BaseException):
    """Not an Exception, since Django catches those."""


def hang(*_):
    raise Hang


class Recorder(FileUploadHandler):
    def __init__(self, files):
        super().__init__()
        self.recorded = files

    def new_file(self, field_name, file_name, content_type, *args, **kwargs):
        super().new_file(field_name, file_name, content_type, *args, **kwargs)
        self.chunks = []

    def receive_data_chunk(self, raw_data, start):
        self.chunks.append(raw_data)

    def file_complete(self, file_size):
        content = b"".join(self.chunks)
        assert len(content) == file_size or file_size == 0  # Django counts what comes out of the handler before
        self.recorded.append([self.field_name, self.file_name, self.content_type, text(content)])


def text(data):
    return b64encode(data).decode()


def parser(content_type, body, files=None):
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}
    return multipartparser.MultiPartParser(meta, BytesIO(body), [] if files is None else [Recorder(files)], CHARSET)


def read(question):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = question["files"]
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = question["fields"]
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = question["field_bytes"]
    body = b64decode(question["body"])
    answer = {"fields": [], "files": [], "error": None}
    answer["dispositions"] = [disposition(question["type"], b64decode(d or "")) for d in question["dispositions"]]
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.15)  # of its own time, however busy the machine is
    try:
        post, _ = parser(question["type"], body, answer["files"]).parse()
        answer["fields"] = [[name, text(value.encode(CHARSET))] for name, values in post.lists() for value in values]
    except Exception as e:
        answer["error"] = type(e).__name__
    except Hang:
        answer["error"] = "Hang"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return answer


def disposition(content_type, value):
    """What Django makes of a Content-Disposition, by the way of its own parser of a part's header."""
    header = b"\r\nContent-Disposition: " + value + b"\r\n\r\n"
    kind, meta, _ = multipartparser.parse_boundary_stream(multipartparser.LazyStream(iter([header])), 4096)
    answer = {"kind": kind, "name": None, "filename": None}
    try:
        parameters = meta["content-disposition"][1]
        answer["name"] = decoded(parameters["name"].strip())
    except (KeyError, IndexError, AttributeError):
        return answer
    filename = parameters.get("filename")
    if filename:
        sanitize = parser(content_type, b"x").IE_sanitize
        if django.VERSION < (2, 0):
            from django.utils.text import unescape_entities
            answer["filename"] = sanitize(unescape_entities(decoded(filename)))
        else:
            answer["filename"] = sanitize(decoded(filename))
    return answer


def decoded(value):
    return value.decode(CHARSET) if isinstance(value, bytes) else value


def boundary_of(question):
    try:
        return {"boundary": parser(question["boundary_of"], b"x")._boundary.decode(CHARSET), "error": None}
    except Exception as e:
        return {"boundary": None, "error": type(e).__name__}


signal.signal(signal.SIGVTALRM, hang)
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(boundary_of(question) if "boundary_of" in question else read(question)))
