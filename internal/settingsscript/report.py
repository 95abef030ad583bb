"""Settings of django-sidecar, from a running Django: what has been found. ASCII, and both Python 2.7 and 3."""

import inspect
import os
import sys
import traceback

import django
from django.conf import settings


class Impossible(Exception):
    """What django-sidecar cannot imitate, in words."""


class Unready(Exception):
    """Why nothing can be said yet."""


class Report(object):
    """The settings that differ from django-sidecar's defaults, and what no setting can say."""

    def __init__(self):
        self.settings = []  # (name, text)
        self.secrets = []  # (name of the setting, name of the file, text)
        self.offered = []  # (name, text, why it is not set)
        self.remarks = []
        self.stricter = []
        self.accepted = []  # (path of what the operator answers for, what was read of it)
        self.asked = set()  # the paths of code that was not understood, and for which an operator may answer
        self.impossible = []
        self.unproved = []  # why nothing was tried
        self.acceptable = []  # for each that is impossible by what was read alone: the paths that could be accepted
        self.proved = []
        self.computed = []  # (attribute of the user, condition in SQL)

    def set(self, name, value, default=None):
        if value == default:
            return
        text = text_of(value)
        if text != text.strip() or text == "" or "\n" in text:
            raise Impossible(
                "%s would be %r, and django-sidecar reads its settings without white space at their ends" % (name, text)
            )
        self.settings.append((name, text))

    def get(self, name):
        return dict(self.settings).get(name)

    def secret(self, name, filename, value):
        self.secrets.append((name, filename, value))

    def offer(self, name, value, why):
        self.offered.append((name, text_of(value), why))

    def answered(self, path, read):
        """Whether the operator answers for what has been read of a path."""
        self.asked.add(path)
        if path in ACCEPTED:  # noqa: F821
            self.add(self.accepted, (path, read))
        return path in ACCEPTED  # noqa: F821

    def unless(self, path, read, condition):
        """What is impossible by what was read alone, unless the operator says that a condition holds."""
        text = "%s. If %s, print this program with -accept %s" % (read, condition, path)
        if not self.answered(path, read) and text not in self.impossible:
            self.impossible.append(text)
            self.acceptable.append([path])

    def step(self, does, function, *arguments):
        """A step that fails is one thing that is not known; the others go on."""
        try:
            return function(self, *arguments)
        except Unready:
            raise
        except Impossible as e:
            self.add(self.impossible, str(e))
        except Exception as e:
            place = traceback.extract_tb(sys.exc_info()[2])[-1]
            self.add(
                self.impossible,
                "%s failed with %s at %s:%s: %s"
                % (does, type(e).__name__, os.path.basename(place[0]), place[1], first_line(e)),
            )

    def add(self, remarks, remark):
        if remark not in remarks:
            remarks.append(remark)


def first_line(e):
    lines = str(e).strip().splitlines()
    return lines[0][:200] if lines else "no message"


def text_of(value):
    """A value as django-sidecar reads it: lists between commas where no item needs more, else as JSON."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, (list, tuple)):
        items = [text_of(item) for item in value]
        if not items or any(set(item) & set(' ,["\t\n') or item == "" for item in items):
            return to_json(items)
        return ",".join(items)
    if isinstance(value, dict):
        return to_json(value)
    return str(value)


def to_json(value):
    import json

    return json.dumps(value, sort_keys=True)


def setting(name, default=None):
    return getattr(settings, name, default)


def path_of(thing):
    """The dotted path of a class or function."""
    name = getattr(thing, "__qualname__", None) or getattr(thing, "__name__", repr(thing))
    return "%s.%s" % (getattr(thing, "__module__", "?"), name)


def where(thing):
    """FILE:LINE of a class, function, method or property."""
    thing = getattr(thing, "fget", None) or getattr(thing, "func", None) or thing
    thing = getattr(thing, "__func__", thing)
    if hasattr(inspect, "unwrap"):
        thing = inspect.unwrap(thing)
    try:
        return "%s:%d" % (inspect.getsourcefile(thing), inspect.getsourcelines(thing)[1])
    except Exception:
        return path_of(thing)


def attribute(cls, name):
    """What a class has under a name, as it was written there, and the class that has it."""
    for c in cls.__mro__:
        if name in c.__dict__:
            return c.__dict__[name], c
    return None, None


def is_djangos(cls):
    return cls is object or (getattr(cls, "__module__", None) or "").split(".")[0] == "django"


def overridden(cls, name):
    """FILE:LINE of an attribute that a class of the project has in place of Django's, None if it is Django's."""
    found, owner = attribute(cls, name)
    if owner is None or is_djangos(owner) and not replaced(found):
        return None
    return where(found)


def same_class(cls, *paths):
    """The first of the paths that is the path of the class or of one of its bases."""
    names = [c.__module__ + "." + c.__name__ for c in cls.__mro__]
    for path in paths:
        if path in names:
            return path
    return None
