"""What projects have Django run whenever it looks for a user: routers and receivers of signals."""
import os
import random
import threading

from django.core.cache import cache

current = threading.local()


class ByThread(object):
    def db_for_read(self, model, **hints):
        return getattr(current, "database", None)


class ByChance(object):
    def db_for_read(self, model, **hints):
        return random.choice(["default"])


class ByTable(object):
    def db_for_read(self, model, **hints):
        return "default" if model._meta.app_label == "auth" else None


def locked(sender, instance, **kwargs):
    if cache.get("locked-%s" % instance.pk):
        instance.is_active = False


def closed(sender, instance, **kwargs):
    if "CLOSED" in os.environ:
        instance.is_active = False


def labelled(sender, instance, **kwargs):
    instance.label = "user %s" % instance.pk


def asking(asks):
    """A decorator, whose wrappers share their code."""

    def wrapper(*args, **kwargs):
        return asks(*args, **kwargs)

    return wrapper


@asking
def environment():
    return "CLOSED" in os.environ


@asking
def quiet(sender, instance, **kwargs):
    instance.label = "quiet"


@asking
def wrapped(sender, instance, **kwargs):
    if instance.pk == -7 and environment():  # of no user that is tried
        instance.label = "closed"


def counting(asks):
    """A decorator, whose wrappers have another value around them after each call."""

    def around(does):
        calls = 0

        def wrapper(*args, **kwargs):
            nonlocal calls
            calls += 1
            return asks() if calls > 10**6 else does(*args, **kwargs)

        return wrapper

    return around


@counting(bool)
def before(sender, instance, **kwargs):
    instance.label = "before"


@counting(environment)
def counted(sender, instance, **kwargs):
    instance.label = "counted"


@counting(bool)
def after(sender, instance, **kwargs):
    instance.label = "after"


def step(below):
    return lambda: below()


def deep(sender, instance, **kwargs):
    if instance.pk == -7 and steps():
        instance.label = "closed"


steps = environment
for _ in range(1500):  # more than Python lets functions call each other
    steps = step(steps)
