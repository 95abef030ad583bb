"""User models with groups and permissions, of every shape that their tables depend on.

Only the one that AUTH_USER_MODEL names gets tables. PERSON_TABLE is its db_table.
"""
import uuid

import django
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class AnyPerson(AbstractBaseUser, PermissionsMixin):
    """No is_active column: AbstractBaseUser.is_active is True for everybody."""

    id = models.BigAutoField(primary_key=True)
    username = models.CharField(max_length=150, unique=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        db_table = settings.PERSON_TABLE
        swappable = "AUTH_USER_MODEL"


class UUIDPerson(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        db_table = settings.PERSON_TABLE
        swappable = "AUTH_USER_MODEL"


class TextPerson(AbstractBaseUser, PermissionsMixin):
    """Text keys, and an is_active that may be NULL; BooleanField(null=True) came with Django 2.1."""

    username = models.CharField(max_length=60, primary_key=True, db_column="login_id")
    if django.VERSION >= (2, 1):
        is_active = models.BooleanField(null=True, db_column="alive")
    else:
        is_active = models.NullBooleanField(db_column="alive")

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        db_table = settings.PERSON_TABLE
        swappable = "AUTH_USER_MODEL"


class OwnGroup(models.Model):
    """Groups that are not Django's: their numbers are those of other groups."""

    title = models.CharField(max_length=80)


class GuestPerson(AbstractBaseUser, PermissionsMixin):
    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)
    groups = models.ManyToManyField(OwnGroup)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        db_table = settings.PERSON_TABLE
        swappable = "AUTH_USER_MODEL"


if settings.AUTH_USER_MODEL == "access.ThroughPerson":
    class Membership(models.Model):
        """A through model whose other columns Django's user.groups passes over."""

        person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
        team = models.ForeignKey("auth.Group", models.CASCADE, related_name="+")
        invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
        expired = models.BooleanField(default=True)

    class ThroughPerson(AbstractBaseUser, PermissionsMixin):
        username = models.CharField(max_length=150, unique=True)
        is_active = models.BooleanField(default=True)
        groups = models.ManyToManyField("auth.Group", through=Membership, through_fields=("person", "team"))
        user_permissions = models.ManyToManyField("auth.Permission", db_table="grants", related_name="holders")

        objects = BaseUserManager()

        USERNAME_FIELD = "username"

        class Meta:
            db_table = settings.PERSON_TABLE
            swappable = "AUTH_USER_MODEL"


if settings.AUTH_USER_MODEL == "access.Customer":
    class Person(AbstractBaseUser, PermissionsMixin):
        username = models.CharField(max_length=150, unique=True)
        is_active = models.BooleanField(default=True)

        objects = BaseUserManager()

        USERNAME_FIELD = "username"

    class Customer(Person):
        """Its columns are in two tables, and its groups beside the first."""

        phone = models.CharField(max_length=20)

        class Meta:
            db_table = settings.PERSON_TABLE
