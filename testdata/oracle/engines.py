"""Where each session engine keeps what a state makes, and how a Cookie header asks for it.

The states write session_data; an engine puts it where its store looks. One object for each of
Django's engines, chosen as SessionMiddleware chooses: by SESSION_ENGINE.
"""
import datetime
import os
import time

from django.conf import settings
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils import timezone

import deployment

ALWAYS = datetime.datetime(9999, 12, 30)
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(number):
    digits = ""
    while True:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
        if not number:
            return digits


def read_by_django(data):
    """The session that Django reads in session_data, or None."""
    try:
        return deployment.session_store()().decode(data) or None
    except Exception:
        return None


class Engine:
    salt = None  # the store's own

    def encode(self, values):
        """session_data as the store writes it."""
        return deployment.session_store()().encode(values)

    def finish(self):
        """Called when everything has been put."""


class Database(Engine):
    """Rows of the session model."""

    def __init__(self, rng):
        self.rng = rng
        self.model = deployment.session_model()
        self.rows = []

    def put(self, row, key):
        if row.expires is None:
            expires = ALWAYS.replace(tzinfo=datetime.timezone.utc) if settings.USE_TZ else ALWAYS
        else:
            expires = timezone.now() + row.expires
        self.rows.append(self.model(session_key=key, session_data=row.data, expire_date=expires))
        return key

    def finish(self):
        self.model.objects.bulk_create(self.rows, batch_size=100)
        self.rows = []


class Cache(Engine):
    """Entries of the cache: unsigned, whatever the serializer of sessions is."""

    def __init__(self, rng):
        self.rng = rng
        self.store = deployment.session_store()

    def put(self, row, key):
        value = row.values or read_by_django(row.data)
        if value is None:
            value = self.strange()
        self.set(key, value, row.expires)
        return key

    def strange(self):
        """What a session store never puts there, but somebody else may."""
        return self.rng.choice([42, -1, True, 1.5, "text", b"bytes", [], ["_auth_user_id"], (), {}, set(), None])

    def set(self, key, value, expires):
        timeout = None if expires is None else int(expires.total_seconds())
        try:
            store = self.store(key)
            # Not store.cache_key: a key that is no valid one would be replaced.
            store._cache.set(store.cache_key_prefix + key, value, timeout)
        except Exception:
            pass  # a key that this cache refuses


class CachedDatabase(Database):
    """Rows, some of them with an entry in the cache, which is not always the same."""

    def __init__(self, rng):
        Database.__init__(self, rng)
        self.cache = Cache(rng)

    def put(self, row, key):
        kind = self.rng.choice(["row", "row", "both", "both", "cache", "other", "expired entry"])
        value = row.values or read_by_django(row.data)
        if kind in ("both", "cache") and value is not None:
            self.cache.set(key, value, row.expires)
        elif kind == "other":
            self.cache.set(key, self.cache.strange(), row.expires)
        elif kind == "expired entry":
            self.cache.set(key, self.cache.strange(), datetime.timedelta(seconds=-5))
        row.note += "; in the cache: " + kind
        return key if kind == "cache" else Database.put(self, row, key)


class Files(Engine):
    """Files named after the cookie and the key."""

    def __init__(self, rng):
        self.rng = rng
        self.store = deployment.session_store()

    def put(self, row, key):
        if not set(key) <= set(VALID_KEY_CHARS) or len(key) > 100:
            return key
        path = os.path.join(self.store._get_storage_path(), settings.SESSION_COOKIE_NAME + key)
        data = row.data.encode("utf-8", "surrogatepass")
        with open(path, "wb") as f:
            f.write(data)
        expires = datetime.timedelta(days=100000) if row.expires is None else row.expires
        # Django takes the time of the last change for the beginning of the cookie's age.
        modified = time.time() + expires.total_seconds() - settings.SESSION_COOKIE_AGE
        if 0 < modified < 2 ** 33:
            os.utime(path, (modified, modified))
        return key


class SignedCookies(Engine):
    """The cookie is the session."""

    salt = "django.contrib.sessions.backends.signed_cookies"

    def __init__(self, rng):
        self.rng = rng

    def encode(self, values):
        store = deployment.session_store()()
        store._session_cache = dict(values)
        return store._get_session_key()

    def put(self, row, key):
        return row.data


def engine(rng):
    kind = settings.SESSION_ENGINE.rsplit(".", 1)[-1]
    return {
        "cache": Cache,
        "cached_db": CachedDatabase,
        "file": Files,
        "signed_cookies": SignedCookies,
    }.get(kind, Database)(rng)
