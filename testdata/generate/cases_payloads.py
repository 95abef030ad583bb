"""What the JSON says: odd documents, odd ids, odd cookies."""
import re
import sys

import documents
import headers
from case import ADA, ADA_TEXT, ADA_UUID, KEY, ONE, ONE_UUID, REASONS, VERSION, Case, entries, forge, members, payload
from selection import wanted


def json_documents():
    made = forge()
    for name, body, good in documents.documents(members(entries())):
        if not wanted(name):
            continue
        if name == "nesting of 100000" and not made.reads_modern:
            # The legacy form is not compressed, so shorter: Python before 3.13 stops at about 1000.
            name, body = "nesting of 5000", body.replace(b"[" * 95000, b"").replace(b"]" * 95000, b"")
        rule = "JSON as Python %d.%d reads it, from Latin-1" % sys.version_info[:2]
        yield Case("json " + name, rule, "authenticated" if good else "unreadable", made.native(body))


def limited(digits):
    return "bad_user_id" if not documents.reads_long_integers(sys.version_info) else digits


# The JSON text, and the reason or the user. U+001C is white space to str.strip(), and not to int():
# Objects/unicodeobject.c of CPython, _PyUnicode_TransformDecimalAndSpaceToASCII.
INTEGERS = [
    ('" 42 "', "42"), ('"+42"', "42"), ('"0042"', "42"), ('"4_2"', "42"), ('"4__2"', "bad_user_id"),
    ('"_42"', "bad_user_id"), ('"\\uff14\\uff12"', "42"), ('"\\u0664\\u0662"', "42"), ('"\\u00b2"', "bad_user_id"),
    ('"\\u00a042\\u2003\\u0085"', "42"), ('"\\u001c42"', "bad_user_id"), ('"\\u001c42\\u00a0"', "bad_user_id"), ('"\\u200b42"', "bad_user_id"), ('"42\\u0000"', "bad_user_id"),
    ('"42.0"', "bad_user_id"), ('"-42"', "user_not_found"), ('"- 42"', "bad_user_id"), ('""', "bad_user_id"), ('" "', "bad_user_id"),
    ('"0x2a"', "bad_user_id"), ('"ada"', "bad_user_id"), ('"None"', "bad_user_id"), ("42", "42"), ("42.0", "42"), ("42.9", "42"),
    ("4.2e1", "42"), ("true", "1"), ("false", "user_not_found"), ("null", "user_not_found"), ("NaN", "bad_user_id"),
    ("Infinity", "bad_user_id"), ("1e300", "user_not_found"), ("[42]", "bad_user_id"), ("{}", "bad_user_id"), ("-0", "user_not_found"),
    ('"2147483648"', "user_not_found"), ('"9223372036854775808"', "user_not_found"), ("18446744073709551658", "user_not_found"),
    ('"18446744073709551658"', "user_not_found"), ('"%s"' % ("1" * 4300), "user_not_found"), ('"\\ud800"', "bad_user_id"),
    ('"%s"' % ("1" * 5000), limited("user_not_found")), ('"%s42"' % ("0" * 5000), limited("42")),
]
BY_NUMBER = "bad_user_id" if VERSION < (2, 0) else None  # UUIDField takes integers since 2.0
HEX = ADA_UUID["id"].replace("-", "")
UUIDS = [
    ('"%s"' % HEX, ADA_UUID["id"]), ('"%s"' % ADA_UUID["id"].upper(), ADA_UUID["id"]), ('"{%s}"' % HEX, ADA_UUID["id"]),
    ('"}{%s{"' % HEX, ADA_UUID["id"]), ('"urn:uuid:%s"' % HEX, ADA_UUID["id"]), ('"URN:UUID:%s"' % HEX, "bad_user_id"),
    ('"-%s--"' % "-".join(HEX), ADA_UUID["id"]), ("%d" % int(HEX, 16), BY_NUMBER or ADA_UUID["id"]),
    ('"%d"' % int(HEX, 16), "bad_user_id"), ("1", BY_NUMBER or ONE_UUID["id"]), ("true", BY_NUMBER or ONE_UUID["id"]),
    ("1.0", "bad_user_id"), ("-1", "bad_user_id"), (str(2 ** 128), "bad_user_id"), ("null", "user_not_found"),
    ('" %s"' % ADA_UUID["id"], "bad_user_id"), ('"%s"' % HEX[:-1], "bad_user_id"), ('"%s"' % HEX.replace("0", "\\uff10"), ADA_UUID["id"]),
    ('"%s1"' % ("0_" * 15 + "0"), ONE_UUID["id"]), ('"0x%s1"' % ("0" * 29), ONE_UUID["id"]), ('"%s 1 "' % (" " * 29), ONE_UUID["id"]),
    ('"+%s1"' % ("0" * 30), ONE_UUID["id"]), ('""', "bad_user_id"), ("[]", "bad_user_id"), ('"\\ud800"', "bad_user_id"),
]
TEXTS = [  # the second text is the key of a user who exists
    ('"ada-lovelace"', "ada-lovelace"), (r'"\u0061da-lovelace"', "ada-lovelace"), ('"ada-lovelace "', "ada-lovelace "),
    ("42", "42"), ("-0", "0"), ("1.0", "1.0"), ("10000000000000000", "10000000000000000"), ("1e16", "1e+16"), ("1E-5", "1e-05"),
    ("123456.789e3", "123456789.0"), ("true", "True"), ("NaN", "nan"), ("-1e999", "-inf"), ('""', ""), ("[1]", "[1]"), ("{}", "{}"),
    (r'"\u00e9\ud83d\ude00"', "\u00e9\U0001f600"),
]
STRANGE_TEXTS = [
    ('"ADA-LOVELACE"', "user_not_found"), ('"ada-lovelace\\u0000"', "bad_user_id"), ("null", "user_not_found"),
    ('" ada-lovelace"', "user_not_found"), ('"\\ud800"', "bad_user_id"), ('"%s"' % ("x" * 300), "user_not_found"),
]


