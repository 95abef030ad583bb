"""How Django reads cookies, keys and JSON."""
import json
import random
import uuid

from django.core.exceptions import ValidationError
from django.core.handlers.wsgi import get_str_from_wsgi
from django.db import models
from django.http.cookie import parse_cookie

import documents
import headers
import spellings

KEY = b"3mx1q2nq0w5u7zr8c4v6b9l0k7j5h3gf"
# Pieces from which random texts are made: single characters would rarely mean anything.
COOKIE_PIECES = [
    b"sessionid", b"=", b"=", b"=", b";", b"; ", b";", b'"', b'"', b"\\", b"\\141", b"\\073", b"\\377", b"\\400", b"\\8", b"\\\xc3\xa9",
    b" ", b"\t", b"a", b"b", b"0", b",", b"\xc3\xa9", b"\xc2\xa0", b"\xc2\x85", b"\x85", b"\xa0", b"\xff", b"\xe2\x80", b"\xe2\x80\xa8",
    b"\xf0\x9f\x98\x80", b"\xf0\x9f", b"\xed\xa0\x80", b"\xc0\xaf", b"\x1c", b"\x1f", b"\x0b", b"\x00", b"\n", b"\r", b"\x7f", b"\x80",
]
INT_PIECES = list("0123456789") + [
    "0", "1", "42", "_", "_", "-", "+", " ", "\t", "\n", "\x0b", "\x1c", "\x1f", "\x00", "\x85", "\u00a0", "\u2003", "\u3000", "\u200b",
    "\ufeff", "\u0664", "\u0967", "\uff11", "\U0001d7d8", "\u00b2", "\u2460", "\u4e00", "\u2212", ".", "e", "x", "a", "\u0bf0", "\U0001e950",
]
JSON_PIECES = [bytes([c]) for c in b'{}[]",:0123456789.eE+-\\/ \t\n\r\x00\x0b\x1f\x7f\x85\xa0\xe9\xff'] + [
    b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity", b"nul", b"tru", b"\\u00e9", b"\\ud800", b"\\udc00", b"\\u12", b"\\n",
    b"\\x", b'"_auth_user_id":', b'"a":1,', b"[]", b"{}", b"1e5", b"-0", b"01", b"1.5", b"\\u005f",
]


def cookie_row(raw):
    header = raw.decode("latin-1")
    return {"header": header, "cookies": parse_cookie(get_str_from_wsgi({"HTTP_COOKIE": header}, "HTTP_COOKIE", ""))}


def cookies():
    rng = random.Random(1)
    for _, spell in headers.SERVABLE + headers.UNSERVABLE:
        yield cookie_row(spell(b"sessionid", KEY))
    for _ in range(300):
        yield cookie_row(b"".join(rng.choice(COOKIE_PIECES) for _ in range(rng.randrange(1, 20))))
    for _ in range(100):
        value = b"".join(rng.choice(COOKIE_PIECES) for _ in range(rng.randrange(8)))
        yield cookie_row(b'sessionid="' + value + b'"')
    for _ in range(60):
        yield cookie_row(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 30))))


def converted(field, value):
    try:
        return field.to_python(value)
    except (ValidationError, OverflowError):
        return None


def integers():
    rng = random.Random(2)
    field = models.IntegerField()
    texts = [json.loads(text) for pk in (42, -7) for _, text in spellings.of(pk) if text.startswith('"')]
    texts += ["1" * 4301, "0" * 4301, "-" + "1" * 4300, "1_" * 4299 + "1", "1_" * 4300 + "1", " " * 5000 + "1", "\uff11" * 4300, "\uff11" * 4301]
    texts += ["".join(rng.choice(INT_PIECES) for _ in range(rng.randrange(1, 7))) for _ in range(400)]
    for text in texts:
        value = converted(field, text)
        yield {"text": text, "value": None if value is None else str(value)}


def uuids():
    rng = random.Random(3)
    field = models.UUIDField()
    one = uuid.UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
    written = [text for pk in (one, uuid.UUID(int=1)) for _, text in spellings.of(pk)]
    # NaN and Infinity are no JSON, and the long ones are for integers.
    values = [json.loads(text) for text in written if len(text) < 200 and text not in ("NaN", "Infinity")]
    values += [2**128 - 1, 2**128, 0, -1, 1.5, None, True, False, [], {}, ["a"], "", "urn:uuid:", "{}", "-" * 32, "0x" + "1" * 30, "0X_" + "1" * 29]
    for _ in range(250):
        text = list(one.hex)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text))
            text[at] = rng.choice(["_", "-", "{", "}", " ", "+", "x", "g", "G", "A", "\uff11", "\u0664", "urn:", "uuid:", "", "0", "\u2003", "\x1c", "\n"])
        values.append("".join(text) + rng.choice(["", "", "0", "00", " "]))
    for value in values:
        found = converted(field, value)
        yield {"value": value, "uuid": None if found is None else str(found)}


def texts():
    rng = random.Random(4)
    field = models.CharField()
    sources = ["null", "true", "false", "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "-0", "0", "-0.0", "0.0", '""', '"ada"', r'"\u00e9\n"']
    sources += ["1e%d" % n for n in range(-8, 24)] + ["-12345678901234567e%d" % n for n in range(-24, 8)]
    sources += ["5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "9007199254740993.0", "0.1", "0.30000000000000004", "1E+2", "100.0", "1" * 4300]
    sources += ["%d" % rng.randrange(-10**30, 10**30) for _ in range(30)]
    sources += [repr(rng.random() * 10 ** rng.randrange(-20, 30)) for _ in range(100)]
    sources += ["%d.%de%d" % (rng.randrange(-99, 99), rng.randrange(10**9), rng.randrange(-320, 310)) for _ in range(60)]
    for source in sources:
        value = field.to_python(json.loads(source))
        yield {"json": source, "text": None if value is None else str(value)}


def json_row(data):
    """ok: json.loads read an object, since Django has no use for any other session."""
    row = {"data": data.hex(), "ok": False, "user_id": None}
    try:
        value = json.loads(data.decode("latin-1"))
    except (ValueError, RecursionError):
        return row
    if isinstance(value, dict):
        row["ok"] = True
        if "_auth_user_id" in value:
            row["user_id"] = json.dumps(value["_auth_user_id"])
    return row


def json_texts():
    rng = random.Random(5)
    members = '"_auth_user_id":"42","_auth_user_backend":"b","x":[1,2.5,{"y":"\\u00e9"}]'
    for name, data, _ in documents.documents(members):
        if len(data) < 50000:
            yield json_row(data)
    base = ("{%s}" % members).encode("latin-1")
    for _, text in spellings.of(42) + spellings.of("ada"):
        if len(text) < 200:
            yield json_row(b'{"_auth_user_id":' + text.encode("latin-1") + b"}")
    for _ in range(500):
        data = base
        for _ in range(rng.randrange(1, 3)):
            at, end = rng.randrange(len(data)), rng.randrange(3)
            data = data[:at] + rng.choice(JSON_PIECES) + data[at + end:]
        yield json_row(data)
    for _ in range(300):
        value = b"".join(rng.choice(JSON_PIECES) for _ in range(rng.randrange(1, 5)))
        yield json_row(b'{"_auth_user_id":' + value + b"}")
    for _ in range(150):
        inside = b"".join(rng.choice(JSON_PIECES) for _ in range(rng.randrange(1, 5)))
        yield json_row(b'{"_auth_user_id":"' + inside + b'"}')


TABLES = {"cookies": cookies, "int": integers, "uuid": uuids, "text": texts, "json": json_texts}
