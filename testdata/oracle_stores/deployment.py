"""A Django without a database, whose clock stands still."""
import datetime
import json
import os
import sys
import time

sys.dont_write_bytecode = True

import django
from django.conf import settings
from django.contrib.sessions.backends import base
from django.core import signing

SECRET = "s3cr3t-key'\"%$ with \u00fcml\u00e4uts"
FALLBACKS = ["an older key, with a comma", "the oldest key"]


class Clock(object):
    """Stands in for the module time in django.core.signing."""

    def __init__(self, now):
        self.now = now

    def time(self):
        return self.now


def deploy(request):
    """Configures Django as the request says; returns the instant at which its clocks stand, in microseconds."""
    values = {
        "SECRET_KEY": SECRET,
        "SECRET_KEY_FALLBACKS": FALLBACKS,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            "loggers": {"django": {"handlers": ["null"], "propagate": False}},
        },
    }
    values.update(request["settings"])
    # A settings module would have set the process's time zone: django/conf/__init__.py, 5.2, Settings.__init__.
    os.environ["TZ"] = values["TIME_ZONE"]
    time.tzset()
    settings.configure(**values)
    django.setup()
    now = request["now"]
    signing.time = Clock(now / 1e6)

    def fixed():  # django.utils.timezone.now
        aware = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(microseconds=now)
        return aware if settings.USE_TZ else aware.astimezone().replace(tzinfo=None)

    base.timezone.now = fixed
    return now


def login(rng, number):
    """The entries of somebody who has logged in."""
    entries = {
        "number": number,
        "_auth_user_id": str(rng.randrange(10 ** rng.randrange(1, 12))),
        "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
        "_auth_user_hash": "%064x" % rng.getrandbits(256),
    }
    if rng.random() < 0.2:
        entries["cart"] = ["\u00fc \U0001f600 %d" % i for i in range(rng.randrange(60))]
    return entries


def answer(store, key):
    """What Django has under key: the entries that tell sessions apart, and the exception if it fails."""
    found = {"key": key, "number": None, "user": None, "alive": False, "exception": None}
    try:
        session = store(key).load()
        found["alive"] = bool(session)
        found["number"] = session.get("number")
        found["user"] = session.get("_auth_user_id")
    except Exception as e:  # whatever it is, Django answers 500
        found.update(alive=False, number=None, user=None, exception=type(e).__name__)
    return found


def main(run):
    request = json.loads(sys.stdin.readline())
    cases = run(request)
    json.dump({"django": django.get_version(), "python": sys.version.split()[0], "cases": cases}, sys.stdout)
