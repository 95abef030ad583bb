"""Sessions with values that only a pickle can hold, in the login's entries and beside them."""
import collections
import datetime
import decimal
import uuid

from django.conf import settings
from django.utils.safestring import mark_safe
from django.utils.timezone import now
from django.utils.translation import gettext_lazy

from oracle_app.things import Point, Text, Thing


def company(rng):
    """What applications keep in a session beside the login."""
    shared = ["shared", ("list", 1)]
    loop = []
    loop.append(loop)
    values = {
        "date": datetime.date(2026, 11, 22),
        "now": now(),
        "naive": datetime.datetime(2026, 11, 22, 12, 30, 0, 5),
        "time": datetime.time(1, 2, 3),
        "delta": datetime.timedelta(days=-1, seconds=5),
        "price": decimal.Decimal("12.50"),
        "id": uuid.UUID(int=7),
        "set": {1, "two", 3.0},
        "frozen": frozenset([1, 2]),
        "bytes": b"\x00\xff",
        "array": bytearray(b"abc"),
        "tuple": (1, (2, (3, ()))),
        "big": 1 << rng.randrange(60, 3000),
        "negative": -(1 << rng.randrange(60, 300)),
        "thing": Thing(1, [2]),
        "point": Point(1, 2),
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
        "default": collections.defaultdict(list, {"a": [1]}),
        "counter": collections.Counter("abracadabra"),
        "deque": collections.deque([1, 2]),
        "lazy": gettext_lazy("Hello"),
        "safe": mark_safe("<b>"),
        "text": Text("own"),
        "type": int,
        "complex": 1j,
        "twice": [shared, shared],
        "loop": loop,
        "unicode": "\u00e9\u540d\U0001f600\ud800",
        1: "a number for a name",
        (1, 2): "a tuple for a name",
        None: "nothing for a name",
    }
    return dict(rng.sample(sorted(values.items(), key=repr), rng.randrange(6)))


def spelled(value):
    """(name, value) of what a text can be instead."""
    return [
        ("bytes", value.encode("utf-8", "surrogatepass")),
        ("a bytearray", bytearray(value.encode("utf-8", "surrogatepass"))),
        ("safe text", mark_safe(value)),
        ("a tuple", (value,)),
        ("a set", {value}),
        ("an object", Thing(value, None)),
        ("a date", datetime.date(2026, 11, 22)),
        ("bytes that are no text", b"\xff\xfe"),
    ]


def numbers(text):
    """(name, value) of the numbers that an id can be instead."""
    try:
        number = int(text)
    except ValueError:
        return []
    return [
        ("an integer", number),
        ("a Decimal", decimal.Decimal(number)),
        ("a Decimal with a fraction", decimal.Decimal(number) + decimal.Decimal("0.5")),
        ("a UUID", uuid.UUID(int=number) if number >= 0 else uuid.UUID(int=0)),
        ("not a number", decimal.Decimal("NaN")),
        ("true", True),
    ]


def identities(text):
    """(name, value) of what a UUID can be instead."""
    try:
        return [("a UUID", uuid.UUID(text)), ("its number", uuid.UUID(text).int)]
    except ValueError:
        return []


def session(rng, user, entries):
    """Returns a note and the entries of a session in which this user has logged in, more or less."""
    values = entries(user)
    what = "company"
    if rng.random() < 0.6:
        name = rng.choice(["_auth_user_id", "_auth_user_id", "_auth_user_backend", "_auth_user_hash"])
        choices = spelled(values[name])
        if name == "_auth_user_id":
            choices = choices + 2 * numbers(values[name]) + 4 * identities(values[name])
        if "msgpack" in str(settings.CACHES):  # docs/divergences.md: the bytes of msgpack are not read
            choices = [(kind, value) for kind, value in choices if not isinstance(value, (bytes, bytearray))]
        kind, values[name] = rng.choice(choices)
        what = "%s is %s" % (name, kind)
    values.update(company(rng))
    items = list(values.items())
    rng.shuffle(items)
    return what, dict(items)
