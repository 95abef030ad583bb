"""User models of which Django sees something else than their columns have, each in its own way."""
import datetime
import re

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Base(AbstractBaseUser):
    username = models.CharField(max_length=150, unique=True)
    enabled = models.BooleanField(default=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        abstract = True


class HourUser(Base):
    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        return self.enabled and 8 <= datetime.datetime.now().hour < 18


class SwitchedUser(Base):
    """A flag that is imported where it is asked, as those of django-waffle and django-constance are."""

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        from oracle_app.nights import SWITCH

        return self.enabled and SWITCH.on


class SuffixUser(Base):
    """Decides by a column, for values that nobody has yet."""

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        return self.enabled and not re.search("@gone[.]", self.username)


class Converted(models.BooleanField):
    def get_db_converters(self, connection):
        return [lambda value, expression, connection, *context: not value]

    def get_prep_value(self, value):
        return 0 if value else 1


class ConvertedUser(Base):
    is_active = Converted(default=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class InitUser(Base):
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def __init__(self, *args, **kwargs):
        super(InitUser, self).__init__(*args, **kwargs)
        if self.username.startswith("service-"):
            self.is_active = False


class FallbackUser(Base):
    """Takes no hash of an older key."""

    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def get_session_auth_fallback_hash(self):
        return iter(())