def with_id(text):
    return forge().native(payload(entries(_auth_user_id=None), '"_auth_user_id":%s,' % text))


def id_case(kind, text, answer, users):
    found = answer not in REASONS
    return Case(
        "id %s %s" % (kind, label(text)), "the id goes through the primary key's to_python",
        "authenticated" if found else answer, with_id(text), user_id=answer if found else None,
        user_key=kind, users=users,
    )


def label(text):
    """A file name that tells spellings apart: characters that it cannot show are in hexadecimal."""
    shown = text if len(text) < 60 else "%s_%d characters" % (text[:12], len(text))
    kind, shown = ("text ", shown.strip('"')) if text.startswith('"') else ("value ", shown)
    shown = re.sub(r"(?<![a-z0-9])-|[^a-z0-9-]", lambda m: " %02x " % ord(m.group()), shown)
    return kind + (shown or "empty")


def chosen(spelling):
    return wanted(spelling[0])


def ids():
    for text, answer in filter(chosen, INTEGERS):
        yield id_case("integer", text, answer, [ONE, ADA])
    for text, answer in filter(chosen, UUIDS):
        yield id_case("uuid", text, answer, [ONE_UUID, ADA_UUID])
    for text, answer in filter(chosen, TEXTS):
        yield id_case("text", text, answer, [dict(ADA_TEXT, id=answer)])
    for text, answer in filter(chosen, STRANGE_TEXTS):
        yield id_case("text", text, answer, [ADA_TEXT])
    yield Case("id missing", "both entries are needed", "anonymous", forge().native(payload(entries(_auth_user_id=None))))


NO_COOKIE = set("""
duplicate, an empty one last|an upper-case name|a capital at the start of the name|a quoted name|an escaped name
no equals sign|a colon for the equals sign|an empty name|the key alone|an empty value|an empty quoted value
the name alone|commas before the cookie|only separators|an empty header|another cookie
a next line in Latin-1 around|a no-break space in Latin-1 around|a zero-width space in UTF-8 around
a surrogate in UTF-8 around|a cut-off sequence around
""".strip().replace("\n", "|").split("|"))
BAD_KEY = {"one quote", "a key of seven characters", "octal NUL at the end"}
GOOD = {name for name, _ in headers.GOOD}


def cookie_reason(name):
    if name in NO_COOKIE:
        return "no_cookie"
    if name in BAD_KEY:
        return "bad_session_key"
    if name in GOOD or name.endswith(" around"):
        return "authenticated"
    return "not_found"


def cookies():
    data = forge().native(payload())
    rule = "the header as django.http.parse_cookie reads it, through Latin-1 and UTF-8"
    for name, spell in headers.SERVABLE + headers.UNSERVABLE:
        if wanted(name):
            yield Case("cookie " + name, rule, cookie_reason(name), data, cookie=spell(b"sessionid", KEY.encode()))
    yield Case("cookie absent", "no Cookie header at all", "no_cookie", data, cookie=None)


def cases():
    for part in (json_documents, ids, cookies):
        for case in part():
            yield case
