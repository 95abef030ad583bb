"""Says what Django finds in sessions, and what its middleware would do with them."""
import json
from importlib import import_module

import django
from django.conf import settings

django.setup()
settings.SESSION_SAVE_EVERY_REQUEST = True

from django.contrib.auth import logout
from django.core.cache import cache
from django.utils import timezone
from visits import visit

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore


def left(s, now):
    """For how many seconds a session lives, from where it is: None where it is nowhere, -1 where that does not tell."""
    if hasattr(s, "cache_key") and hasattr(s, "model") and cache.get(s.cache_key) is not None:
        if not s.model.objects.filter(pk=s.session_key).exists():
            return 0  # the cache has what is gone
    if hasattr(s, "model"):
        row = s.model.objects.filter(pk=s.session_key).first()
        return row and (row.expire_date - now).total_seconds()
    if not s.exists(s.session_key):
        return None
    if hasattr(cache, "ttl"):  # django-redis
        return cache.ttl(s.cache_key)
    return -1


said = {}
for name, key in json.load(open("keys.json")).items():
    s, now = SessionStore(key), timezone.now()
    seconds = left(s, now)
    if seconds is None:
        said[name] = {"exists": False}
        continue
    said[name] = {
        "exists": True, "left": seconds, "odd": s.get("odd") == [float("inf"), 10 ** 30, u"\ud800 \u00e9"],
        "due": (s.get_expiry_date() - now).total_seconds(), "n": s.get("n", 0),
        "cookie": visit(key, lambda request: request.session.keys())[1], "logout": "" if name == "default" else visit(key, logout)[1],
    }
print(json.dumps(said))
