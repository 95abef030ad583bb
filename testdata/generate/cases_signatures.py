"""Who signed the session, how, and what is left of it."""
import wrappings
from case import ADA, FALLBACKS, NEWEST, OTHER_SECRET, VERSION, Case, entries, forge, payload, refused
from forge import b64
from selection import wanted

LEGACY_ONLY = VERSION < (3, 1)
BOTH = not LEGACY_ONLY and VERSION < (4, 0)
FALLBACK_READ = VERSION >= (4, 1)
# What a deployment from before 3.1 keeps, and one of today.
COMMENT = "to 3.0 only the legacy form is read, 3.1 and 3.2 read both, 4.0 and later only signing.dumps"


def case(name, data, accepted, comment=COMMENT, **fields):
    return Case(name, comment, "authenticated" if accepted else refused(data), data, **fields)


def forms():
    made, body = forge(), payload()
    yield case("modern", made.modern(body, compress=False, algorithm="sha256"), not LEGACY_ONLY)
    yield case("modern, compressed", made.modern(body, compress=True, algorithm="sha256"), not LEGACY_ONLY)
    yield case("modern, sha1", made.modern(body, algorithm="sha1"), BOTH, "3.1 and 3.2 accept SHA-1 besides")
    yield case("modern, sha512", made.modern(body, algorithm="sha512"), False, "no Django signs sessions so")
    yield case("legacy", made.legacy(body), LEGACY_ONLY or BOTH)
    long = payload(extra='"x":"%s",' % ("lorem ipsum " * 30))
    yield case("modern, long", made.modern(long, algorithm="sha256"), not LEGACY_ONLY)
    yield case("legacy, long", made.legacy(long), LEGACY_ONLY or BOTH)
    if BOTH:
        sha1 = dict(algorithm="sha1")
        hashed = forge(**sha1)
        body = payload(_entries_of(hashed))
        rule = "DEFAULT_HASHING_ALGORITHM=sha1 refuses SHA-256"
        yield case("DEFAULT_HASHING_ALGORITHM sha1, legacy", hashed.legacy(body), True, rule, **sha1)
        yield case("DEFAULT_HASHING_ALGORITHM sha1, modern sha1", hashed.modern(body), True, rule, **sha1)
        yield case("DEFAULT_HASHING_ALGORITHM sha1, modern sha256", hashed.modern(body, algorithm="sha256"), False, rule, **sha1)


def _entries_of(made):
    return entries(_auth_user_hash=made.auth_hash(ADA["password"]))


def keys():
    made, body = forge(), payload()
    rule = "SECRET_KEY_FALLBACKS came with 4.1"
    for number, key in enumerate(FALLBACKS):
        yield case("modern, fallback key %d" % number, made.modern(body, secret=key), FALLBACK_READ, rule, fallbacks=FALLBACKS)
        yield case("legacy, fallback key %d" % number, made.legacy(body, secret=key), False, "no legacy form by fallback keys", fallbacks=FALLBACKS)
    yield case("modern, fallback key, sha1", made.modern(body, secret=FALLBACKS[0], algorithm="sha1"), False, rule, fallbacks=FALLBACKS)
    yield case("modern, key no longer listed", made.modern(body, secret=FALLBACKS[0]), False, rule)
    yield case("modern, wrong key", made.modern(body, secret=OTHER_SECRET), False, "somebody else's key", fallbacks=FALLBACKS)
    yield case("legacy, wrong key", made.legacy(body, secret=OTHER_SECRET), False, "somebody else's key", fallbacks=FALLBACKS)
    swapped = dict(secret=FALLBACKS[0], fallbacks=[made.secret])
    rule = "the current key is now the fallback: it opens the session, and its auth hash"
    yield case("modern, keys swapped", made.modern(body), FALLBACK_READ, rule, **swapped)
    yield case("native, another key", made.native(body), False, "the key is neither current nor a fallback", secret=OTHER_SECRET)


def salts():
    made, body = forge(), payload()
    rule = "the salt belongs to the purpose"
    yield case("salt of signing.dumps", made.modern(body, salt="django.core.signing"), False, rule)
    yield case("salt of the cookie engine", made.modern(body, salt="django.contrib.sessions.backends.signed_cookies"), False, rule)
    yield case("salt of the legacy form", made.modern(body, salt="django.contrib.sessionsSessionStore"), False, rule)
    yield case("salt of another class", made.modern(body, salt="django.contrib.sessions.OtherStore"), False, rule)
    yield case("legacy, salt of another class", made.legacy(body, store_class="OtherStore"), False, rule)
    twice = made.text(made.modern(body))
    reason = refused(twice) if LEGACY_ONLY else "unreadable"
    yield Case("signed twice", "what was signed is another signed text", reason, twice)


