"""Classes of an application, whose objects a session may hold. To the sidecar they are unknown."""
import collections
import enum


class Cart:
    def __init__(self, *items):
        self.items = list(items)


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


class Stated:
    def __init__(self, value):
        self.value = value

    def __getstate__(self):
        return [self.value, self]

    def __setstate__(self, state):
        self.value = state[0]


class Keyworded:
    def __new__(cls, *, size):
        self = super().__new__(cls)
        self.size = size
        return self

    def __getnewargs_ex__(self):
        return (), {"size": self.size}


Point = collections.namedtuple("Point", "x y")


class Text(str):
    pass


class Number(int):
    pass


class Names(list):
    pass


class Mapping(dict):
    pass


class Tags(set):
    pass


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"


def total(cart):
    return len(cart.items)
