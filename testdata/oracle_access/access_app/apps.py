"""The application of the oracle for groups and permissions: user models with Django's PermissionsMixin."""
from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access_app"
    label = "access"
