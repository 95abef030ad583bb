# Answers each line of JSON with what django.contrib.auth.hashers of this Python says.
import json
import sys
import types
import warnings

warnings.simplefilter("ignore")
import argon2  # noqa: E402
import bcrypt  # noqa: E402
from django.conf import settings  # noqa: E402

settings.configure()
from django.contrib.auth import hashers  # noqa: E402

shop = sys.modules["shop"] = types.ModuleType("shop")


def entry(text):
    """A class as Options.Hashers of the Go package describes it."""
    words = text.split()
    if len(words) == 1:
        return text
    name = words[0].split(".")[1]
    values = {k: int(v) for k, v in (w.split("=") for w in words[3:])}
    setattr(shop, name, type(name, (getattr(hashers, words[2]),), values))
    return words[0]


def use(names):
    settings.PASSWORD_HASHERS = [entry(n) for n in names] if names else DEFAULTS
    hashers.get_hashers.cache_clear()
    hashers.get_hashers_by_algorithm.cache_clear()


def answer(q):
    if q["op"] == "facts":
        return {"bcrypt": int(bcrypt.__version__.split(".")[0]), "argon2": argon2.DEFAULT_HASH_LENGTH}
    use(q.get("hashers"))
    if q["op"] == "make":
        return {"encoded": hashers.make_password(q["password"], hasher=q.get("algorithm") or "default")}
    updates = []
    correct = hashers.check_password(q["password"], q["encoded"], setter=updates.append)
    return {"correct": correct, "update": bool(updates), "usable": hashers.is_password_usable(q["encoded"])}


DEFAULTS = settings.PASSWORD_HASHERS
for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except BaseException as e:  # a panic of Rust is no Exception
        reply = {"error": "%s: %s" % (type(e).__name__, e)}
    print(json.dumps(reply), flush=True)
