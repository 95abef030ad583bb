"""python2.py, under Python 2.7: pickles as Django 1.11 wrote them there, one a line, in hexadecimal."""
import cPickle
import collections
import datetime
import decimal
import pickle
import random
import uuid




OldDict = collections.OrderedDict
VALUES = [
    None, True, False, 0, 1, -1, 255, 256, 65536, 2 ** 31, -2 ** 31 - 1, 2 ** 63, 10 ** 30, 5L, -5L, 0L, 1.5, -0.0, 1e300, float("inf"),
    "", "a", "it's", 'say "a"', "\\", "a\nb\t\x00", u"", u"a", u"\xe9", u"\u0416", u"\U0001f600", u"\ud800", u"a\nb\\u0041",
    [], [1, [2]], (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {"a": 1}, {1: "a", u"b": [None]}, set(), set([1, "a"]), frozenset([1, (2, 3)]),
    datetime.datetime(2017, 4, 5, 6, 7, 8), datetime.date(2017, 4, 5), datetime.time(1, 2, 3), datetime.timedelta(1, 2, 3),
    datetime.datetime(2017, 1, 1), decimal.Decimal("1.50"), decimal.Decimal("1E+5"), uuid.UUID(int=7), OldDict([("a", 1), ("b", [2])]), OldDict(),
    bytearray(b"abc"), "\xe9", "\xff\xfe", 12345678901234567890,
    {"_auth_user_id": u"42", "_auth_user_backend": u"django.contrib.auth.backends.ModelBackend", "_auth_user_hash": u"0123456789abcdef"},
]


def main():
    values = list(VALUES)
    r = random.Random(27)
    for _ in range(25):
        values.append([r.choice(VALUES) for _ in range(r.randrange(6))])
        values.append({"a": r.choice(VALUES), r.choice("bcd"): r.choice(VALUES)})
    lines = []
    for value in values:
        for protocol in range(3):
            for module in (pickle, cPickle):
                line = module.dumps(value, protocol).encode("hex")
                if line not in lines:
                    lines.append(line)
    print "\n".join(lines)


if __name__ == "__main__":
    main()
