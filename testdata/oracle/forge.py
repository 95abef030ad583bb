"""Writes session_data as any Django would, and as none would.

The rules are those of django/core/signing.py, django/utils/crypto.py and
django/contrib/sessions/backends/base.py of 3.1 and 6.1, with key, salt, algorithm and
encoding as arguments. They are written out here because no single Django writes every form.
"""
import base64
import hashlib
import hmac
import zlib

import django

SESSION_SALT = "django.contrib.sessions."
LEGACY_SALT = "django.contrib.sessions"
AUTH_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
# base62 of 2026-11-22T12:00:00Z; the db store never looks at the time.
TIMESTAMP = "1xV6Ei"


def to_bytes(value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8")


def salted_hmac(salt, value, secret, algorithm):
    hasher = getattr(hashlib, algorithm)
    key = hasher(to_bytes(salt) + to_bytes(secret)).digest()
    return hmac.new(key, to_bytes(value), hasher)


def b64(data):
    return base64.urlsafe_b64encode(data).decode().strip("=")


def sign(value, secret, salt, algorithm="sha256"):
    """Signer(secret, salt=salt, algorithm=algorithm).sign(value)"""
    digest = salted_hmac(salt + "signer", value, secret, algorithm).digest()
    return "%s:%s" % (value, b64(digest))


class Forge:
    """What one deployment signs with. Arguments of each method replace one part of it."""

    def __init__(self, secret, store_class="SessionStore", algorithm="sha256", version=None, salt=None, timestamp=TIMESTAMP):
        self.secret = secret
        # A salt of its own is the mark of signed cookies, which every Django makes with signing.dumps().
        self.salt = salt
        self.timestamp = timestamp
        self.store_class = store_class
        self.algorithm = algorithm
        self.version = version or django.VERSION[:2]

    @property
    def reads_legacy(self):
        return self.version < (4, 0)

    @property
    def reads_modern(self):
        return self.version >= (3, 1)

    @property
    def auth_algorithm(self):
        if self.version < (3, 1):
            return "sha1"
        return self.algorithm if self.version < (4, 0) else "sha256"

    def text(self, encoded, secret=None, salt=None, algorithm=None, timestamp=""):
        """Signs an encoded payload. timestamp=None leaves the timestamp out, "" is the usual one."""
        if timestamp == "":
            timestamp = self.timestamp
        if timestamp is not None:
            encoded = "%s:%s" % (encoded, timestamp)
        return sign(
            encoded,
            self.secret if secret is None else secret,
            (self.salt or SESSION_SALT + self.store_class) if salt is None else salt,
            algorithm or self.auth_algorithm,
        )

    def modern(self, payload, compress=None, **changes):
        """signing.dumps() of 3.1+; compress=None compresses where that is shorter."""
        if compress is not False:
            small = zlib.compress(payload)
            if compress or len(small) < len(payload) - 1:
                return self.text("." + b64(small), **changes)
        return self.text(b64(payload), **changes)

    def legacy(self, payload, secret=None, store_class=None, digest=None):
        """base64(hex hmac + ":" + payload), written up to 3.0 and read up to 3.2."""
        # The old salt has no dot and takes __name__, not __qualname__ (base.py, 2.2).
        name = (store_class or self.store_class).rsplit(".", 1)[-1]
        if digest is None:
            digest = salted_hmac(LEGACY_SALT + name, payload, secret or self.secret, "sha1").hexdigest()
        return base64.b64encode(to_bytes(digest) + b":" + payload).decode()

    def native(self, payload, **changes):
        """The form that this Django writes, around any bytes."""
        if self.salt or self.reads_modern and self.auth_algorithm == "sha256":
            return self.modern(payload, **changes)
        return self.legacy(payload, **changes)

    def auth_hash(self, password, secret=None, algorithm=None):
        """get_session_auth_hash() of a user with this password field."""
        key = self.secret if secret is None else secret
        return salted_hmac(AUTH_SALT, password, key, algorithm or self.auth_algorithm).hexdigest()
