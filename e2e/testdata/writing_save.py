"""Saves a session again and again, with another expiry each time."""
import django

django.setup()

from importlib import import_module

from django.conf import settings

SessionStore = import_module(settings.SESSION_ENGINE).SessionStore

key = open("key").read()
for n in range(1, 151):
    s = SessionStore(key)
    s["n"] = n
    s.set_expiry(5000 + 100 * n)
    s.save()
