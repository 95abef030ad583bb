"""A user model with a key and with names of its own, and with groups and permissions."""
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Member(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_column="Member Id")
    email = models.EmailField(unique=True, db_column="E Mail")
    is_active = models.BooleanField(default=True)
    shoe_size = models.IntegerField(default=42)

    objects = BaseUserManager()

    USERNAME_FIELD = "email"

    class Meta:
        app_label = "people"
        db_table = "Our Members"
