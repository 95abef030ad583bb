"""The session auth hash of a user model, and the keys that are derived from SECRET_KEY."""

import hashlib
import hmac
import re

DJANGOS_SALT = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"


def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def derived(algorithm, salt, secret):
    """utils/crypto.py, salted_hmac: the key of its HMAC."""
    return hashlib.new(algorithm, to_bytes(salt) + to_bytes(secret)).digest()


def salted(algorithm, salt, secret, text):
    return hmac.new(derived(algorithm, salt, secret), to_bytes(text), getattr(hashlib, algorithm)).hexdigest()


def hashing_algorithm():
    """DEFAULT_HASHING_ALGORITHM of 3.1 and 3.2; before SHA-1, after SHA-256."""
    if django.VERSION < (3, 1):
        return "sha1"
    if django.VERSION < (4, 0):
        return setting("DEFAULT_HASHING_ALGORITHM", "sha256")
    return "sha256"


def read_hash(report):
    """Proves that get_session_auth_hash is Django's, by what it returns, or says how it is made."""
    model = user_model()
    if not hasattr(model, "get_session_auth_hash"):
        raise Impossible(
            "the user model %s has no get_session_auth_hash(), without which a changed password ends no session"
            % where(model)
        )
    if is_djangos_hash(model):
        report.proved.append("get_session_auth_hash() is Django's formula")
        return
    find_hash(report, model)


def is_djangos_hash(model):
    for n in range(3):
        user = unsaved(model, needs_texts(model))
        user.password = u"pbkdf2$%d$\xe9" % n
        kind, made = outcome(user.get_session_auth_hash)
        if made != salted(hashing_algorithm(), DJANGOS_SALT, settings.SECRET_KEY, user.password):
            return False
    fields = [f.attname for f in depends_on(model, lambda user: user.get_session_auth_hash())]
    return fields == ["password"] and not columns_beside(model, ["password"])


def columns_beside(model, known):
    """Columns that a hash of the model's own names in its code, and by which it was not seen to change."""
    fields = []
    for name in ("get_session_auth_hash", "_get_session_auth_hash"):
        if overridden(model, name):
            try:
                fields += read_property(model, attribute(model, name)[0], branches=False)
            except Unread as e:
                raise Impossible("%s() of the user model does more than this program understands: %s" % (name, e))
    return sorted(set(f.name for f in fields if f.attname not in known))


def read_fallbacks(report):
    """A get_session_auth_fallback_hash() of the model's own, beside the hashes that django-sidecar takes (contrib/auth/base_user.py, since 4.1.8)."""
    model = user_model()
    place = overridden(model, "get_session_auth_fallback_hash")
    if place is None:
        return
    user = unsaved(model, needs_texts(model))
    own = report.get("DJANGO_AUTH_HASH_COLUMNS") and not report.get("DJANGO_AUTH_HASH_METHOD")
    for n in range(3):
        user.password = u"pbkdf2$%d$\xe9" % n
        ours = [] if own else [user._get_session_auth_hash(secret=key) for key in fallbacks()]
        theirs = list(user.get_session_auth_fallback_hash())
        if set(ours) - set(theirs) or ours and decides_by_more(model, "get_session_auth_fallback_hash"):
            raise Impossible("get_session_auth_fallback_hash() of the user model may refuse sessions that were made with a key of SECRET_KEY_FALLBACKS: %s" % place)
    if set(theirs) - set(ours):
        report.stricter.append("sessions with a hash that get_session_auth_fallback_hash() of the user model adds are nobody's: %s" % place)


def decides_by_more(model, name):
    """Whether a method of hashes looks at anything but the password."""
    try:
        return [f for f in read_property(model, attribute(model, name)[0], branches=False) if f.name != "password"]
    except Unread:
        return True


class Recorder(object):
    """Stands for salted_hmac while get_session_auth_hash runs, and remembers what it was asked."""

    def __init__(self, original):
        self.original, self.calls = original, []

    def __call__(self, key_salt, value, secret=None, **more):
        self.calls.append((key_salt, value, secret, more.get("algorithm", "sha1")))
        return self.original(key_salt, value, secret, **more)


