"""User models of every shape that the verdict depends on, and a custom session table.

Each user model is swappable: only the one that AUTH_USER_MODEL names gets a table.
"""
import uuid

import django
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models


class OracleUser(AbstractBaseUser):
    username = models.CharField(max_length=150, unique=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        abstract = True


class FlaggedUser(OracleUser):
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)

    class Meta:
        abstract = True


class UUIDUser(FlaggedUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class AddressUser(AbstractBaseUser):
    """An address in place of the user name, and UUIDs for keys, as projects have them that begin today."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "email"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class TextUser(FlaggedUser):
    """A user table of an older program: text keys, and columns with names of their own."""

    login = models.CharField(max_length=60, primary_key=True, db_column="login_id")
    password = models.CharField(max_length=128, db_column="pw")

    class Meta:
        app_label = "oracle"
        db_table = "people"
        swappable = "AUTH_USER_MODEL"


class PlainUser(OracleUser):
    """No is_active column: AbstractBaseUser.is_active is True for everybody."""

    id = models.BigAutoField(primary_key=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class MaybeUser(FlaggedUser):
    """is_active may be NULL; BooleanField(null=True) came with Django 2.1."""

    id = models.AutoField(primary_key=True)
    if django.VERSION >= (2, 1):
        is_active = models.BooleanField(null=True)
    else:
        is_active = models.NullBooleanField()

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class SmallUser(FlaggedUser):
    id = models.SmallIntegerField(primary_key=True)

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


from oracle_app.overrides import JoinedUser, SeparatedUser, StatusUser  # noqa: E402,F401  (models that override methods)
from oracle_app.readings import ClosedUser, ConvertedUser, CountedUser, Crew, CrewUser, FallbackUser, HourUser, InitUser, SuffixUser, SwitchedUser, WithheldUser  # noqa: E402,F401
from oracle_app.shapes import FrozenUser, InvertedUser, MailUser, NullableUser, RelatedUser  # noqa: E402,F401
from oracle_app.shapes import SecretUser, StatesUser, TenantUser, TrialUser  # noqa: E402,F401


class CustomSession(AbstractBaseSession):
    class Meta(AbstractBaseSession.Meta):
        app_label = "oracle"
        db_table = "oracle_customsession"


class HeirSession(CustomSession):
    """It has no table: who reads its columns knows enough."""

    account = models.IntegerField(null=True)

    class Meta:
        app_label = "oracle"
        managed = False
