"""What a user model decides by: is_active, hashes, managers. Whose name ends in "_of_" and columns is understood; what is not has no such name."""

import datetime
import functools
import os
import random
import re
import threading

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from oracle_app import nights

STATES = ("new", "paid")
BLOCKED = ["banned"]
KNOWN = {"de": True}
changing = ["banned"]
PATTERN = re.compile("x")
LOCAL = threading.local()
GROWING = []


def grow(name):
    GROWING.append(name)


def of_country(user):
    return user.country in STATES


def by_key(user):
    return user.pk in STATES


class Flags(object):
    constant_of_ = property(lambda self: True)

    @property
    def flag_of_banned(self):
        return not self.banned

    @property
    def two_of_banned_and_country(self):
        if self.banned:
            return False
        return self.country not in BLOCKED and KNOWN.get(self.country, False)

    @property
    def texts_of_address(self):
        name, _, host = self.address.lower().partition("@")
        return bool(name) and host.endswith(("example.com", settings.LANGUAGE_CODE)) and PATTERN.search(host) is None

    @property
    def function_of_country(self):
        return of_country(self)

    @property
    def date_of_last_login(self):
        return self.last_login is None or self.last_login < timezone.now()

    @property
    def any_of_country(self):
        return any(self.country == state for state in STATES)

    def method_of_is_active_and_is_staff(self):
        return self.is_staff or self.is_active

    @property
    def key(self):
        return self.pk < 10**7

    @property
    def key_by_name(self):
        return self.number % 2 == 0

    @property
    def key_elsewhere(self):
        return by_key(self)

    @property
    def itself(self):
        return hash(self) % 2 == 0

    @property
    def identity(self):
        return id(self) % 2 == 0

    @property
    def text(self):
        return "gone" not in str(self)

    @property
    def hour_in_a_column(self):
        return self.last_login is None or self.last_login.hour > 6

    @property
    def some_days(self):
        return self.last_login is None or self.last_login > timezone.now() - datetime.timedelta(days=30)

    @property
    def hour(self):
        return datetime.datetime.now().hour < 25

    @property
    def other_rows(self):
        return self.groups.count() < 100

    @property
    def other_rows_at_times(self):
        return not self.banned or self.groups.exists()

    @property
    def cached(self):
        return not cache.get("closed")

    @property
    def file(self):
        return open("/srv/closed").read() == ""

    @property
    def chance(self):
        return random.random() < 2

    @property
    def environment(self):
        return not os.environ.get("CLOSED")

    @property
    def thread(self):
        return getattr(LOCAL, "open", True)

    @property
    def switch(self):
        return nights.SWITCH.on

    @property
    def list_that_changes(self):
        return self.country not in changing

    @property
    def list_that_grows(self):
        return self.country not in GROWING

    @property
    def dynamic(self):
        return getattr(self, self.country, True)

    @property
    def unknown(self):
        return getattr(self, "_something")

    @property
    def loop(self):
        while self.banned:
            return False
        return True

    remembered = property(functools.partial(of_country))


class Hashes(object):
    def hash_of_address_and_password(self):
        return salted_hmac("a salt", "%s:%s" % (self.password, self.address)).hexdigest()

    def hash_by_secret_of_password(self, secret=None):
        salt = "a salt"
        return salted_hmac(salt, "".join([self.password]), secret).hexdigest()

    def with_a_condition(self):
        salt = "a" if self.address.endswith("example.com") else "b"
        return salted_hmac(salt, self.password).hexdigest()

    def with_a_default(self):
        return salted_hmac("a", self.password + (self.address or "")).hexdigest()

    def with_a_day(self):
        return salted_hmac("a", self.password + str(datetime.date.today())).hexdigest()


class Visible_of_Manager(BaseUserManager):
    def get_queryset(self):
        return super(Visible_of_Manager, self).get_queryset().exclude(country="xx").filter(banned=False)


class Own_of_Manager(BaseUserManager):
    def get_queryset(self):
        return models.QuerySet(self.model, using=self._db)


class Prefetching_of_Manager(BaseUserManager):
    def get_queryset(self):
        return super(Prefetching_of_Manager, self).get_queryset().prefetch_related(models.Prefetch("groups", queryset=Group.objects.order_by("name")))


class PrefetchedManager(BaseUserManager):
    def get_queryset(self):
        return super(PrefetchedManager, self).get_queryset().prefetch_related(models.Prefetch("groups", to_attr="is_active"))


class FileManager(BaseUserManager):
    def get_queryset(self):
        found = super(FileManager, self).get_queryset()
        return found.filter(banned=False) if os.path.exists("/srv/closed") else found


class ThreadManager(BaseUserManager):
    def get_queryset(self):
        return super(ThreadManager, self).get_queryset().filter(country=getattr(LOCAL, "country", "de"))


class GroupManager(BaseUserManager):
    def get_queryset(self):
        return super(GroupManager, self).get_queryset().exclude(groups__name="banned")


class KeyManager(BaseUserManager):
    def get_queryset(self):
        return super(KeyManager, self).get_queryset().filter(pk__lt=10**7)
