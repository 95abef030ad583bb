"""Session rows of every state, at random from a seed, and the Cookie headers to ask for.

The states come in two kinds: those that Django itself writes (login, expiry, changed users),
and rows forged byte by byte. Nothing here says what the verdict is: Django does.
"""
import datetime
import json
import pickle
import random
import time

import django
from django.conf import settings
from django.contrib.auth import get_user_model

import deployment
import documents
import engines
import headers
import spellings
import typed
import wrappings
from forge import Forge, b64
from logins import LETTERS, Logins, seeded_session_keys

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
OTHER_SECRET = "a secret that no deployment has"
HOUR = datetime.timedelta(hours=1)


class Row:
    def __init__(self, data, note, expires=14 * 24 * HOUR, key=None, verbatim=None, values=None):
        self.data, self.note, self.expires, self.key = data, note, expires, key
        # What a cache holds, where that is more than data can say.
        self.values = values
        # The Cookie header to ask for instead of a random spelling.
        self.verbatim = verbatim


class States:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        store = deployment.session_store()
        self.engine = engines.engine(self.rng)
        self.cookies = self.engine.salt is not None
        self.forge = Forge(
            settings.SECRET_KEY,
            store.__qualname__,
            getattr(settings, "DEFAULT_HASHING_ALGORITHM", "sha256"),
            salt=self.engine.salt,
        )
        if self.cookies:
            self.forge.timestamp = engines.base62(int(time.time()))
        self.pickled = settings.SESSION_SERIALIZER.endswith("PickleSerializer")
        self.store = store
        self.logins = Logins(self.rng, store)
        self.fallbacks = list(getattr(settings, "SECRET_KEY_FALLBACKS", []))
        self.good_users, self.other_users = [], []
        for user in get_user_model()._base_manager.order_by("pk"):
            good = user.is_active and not getattr(user, "deleted_at", None)
            (self.good_users if good else self.other_users).append(user)

    # What a good session holds.

    def entries(self, user=None, **changes):
        user = user or self.rng.choice(self.good_users)
        values = {
            "_auth_user_id": user._meta.pk.value_to_string(user),
            "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
            "_auth_user_hash": user.hash_by() if hasattr(user, "hash_by") else self.forge.auth_hash(user.password),
        }
        values.update(changes)
        return values

    def members(self, values=None):
        return json.dumps(values or self.entries(), separators=(",", ":"))[1:-1]

    def payload(self, values=None, extra=""):
        document = "{%s%s}" % (extra, self.members(values))
        try:
            return self.serialized(document.encode("latin-1"))  # as signing.dumps() does
        except UnicodeEncodeError:
            return self.serialized(document.encode("utf-8"))

    def serialized(self, document):
        """JSON as it is, or what is in it as the PickleSerializer writes it."""
        if not self.pickled:
            return document
        try:
            values = json.loads(document.decode("latin-1"))
        except (ValueError, RecursionError):
            return document
        # Integers are texts in the protocols 0 and 1, and the Pythons of Django 1.11 read more digits of a text.
        lowest = 2 if django.VERSION < (2, 0) else 0
        return pickle.dumps(values, self.rng.randrange(lowest, pickle.HIGHEST_PROTOCOL + 1))

    # The states. Each makes one row.

    def encoded(self):
        values = self.logins.extras()
        values.update(self.entries())
        return Row(self.engine.encode(values), "Django's own encode")

    def anonymous(self):
        return Row(self.engine.encode(self.logins.extras()), "nobody is logged in")

    def expiry(self):
        day = 24 * HOUR
        what, expires = self.rng.choice([
            ("two seconds ago", -HOUR / 1800),
            ("an hour ago", -HOUR),
            ("a day ago", -day),
            ("two years ago", -730 * day),
            ("in an hour", HOUR),
            ("in thirteen hours", 13 * HOUR),
            ("in ten years", 3650 * day),
            ("in the year 9999", None),
        ])
        if not self.cookies:
            return Row(self.forge.native(self.payload()), "expires " + what, expires)
        # A signed cookie has the time of signing in it, and lives so long after that.
        signed = int(time.time()) - settings.SESSION_COOKIE_AGE
        signed += 2 ** 40 if expires is None else int(expires.total_seconds())
        return Row(self.forge.native(self.payload(), timestamp=engines.base62(max(signed, 0))), "expires " + what)

    def typed(self):
        """Entries that JSON does not have: of pickles, and of caches, which pickle everything."""
        what, values = typed.session(self.rng, self.rng.choice(self.good_users), self.entries)
        # Safe texts recurse for ever in the protocols 0 and 1.
        data = pickle.dumps(values, self.rng.randrange(2, pickle.HIGHEST_PROTOCOL + 1))
        return Row(self.forge.native(data), "typed: " + what, values=values)

    def user_id(self):
        user = self.rng.choice(self.good_users)
        name, text = self.rng.choice(spellings.of(user.pk))
        values = self.entries(user)
        del values["_auth_user_id"]
        payload = self.payload(values, '"_auth_user_id":%s,' % text)
        return Row(self.forge.native(payload), "user id: " + name)

    def other_user(self):
        if not self.other_users:
            return self.user_id()
        return Row(self.forge.native(self.payload(self.entries(self.rng.choice(self.other_users)))), "user not active")

    def entry(self):
        name = self.rng.choice(["_auth_user_id", "_auth_user_backend", "_auth_user_hash"])
        values = self.entries()
        old = values.pop(name)
        what, text = self.rng.choice([
            ("missing", None),
            ("null", "null"),
            ("a number", "42"),
            ("a float", "1.5"),
            ("true", "true"),
            ("false", "false"),
            ("a list", "[]"),
            ("a list around it", json.dumps([old])),
            ("an object", "{}"),
            ("empty", '""'),
            ("in upper case", json.dumps(old.upper())),
            ("with a space", json.dumps(old + " ")),
            ("cut short", json.dumps(old[:-1])),
            ("a lone surrogate", r'"\udfff"'),
            ("not ASCII", r'"\u00e9"'),
        ])
        extra = "" if text is None else '"%s":%s,' % (name, text)
        return Row(self.forge.native(self.payload(values, extra)), "%s %s" % (name, what))

    def backend(self):
        path = self.rng.choice(
            list(settings.AUTHENTICATION_BACKENDS) * 2 + [
                MODEL_BACKEND,
                "django.contrib.auth.backends.AllowAllUsersModelBackend",
                "django.contrib.auth.backends.RemoteUserBackend",
                "django.contrib.auth.ModelBackend",
                "modelbackend",
            ]
        )
        user = self.rng.choice(self.good_users + self.other_users)
        return Row(self.forge.native(self.payload(self.entries(user, _auth_user_backend=path))), "backend " + path)

    def auth_hash(self):
        user = self.rng.choice(self.good_users)
        fallback = self.rng.choice(self.fallbacks or [OTHER_SECRET])
        forge = self.forge.auth_hash
        what, value = self.rng.choice([
            ("by a fallback key", forge(user.password, fallback)),
            ("by a fallback key, sha1", forge(user.password, fallback, "sha1")),
            ("by a wrong key", forge(user.password, OTHER_SECRET)),
            ("sha1", forge(user.password, algorithm="sha1")),
            ("sha256", forge(user.password, algorithm="sha256")),
            ("sha512", forge(user.password, algorithm="sha512")),
            ("of another password", forge(user.password + "x")),
            ("of the empty password", forge("")),
        ] + (self.own_hashes(user, fallback) if hasattr(user, "hash_by") else []))
        return Row(self.forge.native(self.payload(self.entries(user, _auth_user_hash=value))), "auth hash " + what)

    def own_hashes(self, user, fallback):
        """What the model's own method makes with other keys and algorithms; salted_hmac has had one since Django 3.1."""
        hashes = [
            ("of its own, by a fallback key", user.hash_by(fallback)),
            ("of its own, by a wrong key", user.hash_by(OTHER_SECRET)),
        ] * 2
        if django.VERSION >= (3, 1):
            hashes += [("of its own, " + algorithm, user.hash_by(algorithm=algorithm)) for algorithm in ("sha1", "sha256", "sha512")]
        return hashes

    def signature(self):
        payload, forge = self.payload(), self.forge
        fallback = self.rng.choice(self.fallbacks or [OTHER_SECRET])
        what, data = self.rng.choice([
            ("modern", forge.modern(payload)),
            ("modern, sha256", forge.modern(payload, algorithm="sha256")),
            ("modern, sha1", forge.modern(payload, algorithm="sha1")),
            ("modern, sha512", forge.modern(payload, algorithm="sha512")),
            ("modern, fallback key", forge.modern(payload, secret=fallback)),
            ("modern, fallback key, sha1", forge.modern(payload, secret=fallback, algorithm="sha1")),
            ("modern, wrong key", forge.modern(payload, secret=OTHER_SECRET)),
            ("modern, wrong salt", forge.modern(payload, salt="django.core.signing")),
            ("modern, the old salt", forge.modern(payload, salt="django.contrib.sessionsSessionStore")),
            ("modern, other class", forge.modern(payload, salt="django.contrib.sessions.OtherStore")),
            ("modern, unqualified class", forge.modern(payload, salt="django.contrib.sessions.CustomStore")),
            ("signed twice", forge.text(forge.modern(payload))),
            ("legacy", forge.legacy(payload)),
            ("legacy, fallback key", forge.legacy(payload, secret=fallback)),
            ("legacy, wrong key", forge.legacy(payload, secret=OTHER_SECRET)),
            ("legacy, other class", forge.legacy(payload, store_class="OtherStore")),
            ("legacy, upper-case digest", forge.legacy(payload, digest="AB" * 20)),
            ("legacy, digest not ASCII", forge.legacy(payload, digest=b"\xe9" * 40)),
            ("legacy, no digest", forge.legacy(payload, digest="")),
        ])
        return Row(data, what)

    def mutated(self):
        """Bytes of a good text, moved about without signing again."""
        data = self.forge.native(self.payload())
        at = self.rng.randrange(len(data))
        what, data = self.rng.choice([
            ("cut short", data[:at]),
            ("a bit flipped", data[:at] + chr(ord(data[at]) ^ 1) + data[at + 1:]),
            ("case swapped", data.swapcase()),
            ("a character inserted", data[:at] + "A" + data[at:]),
            ("a newline inserted", data[:at] + "\n" + data[at:]),
            ("white space around", " %s\n" % data),
            ("reversed", data[::-1]),
            ("doubled", data + data),
            ("padding appended", data + "="),
            ("not ASCII", data + "\u00e9"),
            ("empty", ""),
            ("a colon", ":"),
            ("colons", ":::"),
            ("a point", "."),
            ("without its signature", data.rsplit(":", 1)[0]),
        ])
        return Row(data, "text " + what)

    def document(self):
        name, payload, _ = self.rng.choice(list(documents.documents(self.members())))
        payload = self.serialized(payload)
        if self.rng.random() < 0.2 and self.forge.reads_legacy:
            return Row(self.forge.legacy(payload), "legacy JSON: " + name)
        return Row(self.forge.native(payload), "JSON: " + name)

    def wrapping(self):
        payload = self.payload(extra=" " * self.rng.randrange(4))
        kind = self.rng.randrange(4)
        if kind == 0:
            name, change, _ = self.rng.choice(wrappings.COMPRESSED)
            return Row(self.forge.text("." + b64(change(payload))), name)
        if kind == 1:
            name, value, _ = self.rng.choice(wrappings.TIMESTAMPS)
            return Row(self.forge.modern(payload, timestamp=value), name)
        text = b64(payload)
        if kind == 2:
            name, change, _ = self.rng.choice(wrappings.BASE64)
            return Row(self.forge.text(change(text)), name)
        stray = "".join(self.rng.choice("=\n +/-_.!\u00e9A") for _ in range(self.rng.randrange(1, 6)))
        at = self.rng.randrange(len(text))
        if self.forge.reads_legacy and self.rng.random() < 0.5:
            text = self.forge.legacy(payload)
            return Row(text[:at] + stray + text[at:], "strays in the legacy base64")
        return Row(self.forge.text(text[:at] + stray + text[at:]), "strays in the base64")

    def unusual_key(self):
        tail = "".join(self.rng.choice(LETTERS) for _ in range(12))
        what, key = self.rng.choice([
            ("seven characters", tail[:7]),
            ("eight characters", tail[:8]),
            ("a space inside", "ab cd" + tail),
            ("a space in front", " " + tail),
            ("a space at the end", tail + " "),
            ("an accent", "\u00e9" + tail),
            ("a combining accent", "e\u0301" + tail),
            ("a percent sign", "%s%%" + tail),
            ("a quote", "'" + tail),
            ("a double quote", '"' + tail),
            ("a backslash", "\\" + tail),
            ("a semicolon", "a;b" + tail),
            ("an emoji", "\U0001f600" + tail),
            ("seven emoji", "\U0001f511" * 5 + tail[:2]),
            ("eight emoji", "\U0001f511" * 6 + tail[:2]),
            ("a replacement character", "ab\ufffdcd" + tail),
            ("capitals", tail.upper()),
            ("forty characters", (tail * 4)[:40]),
            ("a no-break space", "\u00a0" + tail),
            ("a zero-width space", tail + "\u200b"),
        ])
        raw = key.encode("utf-8").replace("\ufffd".encode("utf-8"), self.rng.choice([b"\xff", b"\xef\xbf\xbd", b"\xe2\x82"]))
        name = settings.SESSION_COOKIE_NAME.encode("utf-8")
        quoted = b'"' + b"".join(b"\\%03o" % c if c in b'"\\;' else bytes([c]) for c in bytearray(raw)) + b'"'
        value = self.rng.choice([raw, raw, quoted])
        return Row(self.forge.native(self.payload()), "key with " + what, key=key, verbatim=name + b"=" + value)

    # Choosing.

    WEIGHTS = [
        ("encoded", 30), ("anonymous", 4), ("expiry", 8), ("user_id", 14), ("other_user", 4), ("entry", 6),
        ("backend", 5), ("auth_hash", 6), ("signature", 8), ("mutated", 4), ("document", 12), ("wrapping", 10),
        ("unusual_key", 6),
    ]
    LOGIN_SHARE = 0.25

    def make(self, count):
        """Yields (raw Cookie header or None, note) for count rows, having stored them all."""
        names = [name for name, weight in self.WEIGHTS for _ in range(weight)]
        if self.pickled or isinstance(self.engine, (engines.Cache, engines.CachedDatabase)):
            names += ["typed"] * 40
        asked, taken = [], set()
        with seeded_session_keys(self.rng):
            for _ in range(count):
                if self.rng.random() < self.LOGIN_SHARE:
                    key, note = self.logins.make(self.good_users)
                    asked += self.headers(key, note)
                    continue
                row = getattr(self, self.rng.choice(names))()
                key = row.key or self.store()._get_new_session_key()
                if key in taken:  # some unusual keys have few characters to choose
                    continue
                taken.add(key)
                key = self.engine.put(row, key)
                if row.verbatim and not self.cookies:
                    asked.append((row.verbatim, row.note))
                else:
                    asked += self.headers(key, row.note)
        self.engine.finish()
        asked.append((None, "no header"))
        return asked

    def headers(self, key, note):
        """One plain header, or one or two odd spellings of it."""
        name, raw = settings.SESSION_COOKIE_NAME.encode("utf-8"), key.encode("utf-8", "surrogatepass")
        if len(raw) > 12000:
            return []  # four times as long, in octal, it would be more than servers take in a header
        if any(c < 0x21 or c in b'",;\\' for c in bytearray(raw)) and self.cookies:
            return [(name + b'="' + headers.octal(raw) + b'"', note + "; cookie: quoted, all octal")]
        chosen = [headers.GOOD[0]]
        if self.rng.random() < 0.3:
            chosen = [self.rng.choice(headers.GOOD)]
        if self.rng.random() < 0.12:
            chosen.append(self.rng.choice(headers.BAD + headers.SPACED))
        return [(spell(name, raw), "%s; cookie: %s" % (note, what)) for what, spell in chosen]
