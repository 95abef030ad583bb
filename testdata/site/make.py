"""Makes users and sessions, and prints the session key of each."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import django

django.setup()

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.utils.crypto import salted_hmac


def session(user, auth_hash=None):
    store = SessionStore()
    store["_auth_user_id"] = str(user.pk)
    store["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    store["_auth_user_hash"] = auth_hash or user.get_session_auth_hash()
    store.create()
    return store.session_key


call_command("migrate", interactive=False, verbosity=0, stdout=sys.stderr)
call_command("createcachetable", verbosity=0, stdout=sys.stderr)
editors = Group.objects.create(name="editors")
editors.permissions.add(*Permission.objects.filter(codename__startswith="add_"))
keys = {}
for name, changes in [
    ("ada", {"is_staff": True}), ("grace", {}), ("root", {"is_superuser": True}),
    ("inactive", {"is_active": False}), ("stale", {}),
]:
    user = User.objects.create(username=name, email=name + "@example.com", password="md5$salt$" + name, **changes)
    if name in ("ada", "inactive"):
        user.groups.add(editors)
        user.user_permissions.add(Permission.objects.get(codename="delete_user"))
    keys[name] = session(user, "0" * 40 if name == "stale" else None)
anonymous = SessionStore()
anonymous["cart"] = ["tea"]
anonymous.create()
keys["anonymous"] = anonymous.session_key
if django.VERSION >= (4, 2):  # in which get_user() gives such a session another key
    salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
    user = User.objects.get(username="grace")
    keys["fallback"] = session(user, salted_hmac(salt, user.password, settings.SECRET_KEY_FALLBACKS[0], algorithm="sha256").hexdigest())
print(json.dumps(keys))