def record(function):
    """Runs a function, and returns what it returns and how it called salted_hmac."""
    from django.utils import crypto

    recorder = Recorder(crypto.salted_hmac)
    patched = []
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None) or {}  # not getattr: some modules load others when they are asked
        if names.get("salted_hmac") is crypto.salted_hmac and module is not crypto:
            patched.append(module)
    patched.append(crypto)
    original = crypto.salted_hmac
    for module in patched:
        module.salted_hmac = recorder
    try:
        return function(), recorder.calls
    finally:
        for module in patched:
            module.salted_hmac = original


def find_hash(report, model):
    """Salt, columns, separator and algorithm of a hash of the model's own."""
    place = overridden(model, "get_session_auth_hash") or overridden(model, "_get_session_auth_hash")
    called = "get_session_auth_hash() of the user model (%s)" % place
    with_secret = bool(overridden(model, "_get_session_auth_hash")) and not overridden(model, "get_session_auth_hash")
    user = unsaved(model, needs_texts(model))
    made, calls = record(user.get_session_auth_hash)
    if len(calls) != 1 or made != salted(calls[0][3], calls[0][0], calls[0][2] or settings.SECRET_KEY, calls[0][1]):
        raise Impossible("%s is not the hex of one salted_hmac()" % called)
    salt, _, secret, algorithm = calls[0]
    if secret not in (None, settings.SECRET_KEY):
        raise Impossible("%s uses another key than SECRET_KEY" % called)
    if algorithm not in ("sha1", "sha256"):
        raise Impossible("%s uses %s; django-sidecar knows sha1 and sha256" % (called, algorithm))
    fields = depends_on(model, lambda u: u.get_session_auth_hash(), user)
    if columns_beside(model, [f.attname for f in fields]):
        raise Impossible("%s looks at %s, and no value was seen by which it changes" % (called, ", ".join(columns_beside(model, [f.attname for f in fields]))))
    columns, separator = columns_of(model, user, fields, called)
    report.set("DJANGO_AUTH_HASH_SALT", to_bytes(salt).decode("utf-8"), DJANGOS_SALT)
    report.set("DJANGO_AUTH_HASH_COLUMNS", columns)
    report.set("DJANGO_AUTH_HASH_SEPARATOR", separator, "")
    if django.VERSION >= (3, 1):
        report.set("DJANGO_AUTH_HASH_ALGORITHM", algorithm)
    if with_secret:
        report.set("DJANGO_AUTH_HASH_METHOD", "_get_session_auth_hash")
    report.hash_salt = to_bytes(salt).decode("utf-8")
    if not with_secret and fallbacks() and django.VERSION >= (4, 1):
        report.remarks.append(
            "get_session_auth_hash() is overridden and _get_session_auth_hash() is not: "
            "Django logs users out whose session was made with a key of SECRET_KEY_FALLBACKS, and so does django-sidecar"
        )
    report.proved.append("%s is salted_hmac of %s" % (called, ", ".join(columns)))


def columns_of(model, base, fields, called):
    """The columns in their order, and what is between them: each column is given a value that can be found again."""
    import copy

    marks = {}
    user = copy.copy(base)
    for n, field in enumerate(fields):
        marks[field] = mark(field, n, called)
        setattr(user, field.attname, marks[field])
    _, calls = record(user.get_session_auth_hash)
    text = to_bytes(calls[0][1]).decode("utf-8")
    found = []
    for field in fields:
        value = str(marks[field])
        if text.count(value) != 1:
            raise Impossible("%s does not put column %s into it as it is" % (called, field.column))
        found.append((text.index(value), len(value), field))
    found.sort(key=lambda item: item[0])
    between, end = [], 0
    for start, length, field in found:
        between.append(text[end:start])
        end = start + length
    if between[0] or text[end:] or len(set(between[1:])) > 1:
        raise Impossible(
            "%s puts more together than columns and one separator: %s"
            % (called, ", ".join(f.column for _, _, f in found))
        )
    # An empty and a missing value, which str() writes as "" and None.
    for _, _, field in found:
        if field.null:
            other = copy.copy(user)
            setattr(other, field.attname, None)
            kind, seen = outcome(lambda: record(other.get_session_auth_hash))
            if kind == "error":
                continue  # Django fails on such a user too
            calls = seen[1]
            if to_bytes(calls[0][1]).decode("utf-8") != text.replace(str(marks[field]), "None"):
                raise Impossible("%s does not write a missing %s as str() does" % (called, field.column))
    return [f.column for _, _, f in found], (between[1] if len(between) > 1 else "")


