"""objects.py SEED COUNT: pickles random objects, in each protocol, with the Pickler in C and the one in Python.

One pickle a line, in hexadecimal.
"""
import collections
import datetime
import decimal
import io
import pickle
import random
import sys
import uuid

import cart

TEXTS = [
    "", "a", "_auth_user_id", "é", "Ж", "名", "\U0001f600", "\ud800", "\udc00\ud800", "\ud83d\ude00", "\x00", "\n", "\r", "\x1a",
    "\\", "\\u0041", "\\\\u0041", "\\U0001f600", "'", '"', "\x7f\x80\xff", "\ufffd", "\uffff", "lorem ipsum " * 30,
]
EDGES = [0, 1, 2 ** 8, 2 ** 15, 2 ** 16, 2 ** 30, 2 ** 31, 2 ** 32, 2 ** 63, 2 ** 64, 2 ** 127, 2 ** 128, 2 ** 2040, 2 ** 9000]
FLOATS = [0.0, -0.0, 1.0, 0.1, -1.5, 1e16, 1e-5, 5e-324, 1.7976931348623157e308, float("inf"), -float("inf"), float("nan"), 2.0 ** 70]
DECIMALS = ["0", "-0", "1.50", "1E+2", "1E-7", "0.000001", "-12345678901234567890.123", "NaN", "-sNaN12", "Infinity", "0E-10", "9E+400", "0.5"]

# Offsets had to be whole minutes to Python 3.6, where UUIDs did not know whether they are safe, either.
GRAIN, SAFE = (1, {"is_safe": uuid.SafeUUID.safe}) if sys.version_info >= (3, 7) else (60, {})


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.shared = []

    def text(self):
        if self.r.random() < 0.5:
            return self.r.choice(TEXTS)
        return "".join(chr(self.r.choice([self.r.randrange(128), self.r.randrange(0x11000)])) for _ in range(self.r.randrange(12)))

    def bytes(self):
        return bytes(self.r.randrange(256) for _ in range(self.r.choice([0, 1, 5, 300])))

    def integer(self):
        n = self.r.choice(EDGES) + self.r.randrange(-2, 3)
        return self.r.choice([n, -n, self.r.randrange(300), self.r.randrange(-2 ** 70, 2 ** 70)])

    def timezone(self):
        offset = datetime.timedelta(minutes=self.r.randrange(-1439, 1440))
        return self.r.choice([
            datetime.timezone.utc, datetime.timezone(offset), datetime.timezone(offset, "name"),
            datetime.timezone(datetime.timedelta(seconds=self.r.randrange(-86340, 86400) // GRAIN * GRAIN)),
        ])

    def datetime(self):
        zone = self.r.choice([None, self.timezone()])
        whole = datetime.datetime(
            self.r.randrange(1, 10000), self.r.randrange(1, 13), self.r.randrange(1, 29), self.r.randrange(24),
            self.r.randrange(60), self.r.randrange(60), self.r.choice([0, 1, 999999]), zone, fold=self.r.randrange(2))
        return self.r.choice([whole, whole, whole.date(), whole.timetz(), whole.time()])

    def timedelta(self):
        return datetime.timedelta(self.r.choice([0, 1, -1, 7, -999999999, 999999998]), self.r.randrange(86400), self.r.choice([0, 5, 999999]))

    def uuid(self):
        return self.r.choice([uuid.UUID(int=self.r.getrandbits(128)), uuid.UUID(int=self.r.randrange(3)), uuid.UUID(int=self.r.getrandbits(128), **SAFE)])

    def decimal(self):
        return decimal.Decimal(self.r.choice(DECIMALS + [str(self.r.randrange(10 ** 6)) + "E%d" % self.r.randrange(-9, 9)]))

    def scalar(self):
        return self.r.choice([
            lambda: None, lambda: self.r.random() < 0.5, self.integer, lambda: self.r.choice(FLOATS), self.r.random, self.text,
            self.text, self.bytes, self.datetime, self.timedelta, self.timezone, self.uuid, self.decimal,
        ])()

    def hashable(self, depth):
        if depth > 0 and self.r.random() < 0.2:
            return self.r.choice([tuple, frozenset])(self.hashable(depth - 1) for _ in range(self.r.randrange(4)))
        while True:
            value = self.scalar()
            try:
                if value == value:  # each NaN is a key of its own, if it is not the same object
                    hash(value)
                    return value
            except (TypeError, decimal.InvalidOperation):
                pass

    def unknown(self, depth):
        value = self.value(depth - 1)
        return self.r.choice([
            lambda: cart.Cart(value, value), lambda: cart.Slotted(value, 1), lambda: cart.Stated(value),
            lambda: cart.Point(value, 2), lambda: cart.Text(self.text()), lambda: cart.Number(self.integer()),
            lambda: cart.Names([value, 2]), lambda: cart.Mapping(a=value), lambda: cart.Tags([1, "a"]), lambda: cart.Colour.RED,
            lambda: cart.Cart, lambda: cart.total, lambda: complex(1, 2), lambda: collections.Counter("aab"),
            lambda: collections.deque([value, value]), lambda: collections.defaultdict(list, a=[value]), lambda: range(3), lambda: len,
            lambda: cart.Keyworded(size=value),
        ])()

    def members(self, depth, most):
        return [self.value(depth - 1) for _ in range(self.r.randrange(most))]

    def value(self, depth):
        if self.shared and self.r.random() < 0.1:
            return self.r.choice(self.shared)
        if depth <= 0 or self.r.random() < 0.3:
            return self.scalar()
        value = self.r.choice([
            lambda: self.members(depth, 6), lambda: self.members(depth, 6), lambda: tuple(self.members(depth, 6)),
            lambda: {self.hashable(2): self.value(depth - 1) for _ in range(self.r.choice([0, 1, 3, 20]))},
            lambda: {self.text(): self.value(depth - 1) for _ in range(self.r.choice([0, 1, 3, 20]))},
            lambda: collections.OrderedDict((self.text(), self.value(depth - 1)) for _ in range(self.r.randrange(4))),
            lambda: {self.hashable(2) for _ in range(self.r.choice([0, 1, 3, 20]))},
            lambda: frozenset(self.hashable(2) for _ in range(self.r.choice([0, 1, 3, 20]))),
            lambda: bytearray(self.bytes()), lambda: self.unknown(depth),
        ])()
        self.shared.append(value)
        if isinstance(value, list) and self.r.random() < 0.02:
            value.append(value)
        return value


def main(seed, count):
    for i in range(count):
        value = Maker("%s %d" % (seed, i)).value(4)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            for pickler in (pickle.Pickler, pickle._Pickler):
                stream = io.BytesIO()
                try:
                    pickler(stream, protocol).dump(value)
                except (pickle.PicklingError, TypeError, RecursionError):  # such as slots in protocol 0
                    continue
                print(stream.getvalue().hex())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
