"""A Django that writes sessions into a cache, for the tests of this package.

It reads one JSON object a line and answers each with one: {"op": "init", ...} first, then the rest. It runs under Django
1.11 and later.
"""

import json
import sys


def init(request):
    import django
    from django.conf import settings

    if "PyLibMC" in request["cache"]["BACKEND"]:
        # Without any, pylibmc 1.6 makes Python 3.13 write warnings.
        request["cache"].setdefault("OPTIONS", {})["behaviors"] = {"tcp_nodelay": True}
    settings.configure(
        CACHES={"default": request["cache"]},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": request["database"]}},
        INSTALLED_APPS=["django.contrib.sessions"],
        SECRET_KEY=request["secret_key"],
        SESSION_COOKIE_AGE=3600,
        SESSION_ENGINE="django.contrib.sessions.backends." + request["engine"],
        SESSION_SERIALIZER="django.contrib.sessions.serializers.JSONSerializer",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    return {"django": django.__version__}


def store(key):
    from importlib import import_module

    from django.conf import settings

    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def put(request):
    """Saves a session as the middleware would, under a key that the test has chosen."""
    from django.contrib.sessions.backends.base import CreateError

    session = store(request["key"])
    session._session_cache = request["entries"]
    cache().delete(session.cache_key)  # add() fails beside any value
    try:
        session.save(must_create=True)
    except CreateError:
        session.save()
    return {}


def delete(request):
    store(request["key"]).delete()
    return {}


def method(request):
    """Calls a method of the session: flush, cycle_key, and so on."""
    session = store(request["key"])
    session.load()
    getattr(session, request["method"])()
    return {}


def cache():
    from django.core.cache import cache

    return cache


def expire(request):
    """Lets the value's time be over, and the row's."""
    session = store(request["key"])
    cache().set(session.cache_key, session.load(), timeout=-1)
    if hasattr(session, "model"):
        from django.utils import timezone

        session.model.objects.filter(session_key=request["key"]).update(expire_date=timezone.now())
    return {}


def set_value(request):
    """Puts the value of a Python expression where the session is, in the cache alone."""
    cache().set(store(request["key"]).cache_key, eval(request["python"]), request.get("timeout", 3600))
    return {}


def forget(request):
    """Deletes the value in the cache alone."""
    cache().delete(store(request["key"]).cache_key)
    return {}


def load(request):
    """What Django says: the session's entry, or the exception."""
    try:
        return {"user": store(request["key"]).get("_auth_user_id")}
    except Exception as e:
        return {"exception": type(e).__name__}


def odd(request):
    """Saves what only this engine keeps, or says whether a session has it."""
    import datetime

    session, value = store(request["key"]), eval(request["python"], {"datetime": datetime})
    if request["put"]:
        session["odd"] = value
        session.save()
    return {"row": session.get("odd") == value and session.get("_auth_user_id") == request["user"]}


def save(request):
    """Saves a session as a view that sets an entry."""
    session = store(request["key"])
    session["_auth_user_id"] = request["user"]
    session.set_expiry(request["expiry"])
    session.save()
    return {}


def look(request):
    """What there is of a session, and how long, before Django loads it; and what it loads."""
    session, said = store(request["key"]), {"cached": cache().get(store(request["key"]).cache_key) is not None}
    if hasattr(session, "model"):
        from django.utils import timezone

        row = session.model.objects.filter(session_key=request["key"]).first()
        said["row"] = row is not None
        said["left"] = (row.expire_date - timezone.now()).total_seconds() if row else 0
    said["user"] = session.get("_auth_user_id")
    said["due"] = session.get_expiry_age()
    return said


def set_many(request):
    for key in request["keys"]:
        cache().set(store(key).cache_key, {"_auth_user_id": key}, 3600)
    return {}


def main():
    operations = {
        f.__name__: f for f in (init, put, delete, method, expire, set_value, forget, load, odd, save, look, set_many)
    }
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = operations[request["op"]](request)
        except Exception as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), file=answers, flush=True)


main()
