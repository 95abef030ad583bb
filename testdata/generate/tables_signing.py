"""How Django signs, and how Python reads base64."""
import base64
import binascii
import json
import random
import time
from unittest import mock

from django.core import signing
from django.utils.crypto import salted_hmac

SECRETS = ["s3cret", "sp\u00e9cial \U0001f511 key", "x", "long " * 40, 'quotes " and , commas', "django-insecure-4v!x$w%t&e@n(c=y)_#s+k^e-y*s"]
SALTS = ["django.contrib.sessions.SessionStore", "django.core.signing", "s", "s\u00e9l", "a:b"]
SEPARATORS = [":", "|", "/", "::", "~", "\u00b7"]
VALUES = ["", "hello", "a:b", "::", "\u00e9\u4e2d\U0001f600", " spaces ", "eyJhIjoxfQ", ".eJyrVkpUsjLUUUpSsjKqBQAbugQI", "line\nfeed", "x" * 300]
ALPHABET = "ABCXYZabcxyz0189-_"
NOW = 1795348800  # 2026-11-22T12:00:00Z


def at(moment):
    return mock.patch.object(time, "time", lambda: moment)


def raw(decode, text):
    try:
        return decode(text.encode("utf-8")).hex()
    except binascii.Error:
        return None


def base64_texts():
    rng = random.Random(6)
    texts = ["", "=", "==", "===", "====", "A", "A=", "A==", "A===", "AA", "AA=", "AA==", "AA===", "AAA", "AAA=", "AAA==", "AAAA", "AAAA=", "AAAA===="]
    texts += ["AA==AA", "AA==AA==", "AA=A", "AA=A=", "A=AA", "=AAA", "AA\n==", "AA=\n=", "AAA=AAA=", "AAAA====AAAA", "++//", "--__", "+-/_", "!!!!", "A!A!A!A"]
    texts += ["AA\u00e9A", "\u00e9\u00e9", "AAAA\x00", "AB", "AC", "AAB", "AAC=", " AAAA ", "A A A A", "AAAA\r\nAAAA\r\n", "....", "AAAA:BBBB", "\x7f\x80AA"]
    for _ in range(250):
        text = [rng.choice(ALPHABET) for _ in range(rng.randrange(1, 24))]
        for _ in range(rng.randrange(4)):
            text.insert(rng.randrange(len(text) + 1), rng.choice(["=", "==", "\n", " ", "+", "/", "!", ".", ":", "\u00e9", "\x00"]))
        texts.append("".join(text))
    for text in texts:
        yield {"text": text, "bytes": raw(signing.b64_decode, text)}
        # The legacy form is ASCII from Django 2.0 on.
        if text.isascii():
            yield {"text": text, "bytes": raw(base64.b64decode, text), "legacy": True}


def base62():
    """encoded: text is what b62_encode makes of value; otherwise value is what b62_decode makes of text."""
    rng = random.Random(7)
    numbers = [0, 1, -1, 61, 62, -62, 3843, 3844, NOW, 2**31, 2**63 - 1, 2**63, 10**40]
    for number in numbers + [rng.randrange(-(2**70), 2**70) for _ in range(60)]:
        yield {"text": signing.b62_encode(number), "value": str(number), "encoded": True}
    texts = ["", "-", "--", "--1", "0", "-0", "00", "000z", "1-", "1 ", " 1", "+1", "!", "_", "\u00e9", "\u0661", "1xV6Ei", "-1Zz", "z" * 400, "1\n", "1.0"]
    texts += ["".join(rng.choice("019azAZ-+! ") for _ in range(rng.randrange(1, 8))) for _ in range(120)]
    for text in texts:
        try:
            value = str(signing.b62_decode(text))
        except (ValueError, IndexError):
            value = None
        yield {"text": text, "value": value, "encoded": False}


def hmacs():
    for secret in SECRETS:
        for salt in SALTS:
            for algorithm in ("sha1", "sha256"):
                for value in VALUES[:5]:
                    digest = salted_hmac(salt, value, secret, algorithm=algorithm).hexdigest()
                    yield {"kind": "salted_hmac", "secret": secret, "salt": salt, "algorithm": algorithm, "value": value, "signed": digest}


def signers():
    rng = random.Random(8)
    for kind, signer in (("signer", signing.Signer), ("timestamp", signing.TimestampSigner)):
        for value in VALUES * 10:
            row = {
                "kind": kind,
                "secret": rng.choice(SECRETS),
                "salt": rng.choice(SALTS),
                "sep": rng.choice(SEPARATORS),
                "algorithm": rng.choice(["sha1", "sha256"]),
                "value": value,
            }
            made = signer(key=row["secret"], salt=row["salt"], sep=row["sep"], algorithm=row["algorithm"])
            if kind == "timestamp":
                row["time"] = rng.choice([0, 1, NOW, NOW - 3600, 2**31, 2**40])
            with at(row.get("time", NOW)):
                row["signed"] = made.sign(value)
            if kind == "timestamp":
                row.update(age(made, row, rng))
            yield row


def age(made, row, rng):
    """max_age seconds as asked for at the time "now", and whether that is too late."""
    max_age = rng.choice([0, 1, 60, 1209600])
    now = row["time"] + rng.choice([-10, 0, max_age - 1, max_age, max_age + 1, 10**8])
    try:
        with at(now):
            made.unsign(row["signed"], max_age=max_age)
        expired = False
    except signing.SignatureExpired:
        expired = True
    return {"now": now, "max_age": max_age, "expired": expired}


class Text:
    """A serializer that leaves the payload alone."""

    def dumps(self, text):
        return text.encode("latin-1")

    def loads(self, data):
        return data.decode("latin-1")


def dumps():
    rng = random.Random(9)
    payloads = ["{}", "null", '{"a":1}', '{"_auth_user_id":"42"}', json.dumps({"x": "lorem ipsum " * 30}), "\x00" * 500, "\u00e9" * 50, ""]
    payloads += ["".join(chr(rng.randrange(256)) for _ in range(rng.randrange(200))) for _ in range(20)]
    payloads += ["ab" * rng.randrange(100) for _ in range(20)]
    for payload in payloads:
        for compress in (True, False):
            secret, salt = rng.choice(SECRETS), rng.choice(SALTS)
            with at(NOW):
                signed = signing.dumps(payload, key=secret, salt=salt, serializer=Text, compress=compress)
            assert signing.loads(signed, key=secret, salt=salt, serializer=Text) == payload
            yield {
                "kind": "dumps", "secret": secret, "salt": salt, "sep": ":", "algorithm": "sha256",
                "value": payload, "signed": signed, "time": NOW, "compress": compress,
            }


def signed_texts():
    for part in (hmacs, signers, dumps):
        yield from part()


TABLES = {"base64": base64_texts, "base62": base62, "signing": signed_texts}
