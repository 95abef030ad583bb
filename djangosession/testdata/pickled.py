"""pickled.py: sessions as a Django with PickleSerializer writes them, and whom it sees in them, one JSON object a line.

data is session_data, user is str(pk) or null, ids are what to_python of each kind of primary key makes of _auth_user_id, as
str() writes it, null where it raises. The user is 42, with the password that is given.
"""
import collections
import datetime
import decimal
import json
import sys
import uuid
import warnings

warnings.simplefilter("ignore")

import django  # noqa: E402  (after the filter)
from django.conf import settings  # noqa: E402

BACKEND = "django.contrib.auth.backends.ModelBackend"
settings.configure(
    SECRET_KEY="s3cret", USE_TZ=True, SESSION_SERIALIZER="django.contrib.sessions.serializers.PickleSerializer",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from django.contrib.auth import get_user  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import models  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.functional import SimpleLazyObject, lazystr  # noqa: E402
from django.utils.safestring import mark_safe  # noqa: E402
from django.utils.translation import gettext_lazy, pgettext_lazy  # noqa: E402


class Cart:
    def __init__(self):
        self.items = [1, {"price": decimal.Decimal("1.50")}]
        self.self = self


Point = collections.namedtuple("Point", "x y")
FIELDS = {"integer": models.IntegerField(), "uuid": models.UUIDField(), "text": models.CharField(max_length=100)}
BESIDE = [
    ("nothing", None), ("a lazy string", gettext_lazy("Hello")), ("one with a context", pgettext_lazy("a", "b")), ("a lazy text", lazystr("x")),
    ("a safe string", mark_safe("<b>")), ("a lazy object", SimpleLazyObject(lambda: Cart())), ("an object", Cart()), ("a namedtuple", Point(1, Cart())),
    ("the expiry", timezone.now()), ("a naive datetime", datetime.datetime(2026, 1, 2)), ("a Decimal", decimal.Decimal("1.50")), ("a UUID", uuid.UUID(int=5)),
    ("a set", {1, "a", (2, frozenset([3]))}), ("an OrderedDict", collections.OrderedDict(a=[1])), ("a defaultdict", collections.defaultdict(list, a=[1])),
    ("a Counter", collections.Counter("aab")), ("a deque", collections.deque([1])), ("bytes", b"\x00\xff"), ("a bytearray", bytearray(b"a")),
    ("a big integer", 10 ** 100), ("a timedelta", datetime.timedelta(1)), ("a class", Cart), ("a complex number", 1j), ("a range", range(3)),
    ("an exception", ValueError("x")), ("a long text", u"\u0416" * 70000), ("a user", "the user"), ("a queryset", "a queryset"),
]
IDS = [
    42, "42", " 42 ", "4_2", b"42", b" 42\n", bytearray(b"42"), b"x", b"\xff", 42.0, 42.9, decimal.Decimal("42"), decimal.Decimal("42.9"), decimal.Decimal("NaN"),
    decimal.Decimal("4.2E+1"), decimal.Decimal("-Infinity"), uuid.UUID(int=42), True, None, 10 ** 30, 10 ** 5000, float("nan"), [42], (42,), ("a", b"b'\"", 1.5, None),
    {"a": [b"x"]}, collections.OrderedDict(), datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.timezone.utc), datetime.time(1, 2),
    datetime.timedelta(1, 2, 3), datetime.timezone.utc, mark_safe("42"), "ada", u"\ud800", [u"\xe9\n'", decimal.Decimal("1"), uuid.UUID(int=1)], -42, 0, "", b"",
    bytearray(b"'"), b"it's", "{%s}" % uuid.UUID(int=7), uuid.UUID(int=7).hex, 2 ** 63, 2 ** 128,
]
HASHES = [lambda h: h, lambda h: h.encode(), lambda h: bytearray(h.encode()), lambda h: None, lambda h: mark_safe(h), lambda h: [h], lambda h: h[:-1], lambda h: 5]
BACKENDS = [BACKEND, BACKEND.encode(), mark_safe(BACKEND), None, [BACKEND], 5, "other"]


def told(field, value):
    try:
        made = field.to_python(value)
        text = str(made)
        text.encode()
        return None if made is None else text
    except Exception:
        return None


def row(name, entries):
    data = SessionStore().encode(entries)
    store = SessionStore()
    store._session_cache = store.decode(data)
    request = HttpRequest()
    request.session = store
    try:
        user = get_user(request)
        user = str(user.pk) if user.is_authenticated else None
    except Exception:
        user = None
    print(json.dumps({
        "name": name, "data": data, "user": user, "django": django.get_version(),
        "ids": {kind: told(field, entries["_auth_user_id"]) for kind, field in FIELDS.items()},
    }))


def main():
    call_command("migrate", verbosity=0)
    ada = User.objects.create(pk=42, username="ada", password=sys.argv[1])
    good = collections.OrderedDict(_auth_user_id="42", _auth_user_backend=BACKEND, _auth_user_hash=ada.get_session_auth_hash())
    stand_ins = {"the user": ada, "a queryset": User.objects.all()}
    for name, value in BESIDE:
        value = stand_ins.get(value, value) if type(value) is str else value
        row("beside " + name, dict(good, beside=value, nested=[value, {"a": value}]))
        row("before " + name, dict([("before", value)], **good))
    for value in IDS:
        row("id %.40r" % (value,) if value != 10 ** 5000 else "id 10**5000", dict(good, _auth_user_id=value))
    for i, change in enumerate(HASHES):
        row("hash %d" % i, dict(good, _auth_user_hash=change(good["_auth_user_hash"])))
    for value in BACKENDS:
        row("backend %.40r" % (value,), dict(good, _auth_user_backend=value))
    row("an OrderedDict", good)
    row("keys that are no texts", dict(good, **{"a": 1}))


if __name__ == "__main__":
    main()
