"""Values for the entry _session_expiry, of every type that JSON has, and dates in every spelling."""
import datetime

from django.conf import settings
from django.utils import timezone

PLAIN = [
    None, 0, False, 0.0, -0.0, "", [], {}, 1, 300, True, 0.5, 1e-300, float("inf"), float("nan"), 10 ** 30, -1, -300, -0.5, float("-inf"),
    -10 ** 30, [[]], [300], {"a": 1}, "300", " ", "never", "2026", "1795000000",
]

# In microseconds from now; a session with less than a second left is over.
LEFT = [
    -10 ** 12, -10 ** 6, -1, 0, 1, 999999, 10 ** 6 - 1, 10 ** 6, 10 ** 6 + 1, 1500000, 2 * 10 ** 6, 3600 * 10 ** 6, 10 ** 12, 10 ** 15,
]

# What may stand behind a date, or be done to it. One thing is left out: in C, unlike in Python, fromisoformat passes over
# what stands between the sixth digit of a fraction and an offset, as in ".123456x+00:00".
SPELLINGS = [
    lambda t: t.replace("T", " "), lambda t: t.replace("T", "t"), lambda t: t.replace("T", u"\u00e9"), lambda t: t.replace("T", u"\U0001f600"),
    lambda t: t.replace("+00:00", "Z"), lambda t: t.replace("+00:00", "z"), lambda t: t.replace("+00:00", "-00:00"), lambda t: t.replace("+00:00", "+0000"),
    lambda t: t.replace("+00:00", "+00"), lambda t: t.replace("+00:00", "+24:00"), lambda t: t.replace("+00:00", "+23:59:59"),
    lambda t: t.replace("+00:00", "+00:00:00.5"), lambda t: t.replace("+00:00", ""), lambda t: t + "+00:00", lambda t: t + "Z",
    lambda t: t.replace("-", "", 2), lambda t: t.replace("-", "", 2).replace(":", ""), lambda t: t.replace(":", "", 1), lambda t: t.replace(".", ","),
    lambda t: t[:10], lambda t: t[:11], lambda t: t[:13], lambda t: t[:16], lambda t: t[:19], lambda t: t[:10] + "T24:00:00", lambda t: t[:17] + "60",
    lambda t: t[:5] + "13" + t[7:], lambda t: t[:8] + "32" + t[10:], lambda t: t + " ", lambda t: " " + t, lambda t: t[1:], lambda t: t + "x",
    lambda t: t[:23] + t[26:], lambda t: t[:26] + "789" + t[26:], lambda t: t[:26] + "x", lambda t: u"\uff12" + t[1:], lambda t: t.lower(),
]


def pickled(rng, end):
    """What no JSON holds. Left out is what is falsy, such as () and timedelta(0): django-sidecar takes that for no expiry at all."""
    offset = datetime.timezone(datetime.timedelta(minutes=rng.choice([-1439, -330, 0, 60, 1439])))
    return rng.choice([
        end, end.astimezone(timezone.utc), end.astimezone(offset), end.astimezone().replace(tzinfo=None), end.replace(tzinfo=None),
        end.date(), datetime.timedelta(hours=1), (1,), set([1]), b"x", end.isoformat().encode(), -10 ** 200,
    ][:rng.choice([5, 12])])


def choose(rng, now):
    if rng.random() < 0.35:
        return rng.choice(PLAIN)
    utc = datetime.timezone.utc
    end = datetime.datetime(1970, 1, 1, tzinfo=utc) + datetime.timedelta(microseconds=now + rng.choice(LEFT))
    if settings.SESSION_SERIALIZER.endswith("PickleSerializer") and rng.random() < 0.7:
        return pickled(rng, end)
    kind = rng.randrange(5)
    if kind == 0:  # without an offset, and with USE_TZ off the local time
        return end.astimezone().replace(tzinfo=None).isoformat()
    if kind == 1:
        minutes = rng.choice([-1439, -720, -330, -1, 1, 60, 345, 840, 1439])
        return end.astimezone(datetime.timezone(datetime.timedelta(minutes=minutes))).isoformat()
    if kind == 2:
        return rng.choice(SPELLINGS)(end.isoformat())
    if kind == 3:
        year, week, day = end.isocalendar()
        return rng.choice(["%04d-W%02d-%d", "%04dW%02d%d", "%04d-W%02d%d"]) % (year, week, day) + end.isoformat()[10:]
    return end.isoformat()
