"""Makes a user and sessions of it that end in a hundred seconds. Prints their keys."""
import datetime
import json

import django

django.setup()

from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def end_soon(s):
    """Has a session end in a hundred seconds, wherever it is."""
    if hasattr(s, "model"):
        s.model.objects.filter(pk=s.session_key).update(expire_date=timezone.now() + datetime.timedelta(seconds=100))
    if hasattr(s, "cache_key"):
        cache.set(s.cache_key, cache.get(s.cache_key), 100)


user = User.objects.create_user("writing", "w@example.com", "s3cret")
expiries = {"default": None, "seconds": 3000, "fraction": 2000.5, "browser": 0, "active": None, "lost": 5000, "ended": None}
if django.VERSION >= (4, 1):
    expiries["date"] = timezone.now() + datetime.timedelta(days=3)
keys = {}
for name, expiry in expiries.items():
    s = SessionStore()
    s["_auth_user_id"], s["_auth_user_backend"] = str(user.pk), "django.contrib.auth.backends.ModelBackend"
    s["_auth_user_hash"] = user.get_session_auth_hash()
    s["odd"] = [float("inf"), 10 ** 30, u"\ud800 \u00e9"]
    if expiry is not None:
        s.set_expiry(expiry)
    s.save()
    if name != "date":
        end_soon(s)
    keys[name] = s.session_key
print(json.dumps(keys))
