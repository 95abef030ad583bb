"""Makes a user and sessions of the engine. Prints what their cookies are."""
import json
import os
import time
from importlib import import_module

import django
from django.conf import settings

django.setup()

from django.contrib.auth.models import User

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
user = User.objects.create_user("writing", "w@example.com", "s3cret")
now = time.time


def session(age=0, expiry=None, login=True, **entries):
    """The cookie of a session that was saved some seconds ago."""
    s = SessionStore()
    if login:
        s["_auth_user_id"], s["_auth_user_backend"] = str(user.pk), "django.contrib.auth.backends.ModelBackend"
        s["_auth_user_hash"] = user.get_session_auth_hash()
    s["odd"] = [float("inf"), 10 ** 30, u"\ud800 \u00e9"]
    s.update(entries)
    if expiry is not None:
        s.set_expiry(expiry)
    time.time = lambda: now() - age
    s.save()
    time.time = now
    if hasattr(s, "_key_to_file"):
        os.utime(s._key_to_file(), (now() - age, now() - age))
    return s.session_key


day = 24 * 60 * 60
print(json.dumps({
    "default": session(), "old": session(age=13 * day), "too old": session(age=15 * day), "seconds": session(expiry=3000, age=day),
    "browser": session(expiry=0), "anonymous": session(login=False), "another": session(_auth_user_hash="0" * 64), "long": session(text="x" * 3000),
    "ended": session(),
}))
