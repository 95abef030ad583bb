"""Backends that find the user whom a test makes, and do not find others: by the key, by the hour, by what is no column."""

import datetime
import functools
import os
import random
import threading
import time
import types

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from oracle_app import nights

BANNED = [7, 11]
closed = False
LOCAL = threading.local()
BY_KEY = {7: "banned"}


def close():
    global closed
    closed = True


class ByKey(ModelBackend):
    def get_user(self, user_id):
        return super(ByKey, self).get_user(user_id) if int(user_id) < 10**7 else None


class ByParity(ModelBackend):
    def get_user(self, user_id):
        odd = int(user_id) % 2
        if odd == 7:
            return None
        return super(ByParity, self).get_user(user_id)


class ByList(ModelBackend):
    def get_user(self, user_id):
        if user_id in BANNED:
            return None
        return super(ByList, self).get_user(user_id)


class ByTable(ModelBackend):
    def get_user(self, user_id):
        return None if BY_KEY.get(user_id) else super(ByTable, self).get_user(user_id)


class ByItsKey(ModelBackend):
    def user_can_authenticate(self, user):
        return user.pk not in BANNED and super(ByItsKey, self).user_can_authenticate(user)


class ByText(ModelBackend):
    def user_can_authenticate(self, user):
        return str(user) != "somebody" and super(ByText, self).user_can_authenticate(user)


class ByHash(ModelBackend):
    def user_can_authenticate(self, user):
        return hash(user) != 7 and super(ByHash, self).user_can_authenticate(user)


class ByFlag(ModelBackend):
    def get_user(self, user_id):
        return None if closed else super(ByFlag, self).get_user(user_id)


class BySwitch(ModelBackend):
    def get_user(self, user_id):
        return super(BySwitch, self).get_user(user_id) if nights.SWITCH.on else None


class ByFile(ModelBackend):
    def get_user(self, user_id):
        return None if os.path.exists("/srv/closed") else super(ByFile, self).get_user(user_id)


class ByOpening(ModelBackend):
    def get_user(self, user_id):
        try:
            with open("/srv/closed"):
                return None
        except EnvironmentError:
            return super(ByOpening, self).get_user(user_id)


class ByEnvironment(ModelBackend):
    def get_user(self, user_id):
        return None if os.environ.get("CLOSED") else super(ByEnvironment, self).get_user(user_id)


class ByHour(ModelBackend):
    def get_user(self, user_id):
        if timezone.now().hour == 25:
            return None
        return super(ByHour, self).get_user(user_id)


class ByWeekday(ModelBackend):
    def get_user(self, user_id):
        today = datetime.date.today()
        return super(ByWeekday, self).get_user(user_id) if today.weekday() < 8 else None


class ByClock(ModelBackend):
    def get_user(self, user_id):
        return super(ByClock, self).get_user(user_id) if time.time() > 7 else None


class ByChance(ModelBackend):
    def get_user(self, user_id):
        return super(ByChance, self).get_user(user_id) if random.random() < 2 else None


class ByThread(ModelBackend):
    def get_user(self, user_id):
        return None if getattr(LOCAL, "closed", False) else super(ByThread, self).get_user(user_id)


class ByGroups(ModelBackend):
    def get_user(self, user_id):
        return get_user_model().objects.filter(pk=user_id, is_active=True).exclude(groups__name="banned").first()


class ByCondition(ModelBackend):
    def get_user(self, user_id):
        return get_user_model().objects.filter(~Q(groups__name="banned"), pk=user_id, is_active=True).first()


class ByOneKey(ModelBackend):
    def get_user(self, user_id):
        return get_user_model().objects.filter(pk=user_id, is_active=True).exclude(pk=7).first()


class ByRelated(ModelBackend):
    def user_can_authenticate(self, user):
        return super(ByRelated, self).user_can_authenticate(user) and not (user.is_staff and user.groups.exists())


