"""What Django itself writes, and what time and users do to it."""
import datetime
import json

import judge
from case import (
    ADA, ADA_TEXT, ADA_UUID, ALLOW_ALL_BACKEND, FALLBACKS, KEY, MODEL_BACKEND, NOW, ONE, VERSION,
    Case, entries, forge, payload,
)

SECOND = datetime.timedelta(seconds=1)
DAY = 24 * 60 * 60 * SECOND


def encoded(values, **fields):
    """session_data by the store of this very Django."""
    import deployment

    with judge.deployed(Case("", "", "authenticated", "", **fields)):
        return deployment.session_store()().encode(dict(values))


def stores():
    yield Case("login", "a login as Django writes it", "authenticated", encoded(entries()))
    for name in ("CustomStore", "Nested.CustomStore"):
        data = encoded(entries(), store_class=name)
        yield Case("store " + name, "a store class of the project's own", "authenticated", data, store_class=name)
        yield Case("store %s, read as SessionStore" % name, "the salt has the class in it", "bad_signature", data)
    secret = 'sp\u00e9cial ", \\ key \U0001f511'
    hashed = entries(_auth_user_hash=forge(secret=secret).auth_hash(ADA["password"]))
    yield Case("secret not ASCII", "SECRET_KEY is used as UTF-8", "authenticated", encoded(hashed, secret=secret), secret=secret)
    yield Case("cookie name", "SESSION_COOKIE_NAME", "authenticated", encoded(entries()), cookie_name="__Host-sid")
    yield Case("nobody", "a session without a login", "anonymous", encoded([("cart", [1, 2])]))
    yield Case("empty session", "{}", "anonymous", encoded([]))


def contents():
    for name, value in [
        ("long text", "lorem ipsum dolor sit amet, " * 40),
        ("not a number", float("nan")),
        ("minus infinity", float("-inf")),
        ("a big integer", 2 ** 300),
        ("nested", {"a": [{"b": [None, True, 1.5, {}]}]}),
        ("unicode", "\u00e9\u0416\u540d\U0001f600\x00\x7f\u2028"),
        ("a lone surrogate", "\ud800"),
    ]:
        yield Case("holding " + name, "other entries do not matter", "authenticated", encoded([("x", value)] + entries()))
    expiring = entries() + [("_session_expiry", 1)]
    yield Case("session expiry entry", "only the row's expire_date counts", "authenticated", encoded(expiring))


def expiry():
    data = encoded(entries())
    for name, expires, expect in [
        ("at this moment", NOW, "expired"),
        ("a microsecond ago", NOW - SECOND / 1000000, "expired"),
        ("in a microsecond", NOW + SECOND / 1000000, "authenticated"),
        ("a second ago", NOW - SECOND, "expired"),
        ("years ago", NOW - 3000 * DAY, "expired"),
        ("in an hour", NOW + 3600 * SECOND, "authenticated"),
        ("in the year 9999", datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc), "authenticated"),
    ]:
        yield Case("expires " + name, "expire_date must be greater than now", expect, data, expires=expires)


def users():
    data = encoded(entries())

    def with_ada(name, comment, expect, **changes):
        return Case("user " + name, comment, expect, data, users=[ONE, dict(ADA, **changes)])

    yield with_ada("changed password", "the auth hash is of the password", "auth_hash_mismatch", password="!new")
    yield with_ada("inactive", "is_active is false", "user_inactive", is_active=False)
    yield Case("user deleted", "no such user any more", "user_not_found", data, users=[ONE])
    null = "authenticated" if VERSION < (4, 2) else "user_inactive"
    yield with_ada("is_active null", "NULL counts as active to Django 4.1", null, is_active=None)
    plain = [{k: v for k, v in user.items() if k != "is_active"} for user in (ONE, ADA)]
    yield Case("user without is_active", "AbstractBaseUser is always active", "authenticated", data, users=plain)
    for password in ("", "!unusable", "p\u00e4ssw\u00f6rd \U0001f511"):
        user = dict(ADA, password=password)
        yield Case(
            "password field " + (json.dumps(password) if password else "empty"), "any text has an auth hash",
            "authenticated", encoded(entries(user)), users=[ONE, user],
        )


def backends():
    inactive = [ONE, dict(ADA, is_active=False)]
    allowed = encoded(entries(_auth_user_backend=ALLOW_ALL_BACKEND))
    both = [MODEL_BACKEND, ALLOW_ALL_BACKEND]
    yield Case("backend allows all", "AllowAllUsersModelBackend ignores is_active", "authenticated", allowed, backends=both, users=inactive)
    yield Case("backend not listed", "the backend is not in AUTHENTICATION_BACKENDS", "unknown_backend", allowed)
    yield Case("backend of the login counts", "ModelBackend checks is_active", "user_inactive", encoded(entries()), backends=both, users=inactive)
    for name, text in [
        ("null", "null"), ("a number", "1"), ("a list", '["%s"]' % MODEL_BACKEND), ("empty", '""'),
        ("in upper case", '"%s"' % MODEL_BACKEND.upper()), ("with a space", '"%s "' % MODEL_BACKEND),
    ]:
        data = forge().native(payload(entries(_auth_user_backend=None), '"_auth_user_backend":%s,' % text))
        yield Case("backend " + name, "the backend must be the text in AUTHENTICATION_BACKENDS", "unknown_backend", data)
    yield Case("backend missing", "both entries are needed", "anonymous", encoded(entries(_auth_user_backend=None)))


