"""Makes signed cookies in every state, and says what Django's signed_cookies engine reads in each.

A request on stdin: {"seed", "count", "now" (microseconds), "settings"}; an answer on stdout: {"django", "python", "cases"}.
"""
import base64
import json
import random
import zlib

import deployment
from django.conf import settings
from django.core import signing
from django.utils.module_loading import import_string

SALT = "django.contrib.sessions.backends.signed_cookies"
SALTS = ["django.core.signing", "django.contrib.sessions.SessionStore", SALT + "signer", SALT[:-1], "django.core.signing.TimestampSigner"]


def serializer():
    return import_string(settings.SESSION_SERIALIZER)()


def signer(salt=SALT, key=None, algorithm=None):
    options = {"salt": salt}
    if key:
        options["key"] = key
    if algorithm:
        options["algorithm"] = algorithm
    return signing.Signer(**options)


def packed(payload, compress):
    if compress:
        return "." + base64.urlsafe_b64encode(zlib.compress(payload)).decode().rstrip("=")
    return base64.urlsafe_b64encode(payload).decode().rstrip("=")


def base62(n):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    sign, n, text = ("-" if n < 0 else ""), abs(n), ""
    while n:
        n, d = divmod(n, 62)
        text = digits[d] + text
    return sign + (text or "0")


class Maker(object):
    def __init__(self, rng, now):
        self.rng = rng
        self.now = now // 1000000
        age = settings.SESSION_COOKIE_AGE
        self.ages = [0, 1, age - 2, age - 1, age, age + 1, age + 2, 10 * age, -1, -60, -10 ** 9, 10 ** 9, age // 2]

    def dumps(self, entries, **how):
        payload = how.get("payload")
        if payload is None:
            payload = serializer().dumps(entries)
        value = how.get("value", packed(payload, how.get("compress", self.rng.random() < 0.5)))
        stamp = how.get("stamp", base62(self.now - how.get("age", settings.SESSION_COOKIE_AGE // 3)))
        s = signer(how.get("salt", SALT), how.get("key"), how.get("algorithm"))
        return s.sign(value + how.get("middle", ":") + stamp)

    def real(self, entries):
        """As Django itself would write it, at some time."""
        signing.time.now, now = self.now - self.rng.choice(self.ages) + self.rng.random(), signing.time.now
        try:
            return signing.dumps(entries, compress=True, salt=SALT, serializer=serializer)
        finally:
            signing.time.now = now

    def case(self, number):
        rng = self.rng
        entries = deployment.login(rng, number)
        kind = rng.choice(["real"] * 6 + ["age"] * 6 + sorted(KINDS))
        if kind == "real":
            return kind, self.real(entries)
        if kind == "age":
            age = rng.choice(self.ages)
            return "age %d" % age, self.dumps(entries, age=age)
        return KINDS[kind](self, entries)


def stamp(maker, entries):
    text = maker.rng.choice([
        "", "-", "--1", "-0", "0", "00", "-1", "1", "z" * 6, "z" * 7, "z" * 12, "z" * 170, "z" * 172, "z" * 200, "z" * 5000,
        "-" + "z" * 200, "1_0", " 1", "1 ", "+1", "\u0661", "\u00e9", "1.0", base62(maker.now) + "\n", "0" + base62(maker.now),
    ])
    return "timestamp %.20r" % text, maker.dumps(entries, stamp=text)


def payload(maker, entries):
    whole = json.dumps(entries).encode("latin-1")
    data = maker.rng.choice([
        b"", b"{", b"{}", b"[]", b"[1]", b"null", b"true", b"5", b'"text"', b"NaN", whole + b"x", b" \n" + whole + b"\t",
        whole[:-1], whole[:-1] + b',"number":77}', whole[:-1] + b',"x":"\xe9\xff"}', whole[:-1] + b',"x":"\x01"}', b"\xef\xbb\xbf" + whole,
        whole[:-1] + b',"_session_expiry":-5}', whole[:-1] + b',"_session_expiry":"2000-01-01T00:00:00+00:00"}', whole.replace(b'"', b"'"),
    ])
    return "payload %.40r" % data, maker.dumps(entries, payload=data)


def spelled(maker, entries):
    compress = maker.rng.random() < 0.5
    whole = serializer().dumps(entries)
    value = packed(whole, compress)
    standard = base64.b64encode(zlib.compress(whole) if compress else whole).decode()
    at = maker.rng.randrange(1, len(value))
    value = maker.rng.choice([
        value + "=" * (-len(value) % 4), value + "====", value + "=", value[:at] + "=" + value[at:], value[:at] + "\n" + value[at:],
        value[:at] + "!" + value[at:], value[:at] + "\u00e9" + value[at:], "." + value, ".." + value, value.lstrip("."), value + "A", value[:-1],
        value[:at], value + ":", ":" + value, ("." if compress else "") + standard, "", ".", value + value, "=" + value,
        packed(zlib.compress(whole)[2:-4], False), "." + packed(zlib.compress(whole) + b"trailing", False),
        "." + packed(zlib.compress(whole)[:-1], False), "." + packed(whole, False),
    ])
    return "value %.30r" % value, maker.dumps(entries, value=value)


def tampered(maker, entries):
    text = maker.dumps(entries)
    at = maker.rng.randrange(len(text))
    return "tampered at %d" % at, maker.rng.choice([
        text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:], text[:at] + text[at + 1:], text[:at], text + "=", text + "\n", text + " ", " " + text,
        text.replace(":", "::", 1), text.replace(":", "", 1), text.swapcase(), text + ":", '"' + text + '"', text[:at] + "\u00e9" + text[at:],
        text.rsplit(":", 1)[0], text.rsplit(":", 1)[0] + ":", text.rsplit(":", 2)[0] + ":" + text.rsplit(":", 1)[1],
    ])


def keyed(maker, entries):
    key = maker.rng.choice(deployment.FALLBACKS + ["another key", deployment.SECRET.lower(), deployment.SECRET])
    return "key %.10r" % key, maker.dumps(entries, key=key)


def hashed(maker, entries):
    try:
        signer(algorithm="sha1")
    except TypeError:  # before Django 3.1
        return keyed(maker, entries)
    algorithm = maker.rng.choice(["sha1", "sha256", "sha512", "md5"])
    key = maker.rng.choice([None, deployment.FALLBACKS[0]])
    return "%s with %.10r" % (algorithm, key), maker.dumps(entries, algorithm=algorithm, key=key)


KINDS = {
    "stamp": stamp, "payload": payload, "spelled": spelled, "tampered": tampered, "keyed": keyed, "hashed": hashed,
    "salted": lambda m, e: ("another salt", m.dumps(e, salt=m.rng.choice(SALTS))),
    "separated": lambda m, e: ("another separator", m.dumps(e, middle=m.rng.choice(["", "::", ".", "/"]))),
    "random": lambda m, e: ("a random key", "".join(m.rng.choice("abcdefghij0123456789:.-_=") for _ in range(m.rng.randrange(8, 200)))),
}


def run(request):
    maker = Maker(random.Random(request["seed"]), deployment.deploy(request))
    from django.contrib.sessions.backends.signed_cookies import SessionStore
    cases = []
    for number in range(request["count"]):
        note, key = maker.case(number)
        if len(key) >= 8:  # others are no session keys: contrib/sessions/backends/base.py, _validate_session_key
            cases.append(dict(deployment.answer(SessionStore, key), note=note))
    return cases


if __name__ == "__main__":
    deployment.main(run)