class ByAnotherTable(ModelBackend):
    def get_user(self, user_id):
        user = super(ByAnotherTable, self).get_user(user_id)
        return None if user and user.is_staff and Group.objects.filter(name="x").exists() else user


class ByQuery(ModelBackend):
    def get_user(self, user_id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return super(ByQuery, self).get_user(user_id)


class ByHelper(ModelBackend):
    def get_user(self, user_id):
        return super(ByHelper, self).get_user(user_id) if self.open_for(user_id) else None

    def open_for(self, number):
        return self.limit() > number

    def limit(self):
        return 10**7


def decided(function):
    def decide(self, user_id):
        return None if user_id == 7 else function(self, user_id)

    return decide


def decided_behind(function):
    @functools.wraps(function)
    def decide(self, user_id):
        return None if user_id == 7 else function(self, user_id)

    return decide


class ByDecorator(ModelBackend):
    @decided
    def get_user(self, user_id):
        return super(ByDecorator, self).get_user(user_id)


class ByWrapper(ModelBackend):
    @decided_behind
    def get_user(self, user_id):
        return super(ByWrapper, self).get_user(user_id)


class ByState(ModelBackend):
    calls = 0

    def get_user(self, user_id):
        type(self).calls += 1
        return super(ByState, self).get_user(user_id) if self.calls < 10**6 else None


class ByMade(ModelBackend):
    get_user = types.FunctionType(compile("def f(self, user_id):\n  return get().objects.filter(pk=user_id).first()", "<made>", "exec").co_consts[0], {"get": get_user_model})


class ByEval(ModelBackend):
    def get_user(self, user_id):
        return eval("super(ByEval, self).get_user(user_id)", globals(), {"self": self, "user_id": user_id})


class ByTime(ModelBackend):
    """A column is compared with another time than now."""

    def user_can_authenticate(self, user):
        return super(ByTime, self).user_can_authenticate(user) and user.born.year < 9000


class ByText2(ModelBackend):
    def get_user(self, user_id):
        return None if ("%s" % user_id).endswith("00000007") else super(ByText2, self).get_user(user_id)


class ByManyColumns(ModelBackend):
    """Lets more in than is_active does, and fewer."""

    def get_user(self, user_id):
        user = get_user_model().objects.filter(pk=user_id).first()
        if user is None or user.banned and user.address.endswith("@gone.example"):
            return None
        return user if user.is_active or user.is_staff else None


class ByContent(ModelBackend):
    def get_user(self, user_id):
        found = super(ByContent, self).get_user(user_id)
        return found if ContentType and settings.DEBUG in (True, False) and self.test() else None

    def test(self):
        return not os.getenv("CLOSED")


class ByFailing(ModelBackend):
    """A key with which something fails is nobody's."""

    def get_user(self, user_id):
        try:
            1 // (int(user_id) - 7)
            return super(ByFailing, self).get_user(user_id)
        except ZeroDivisionError:
            return None


class ByLength(ModelBackend):
    def get_user(self, user_id):
        try:
            str(user_id)[1]
        except IndexError:
            return None
        return super(ByLength, self).get_user(user_id)


class ByPlace(ModelBackend):
    def get_user(self, user_id):
        try:
            str(user_id).index("")
        except ValueError:
            return None
        return super(ByPlace, self).get_user(user_id)


class ByLetter(ModelBackend):
    def get_user(self, user_id):
        try:
            "%c" % abs(user_id) if user_id is None else None
        except OverflowError:
            return None
        return super(ByLetter, self).get_user(user_id)


class ByAnotherKey(ModelBackend):
    def get_user(self, user_id):
        return super(ByAnotherKey, self).get_user(min(user_id, 10**7))


class BySum(ModelBackend):
    def get_user(self, user_id):
        user_id += 0
        return get_user_model().objects.get(pk=user_id, is_active=True)


class ByOrder(ModelBackend):
    """The key is not asked: the user who is made may be the first."""

    def get_user(self, user_id):
        return get_user_model().objects.filter(is_active=True).order_by("pk").first()
