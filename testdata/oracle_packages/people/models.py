"""A user model whose is_active may be NULL."""
from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    is_active = models.BooleanField(default=True, null=True)

    class Meta:
        app_label = "people"
