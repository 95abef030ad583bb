"""Makes one Django deployment: settings, applications, tables."""
import os
import time
from importlib import import_module

import django
from django.conf import settings
from django.core.management import call_command

ENGINES = {
    "SessionStore": "django.contrib.sessions.backends.db",
    "CustomStore": "oracle_app.customstore",
    "Nested.CustomStore": "oracle_app.nestedstore",
}

USER_MODELS = (
    "auth.User",
    "oracle.UUIDUser",
    "oracle.TextUser",
    "oracle.PlainUser",
    "oracle.MaybeUser",
    "oracle.SmallUser",
    "oracle.StatusUser",
    "oracle.JoinedUser",
    "oracle.SeparatedUser",
)


def deploy(database, overrides=None, store="SessionStore", apps=()):
    values = {
        "SECRET_KEY": "oracle",
        "DATABASES": {"default": database},
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oracle_app.apps.OracleConfig",
        ] + list(apps),
        "SESSION_ENGINE": ENGINES[store],
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        # Passwords are never checked here; the default hasher takes half a second each.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "oracle_app.urls",
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            # Every forged row would log a line.
            "loggers": {"django": {"handlers": ["null"], "propagate": False}},
        },
    }
    values.update(overrides or {})
    # A settings module would have set the process's time zone: django/conf/__init__.py, 5.2, Settings.__init__.
    os.environ["TZ"] = values["TIME_ZONE"]
    time.tzset()
    settings.configure(**values)
    django.setup()
    from django.contrib.auth import get_user_model

    if get_user_model()._meta.app_label == "oracle" and get_user_model()._meta.many_to_many:
        # Its tables are made before all migrations, and lead to those of groups and permissions.
        call_command("migrate", interactive=False, verbosity=0)
    for alias in sorted(values["DATABASES"]):
        call_command("migrate", database=alias, run_syncdb=True, interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)  # of a DatabaseCache; nothing otherwise


def session_store():
    """The store class, found the way SessionMiddleware finds it."""
    return import_module(settings.SESSION_ENGINE).SessionStore


def session_model():
    """The model of the engine's sessions, None where it has none."""
    store = session_store()
    if hasattr(store, "get_model_class"):
        return store.get_model_class()
    # django-user-sessions has a store of its own from the ground up.
    return getattr(import_module(settings.SESSION_ENGINE), "Session", None)
