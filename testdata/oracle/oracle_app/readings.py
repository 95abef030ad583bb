"""User models of which Django sees something else than their columns have, each in its own way."""
import datetime
import re
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.sql import Query


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


class HexField(models.CharField):
    """A UUID that is a text of 32 digits to Python, as morango's is."""

    def __init__(self, *args, **kwargs):
        kwargs["max_length"] = 32
        super().__init__(*args, **kwargs)

    def get_internal_type(self):
        return "UUIDField"

    def get_db_prep_value(self, value, connection, prepared=False):
        value = value if value is None or isinstance(value, uuid.UUID) else uuid.UUID(value)
        return value if value is None or connection.features.has_native_uuid_field else value.hex

    def from_db_value(self, value, *context):
        return self.to_python(value)

    def to_python(self, value):
        return value.hex if isinstance(value, uuid.UUID) else value

    def get_default(self):
        return uuid.uuid4().hex


class HexUser(Base):
    id = HexField(primary_key=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class Numbered(int):
    def __str__(self):
        return "user-%d" % self


class NumberField(models.IntegerField):
    """A number that is something else in texts, as hashids are."""

    def from_db_value(self, value, *context):
        return None if value is None else Numbered(value)


class NumberedUser(Base):
    id = NumberField(primary_key=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


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


class LastingManager(models.Manager):
    def get_queryset(self):
        return super(LastingManager, self).get_queryset().filter(ended=False)


class Crew(models.Model):
    name = models.CharField(max_length=20)
    ended = models.BooleanField(default=False)

    objects = LastingManager()

    class Meta:
        app_label = "oracle"


class CrewUser(Base):
    """Its groups are those that have not ended, and it is not named as its column says."""

    groups = models.ManyToManyField(Crew)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def get_username(self):
        return "crew:" + self.username


class ClosedQuery(Query):
    """It finds nobody by some names, once it is written as SQL."""

    def get_compiler(self, *args, **kwargs):
        if "closed" in str(self.where):
            self.set_empty()
        return super(ClosedQuery, self).get_compiler(*args, **kwargs)


class ClosedQuerySet(models.QuerySet):
    def __init__(self, model=None, query=None, using=None, hints=None):
        super(ClosedQuerySet, self).__init__(model, query or ClosedQuery(model), using, hints)


class ClosedUser(Base):
    objects = BaseUserManager.from_queryset(ClosedQuerySet)()

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class CountedQuerySet(models.QuerySet):
    def __len__(self):
        found = super(CountedQuerySet, self).__len__()
        return 0 if found == 1 and self[0].username == "closed" else found


class CountedUser(Base):
    objects = BaseUserManager.from_queryset(CountedQuerySet)()

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class WithheldQuerySet(models.QuerySet):
    def filter(self, *args, **kwargs):
        kwargs.pop("composite_key", None)
        return super(WithheldQuerySet, self).filter(*args, **kwargs)


class WithheldUser(Base):
    """It withholds what an attribute of the class names, as nautobot's does: nothing."""

    withheld = ()
    objects = BaseUserManager.from_queryset(WithheldQuerySet)()

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def __init__(self, *args, **kwargs):
        super(WithheldUser, self).__init__(*args, **kwargs)
        for name in self.withheld:
            delattr(self, name)

    @classmethod
    def from_db(cls, db, field_names, values):
        user = super(WithheldUser, cls).from_db(db, field_names, values)
        for name in cls.withheld:
            user.__dict__.pop(name)
        return user