def mark(field, n, called):
    import uuid

    kind = field.get_internal_type()
    if kind == "UUIDField":
        return uuid.UUID(int=0x1234567890ABCDEF1234567890ABC000 + n)
    if kind.endswith("IntegerField") or kind.endswith("AutoField"):
        return 30011 + n
    if kind in ("CharField", "TextField", "EmailField", "SlugField", "URLField"):
        return "m%dark" % n
    raise Impossible(
        "%s has the column %s, a %s; django-sidecar knows texts, integers and UUIDs in a hash"
        % (called, field.column, kind)
    )


def fallbacks():
    return list(setting("SECRET_KEY_FALLBACKS") or []) if django.VERSION >= (4, 1) else []


def key_salts(report, kind):
    """What django-sidecar checks, as pairs of an algorithm and the salt of its key, and no more: docs/keys.md."""
    algorithm = hashing_algorithm()
    both = (3, 1) <= django.VERSION < (4, 0)  # which take SHA-1 besides
    store = report.get("DJANGO_SESSION_STORE_CLASS") or "SessionStore"
    signers, salts = [], []
    if kind == "signed_cookies":
        signers.append("django.contrib.sessions.backends.signed_cookies")
    elif kind != "cache":
        if django.VERSION >= (3, 1):
            signers.append("django.contrib.sessions." + store)
        if django.VERSION < (4, 0):
            salts.append(("sha1", "django.contrib.sessions" + store.rsplit(".", 1)[-1]))
    signed = [salt + "signer" for salt in signers] + [DJANGOS_SALT]
    salts += [
        (a, salt) for salt in signed for a in ([algorithm, "sha1"] if both and algorithm != "sha1" else [algorithm])
    ]
    salts.append((algorithm, "django-sidecar.uploadsigner"))  # it signs what webhooks tell of uploads
    if report.get("DJANGO_AUTH_HASH_COLUMNS"):
        salts.append((report.get("DJANGO_AUTH_HASH_ALGORITHM") or "sha1", report.hash_salt))
    return salts


KEY_OF_ANOTHER_PROCESS = """
import hashlib
from django.conf import settings
key = settings.SECRET_KEY
print("sha256:" + hashlib.sha256(key if isinstance(key, bytes) else key.encode("utf-8")).hexdigest())
"""


def same_key_elsewhere():
    """Whether another process of this project has the same SECRET_KEY; some settings make a new one in each. None: it cannot be tried."""
    import subprocess

    module = getattr(settings, "SETTINGS_MODULE", None) or os.environ.get("DJANGO_SETTINGS_MODULE")
    if not module or not sys.executable:
        return None
    environment = dict(
        os.environ, DJANGO_SETTINGS_MODULE=str(module), PYTHONPATH=os.pathsep.join(p for p in sys.path if p)
    )
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", KEY_OF_ANOTHER_PROCESS],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        printed = process.communicate()[0].decode("utf-8", "replace")
    except Exception:
        return None
    match = re.search(r"^sha256:([0-9a-f]{64})", printed, re.M)
    return match and match.group(1) == hashlib.sha256(to_bytes(settings.SECRET_KEY)).hexdigest()


def read_keys(report, kind):
    """SECRET_KEY: derived keys, which open sessions and nothing else of Django; or the key itself."""
    import binascii

    if same_key_elsewhere() is False:
        raise Impossible(
            "SECRET_KEY is another one in each process of the project: set one that stays, or Django's own processes refuse each other's sessions too"
        )
    report.set(
        "DJANGO_DEFAULT_HASHING_ALGORITHM",
        hashing_algorithm() if (3, 1) <= django.VERSION < (4, 0) else "sha256",
        "sha256",
    )
    keys = [settings.SECRET_KEY] + fallbacks()
    if PLAIN_SECRET:  # noqa: F821
        texts = [to_bytes(key).decode("utf-8") for key in keys]
        report.secret("DJANGO_SECRET_KEY", "secret-key", texts[0])
        if texts[1:]:
            report.secret("DJANGO_SECRET_KEY_FALLBACKS", "secret-key-fallbacks", to_json(texts[1:]))
        return
    salts = key_salts(report, kind)
    report.secret(
        "DJANGO_SESSION_KEYS",
        "session-keys",
        to_json(
            [
                dict(
                    ("%s:%s" % pair, binascii.hexlify(derived(pair[0], pair[1], key)).decode("ascii")) for pair in salts
                )
                for key in keys
            ]
        ),
    )