def damage():
    data = forge().native(payload())
    half = len(data) // 2
    flipped = data[:half] + chr(ord(data[half]) ^ 1) + data[half + 1:]
    for name, text in [
        ("empty", ""), ("a colon", ":"), ("colons", ":::"), ("a point", "."), ("cut in half", data[:half]),
        ("one character cut", data[:-1]), ("a bit flipped", flipped), ("case swapped", data.swapcase()),
        ("not ASCII", "\u00e9" + data), ("a newline at the end", data + "\n"), ("no separator", data.replace(":", "")),
    ]:
        accepted = VERSION < (3, 1) and name in ("a newline at the end", "no separator")
        # base64.b64decode drops what is no base64, and Django 1.11 encodes to UTF-8 before, not to ASCII.
        accepted = accepted or (VERSION < (2, 0) and name == "not ASCII")
        if accepted or VERSION >= (3, 1):
            yield case("text " + name, text, accepted, "damaged session_data")
            continue
        reason = "unreadable" if name == "not ASCII" else refused(text)
        yield Case("text " + name, "damaged session_data", reason, text)
    if VERSION < (4, 0):
        for name, digest in [("in upper case", "AB" * 20), ("empty", ""), ("not ASCII", b"\xe9" * 40), ("too short", "abc")]:
            yield case("legacy, digest " + name, forge().legacy(payload(), digest=digest), False, "not the digest")


def chosen(oddity):
    return wanted(oddity[0])


def encodings():
    """Correctly signed, so whatever is wrong is unreadable; only signing.dumps knows these."""
    if LEGACY_ONLY:
        return
    made = forge()
    body = padded(payload(), 3)
    for name, change, good in filter(chosen, wrappings.BASE64):
        yield wrapped(name, made.text(change(b64(body))), good)
    text = b64(body)
    yield wrapped("one stray character where no padding was due", made.text(b64(padded(payload(), 0)) + "!"), True)
    yield wrapped("one stray character where one pad is due", made.text(text[:4] + "!" + text[4:]), len(text) % 4 != 3)
    for name, change, good in filter(chosen, wrappings.COMPRESSED):
        yield wrapped(name, made.text("." + b64(change(body))), good)
    yield wrapped("a zlib bomb", made.text("." + b64(wrappings.bomb())), False)
    for name, value, good in filter(chosen, wrappings.TIMESTAMPS):
        yield wrapped(name, made.modern(body, timestamp=value), good)


def padded(body, remainder):
    """Spaces in front until the length of the base64 text, less its padding, is remainder modulo 4."""
    return next(b" " * n + body for n in range(4) if len(b64(b" " * n + body)) % 4 == remainder)


def wrapped(name, data, good):
    rule = "signed correctly: Django reads it as Python's binascii, zlib and base62 do"
    return Case("signed " + name, rule, "authenticated" if good else "unreadable", data)


def legacy_encodings():
    if not (LEGACY_ONLY or BOTH):
        return
    data = forge().legacy(padded(payload(), 3))
    rule = "base64.b64decode passes over what is no base64"
    yield case("legacy, newlines in the base64", data[:9] + "\n\n" + data[9:], True, rule)
    yield case("legacy, spaces and dashes in the base64", data[:9] + " -_ " + data[9:], True, rule)
    yield case("legacy, padding in the middle", data[:10] + "==" + data[10:], False, rule)
    yield case("legacy, no padding", data.rstrip("="), not data.endswith("="), rule)
    yield case("legacy, too much padding", data + "====", True, rule)
    rule = "the digest is right, so the text is unreadable"
    for name, body in [("no JSON", b"{"), ("a list", b"[]"), ("no bytes", b""), ("white space of Latin-1", payload() + b"\xa0")]:
        yield Case("legacy, " + name, rule, "unreadable", forge().legacy(body))


def cases():
    for part in (forms, keys, salts, damage, encodings, legacy_encodings):
        for made in part():
            yield made


assert VERSION <= NEWEST, "the rules above were read up to Django %d.%d" % NEWEST