def auth_hashes():
    legacy = VERSION < (3, 1)
    both = not legacy and VERSION < (4, 0)
    fallback = "authenticated" if VERSION >= (4, 1) else "auth_hash_mismatch"
    hashes = forge().auth_hash
    sha1 = hashes(ADA["password"], algorithm="sha1")
    good = hashes(ADA["password"])
    for name, value, expect in [
        ("sha256", hashes(ADA["password"], algorithm="sha256"), not legacy),
        ("sha1", sha1, legacy or both),
        ("in upper case", good.upper(), False),
        ("cut short", good[:-1], False),
        ("with a space", good + " ", False),
        ("empty", "", False),
        ("of another key", hashes(ADA["password"], secret="other"), False),
        ("of another user's password", hashes("!other"), False),
    ]:
        expect = "authenticated" if expect else "auth_hash_mismatch"
        yield Case("auth hash " + name, "hex HMAC of the password field", expect, encoded(entries(_auth_user_hash=value)))
    by_old = encoded(entries(_auth_user_hash=hashes(ADA["password"], secret=FALLBACKS[1])))
    yield Case("auth hash by a fallback key", "accepted from 4.1.8 on", fallback, by_old, fallbacks=FALLBACKS)
    by_old = encoded(entries(_auth_user_hash=hashes(ADA["password"], secret=FALLBACKS[0], algorithm="sha1")))
    expect = "auth_hash_mismatch"
    yield Case("auth hash by a fallback key, sha1", "fallback keys never went with SHA-1", expect, by_old, fallbacks=FALLBACKS)
    for name, text in [("null", "null"), ("a number", "0"), ("a list", "[]"), ("not ASCII", r'"\u00e9"'), ("a lone surrogate", r'"\ud800"')]:
        data = forge().native(payload(entries(_auth_user_hash=None), '"_auth_user_hash":%s,' % text))
        yield Case("auth hash " + name, "the auth hash must be equal text", "auth_hash_mismatch", data)
    yield Case("auth hash missing", "a login without a hash is none", "auth_hash_mismatch", encoded(entries(_auth_user_hash=None)))
    if both:
        only_sha1 = dict(algorithm="sha1")
        data = encoded(entries(_auth_user_hash=sha1), **only_sha1)
        yield Case("auth hash sha1, DEFAULT_HASHING_ALGORITHM sha1", "as configured", "authenticated", data, **only_sha1)
        data = encoded(entries(), **only_sha1)
        expect = "auth_hash_mismatch"
        yield Case("auth hash sha256, DEFAULT_HASHING_ALGORITHM sha1", "only SHA-1 is tried then", expect, data, **only_sha1)


def other_keys():
    for kind, user in (("uuid", ADA_UUID), ("text", ADA_TEXT)):
        yield Case("login, %s key" % kind, "a primary key of another kind", "authenticated", encoded(entries(user)), user_key=kind, users=[user])
        yield Case("user deleted, %s key" % kind, "no such user", "user_not_found", encoded(entries(dict(user, id=user["id"][:-1] + "0"))), user_key=kind, users=[user])


def rows():
    data = encoded(entries())
    yield Case("row of another key", "no row has the cookie's key", "not_found", data, session_key=KEY[::-1], cookie=b"sessionid=" + KEY.encode())
    yield Case("key of eight characters", "the shortest key", "authenticated", data, session_key=KEY[:8])
    yield Case("key of seven characters", "too short, though its row exists", "bad_session_key", data, session_key=KEY[:7])
    yield Case("key of eight wide characters", "characters are counted, not bytes", "authenticated", data, session_key="\u00e9" * 4 + "\U0001f511" * 4)
    yield Case("key of seven wide characters", "characters are counted, not bytes", "bad_session_key", data, session_key="\U0001f511" * 7)
    yield Case("key with a space inside", "any text may be a key", "authenticated", data, session_key="ab cd ef%' gh")
    raw = b"sessionid=ab\xffcd\xe2\x82efgh"
    yield Case("key with replacement characters", "invalid UTF-8 becomes U+FFFD", "authenticated", data, session_key="ab\ufffdcd\ufffdefgh", cookie=raw)


def cases():
    for part in (stores, contents, expiry, users, backends, auth_hashes, other_keys, rows):
        for case in part():
            yield case
