"""One case: a deployment, one session row, one Cookie header, and what its author says Django answers."""
import base64
import datetime
import json
import os
import re
import sys

import django

from forge import Forge

NOW = datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.timezone.utc)
SECRET = "django-insecure-4v!x$w%t&e@n(c=y)_#s+k^e-y*s"
FALLBACKS = ["the key before that", "the first key, of long ago"]
OTHER_SECRET = "a key of somebody else"
KEY = "3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf"
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
ALLOW_ALL_BACKEND = "django.contrib.auth.backends.AllowAllUsersModelBackend"
REASONS = (
    "no_cookie bad_session_key not_found expired bad_signature unreadable anonymous unknown_backend "
    "bad_user_id user_not_found user_inactive auth_hash_mismatch"
).split()

PASSWORD = "pbkdf2_sha256$260000$w0rDZ4mX1s9k$0bVxO2mVb8R9k3X6n1tYc4q7u2w5e8a1s4d7f0g3h6k="
UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
ADA = {"id": "42", "username": "ada", "password": PASSWORD, "is_active": True}
# The user whom True, 1.0 and "1" stand for.
ONE = {"id": "1", "username": "one", "password": PASSWORD, "is_active": True}
ADA_UUID = dict(ADA, id=UUID)
ADA_TEXT = dict(ADA, id="ada-lovelace")
# The user whom UUID(int=1) is.
ONE_UUID = dict(ONE, id="00000000-0000-0000-0000-000000000001")

VERSION = django.VERSION[:2]
NEWEST = (6, 1)


class Case:
    """The fields are the header lines of a case's file."""

    def __init__(self, name, comment, expect, data, user_id=None, cookie="", **fields):
        self.name = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
        self.comment, self.expect, self.data = comment, expect, data
        self.now = NOW
        self.secret, self.fallbacks, self.algorithm = SECRET, [], "sha256"
        self.store_class, self.backends, self.cookie_name = "SessionStore", [MODEL_BACKEND], "sessionid"
        self.session_key, self.expires = KEY, NOW + datetime.timedelta(days=14)
        self.user_key, self.users = "integer", [ONE, ADA]
        for field, value in fields.items():
            if field not in self.__dict__:
                raise TypeError("a case has no field " + field)
            setattr(self, field, value)
        if expect not in REASONS + ["authenticated"]:
            raise ValueError("%s: %s is no reason" % (name, expect))
        self.user_id = None
        if expect == "authenticated":
            self.user_id = self.users[-1]["id"] if user_id is None else user_id
        # cookie: bytes, None for no header, "" for the plain one.
        self.cookie = cookie
        if cookie == "":
            self.cookie = ("%s=%s" % (self.cookie_name, self.session_key)).encode("utf-8")

    def text(self):
        lines = [
            ("comment", self.comment),
            ("django", django.get_version()),
            ("python", sys.version.split()[0]),
            ("now", moment(self.now)),
            ("secret-key", json.dumps(self.secret)),
            ("fallback-keys", json.dumps(self.fallbacks)),
            ("hashing-algorithm", self.algorithm),
            ("store-class", self.store_class),
            ("backends", json.dumps(self.backends)),
            ("cookie-name", self.cookie_name),
            ("cookie", None if self.cookie is None else json.dumps(self.cookie.decode("latin-1"))),
            ("session-key", json.dumps(self.session_key)),
            ("expire-date", moment(self.expires)),
            ("user-key", self.user_key),
            ("users", json.dumps(self.users)),
            ("expect", "anonymous " + self.expect if self.user_id is None else self.expect),
            ("user-id", self.user_id if self.user_id is None else plain(self.user_id)),
        ]
        head = "".join("%s: %s\n" % line for line in lines if line[1] is not None)
        return (head + "\n" + self.data + "\n").encode("utf-8")


def plain(text):
    """A plain word as it is, everything else as JSON."""
    return text if re.match(r"^[A-Za-z0-9-]+$", text) else json.dumps(text)


def moment(when):
    if when.microsecond:
        return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def forge(**changes):
    """The forge of the cases' deployment; arguments as of Forge."""
    return Forge(**dict({"secret": SECRET}, **changes))


def entries(user=ADA, **changes):
    """What login() puts into a session; None as a value leaves the entry out."""
    values = {
        "_auth_user_id": user["id"],
        "_auth_user_backend": MODEL_BACKEND,
        "_auth_user_hash": forge().auth_hash(user["password"]),
    }
    values.update(changes)
    return [(name, value) for name, value in values.items() if value is not None]


def members(pairs):
    """The inside of the JSON object, in the order that Django writes."""
    return ",".join("%s:%s" % (json.dumps(name), json.dumps(value)) for name, value in pairs)


def payload(pairs=None, extra=""):
    return ("{%s%s}" % (extra, members(entries() if pairs is None else pairs))).encode("latin-1")


def write(folder, cases):
    """Replaces the folder's files, if they are of this Django."""
    os.makedirs(folder, exist_ok=True)
    old = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".txt")]
    for path in old:
        with open(path, "rb") as f:
            if b"\ndjango: %d.%d." % VERSION not in f.read(4096):
                sys.exit("%s was made by another Django than %s" % (path, django.get_version()))
    for path in old:
        os.remove(path)
    for case in cases:
        with open(os.path.join(folder, case.name + ".txt"), "xb") as f:
            f.write(case.text())


def legacy_reason(text):
    """The reason for text that Django up to 3.0 did not write: it is no base64, or holds no digest, or a wrong one."""
    try:
        raw = base64.b64decode(text.encode("utf-8"))
    except ValueError:
        return "unreadable"
    return "bad_signature" if b":" in raw else "unreadable"


def refused(text):
    """The reason for text whose signature no accepted key made."""
    return "bad_signature" if VERSION >= (3, 1) else legacy_reason(text)
