"""Makes users of every hasher that this Django can use, and sessions to log in from. Prints them."""
import json
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
from django.conf import global_settings, settings

settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
django.setup()

from django.contrib.auth.hashers import PBKDF2PasswordHasher

PBKDF2PasswordHasher.iterations = 2000  # as for the sidecar: the default takes a second

from importlib import import_module

from django.contrib.auth.hashers import get_hashers
from django.contrib.auth.models import User

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore
PASSWORD = u"p\u00e4ss w\u00f6rd+&=%"
costs = {"iterations": 1000, "time_cost": 1, "memory_cost": 64, "parallelism": 1, "rounds": 4, "work_factor": 1024}
people = []
for position, hasher in enumerate(get_hashers()):
    for name in ("", "cheap"):
        try:
            if name:
                for cost, value in costs.items():
                    if hasattr(hasher, cost):
                        setattr(hasher, cost, value)
            encoded = hasher.encode(PASSWORD, hasher.salt())
        except (ValueError, ImportError):  # the package is not there
            continue
        username = hasher.algorithm + name
        User.objects.create(username=username, email=username + "@example.com", password=encoded, is_staff=True)
        people.append({"username": username, "raised": bool(position or name)})
off = User.objects.get(username="inactive")
off.set_password(PASSWORD)
off.save()


def session(**entries):
    store = SessionStore()
    store.update(entries)
    store.create()
    return store.session_key


first = User.objects.get(username=people[0]["username"])
login = {"_auth_user_id": str(first.pk), "_auth_user_backend": "django.contrib.auth.backends.ModelBackend"}
print(json.dumps({
    "people": people,
    "anonymous": session(cart=["tea", u"caf\u00e9"], _session_expiry=3600),
    "same": session(cart=["tea"], _auth_user_hash=first.get_session_auth_hash(), **login),
    "other": session(cart=["tea"], _auth_user_hash=first.get_session_auth_hash(), _auth_user_id="1", _auth_user_backend=login["_auth_user_backend"]),
    "stale": session(cart=["tea"], _auth_user_hash="0" * 64, **login),
}))
