"""Makes a user and sessions that are signed cookies. Prints them."""
import datetime
import json
import time

import django

django.setup()

from django.contrib.auth.models import User
from django.contrib.sessions.backends.signed_cookies import SessionStore

user = User.objects.create_user("writing", "w@example.com", "s3cret")
now = time.time


def session(age=0, expiry=None, login=True, **entries):
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
    return s.session_key


day = 24 * 60 * 60
print(json.dumps({
    "default": session(), "old": session(age=13 * day), "too old": session(age=15 * day), "seconds": session(expiry=3000, age=day),
    "browser": session(expiry=0), "anonymous": session(login=False), "another": session(_auth_user_hash="0" * 64), "long": session(text="x" * 3000),
}))
