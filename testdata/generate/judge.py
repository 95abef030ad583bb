"""Makes a case real in Django and SQLite, and asks Django for its verdict."""
import time
import uuid
from contextlib import contextmanager
from unittest import mock

from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import override_settings
from django.utils import timezone

import deployment
import verdicts


def deploy():
    """All user models get a table, since each case chooses its own."""
    deployment.deploy({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    from django.apps import apps

    tables = connection.introspection.table_names()
    with connection.schema_editor() as editor:
        for name in deployment.USER_MODELS:
            model = apps.get_model(name)
            if model._meta.db_table not in tables:
                editor.create_model(model)


def user_model(case):
    if case.user_key != "integer":
        return {"uuid": "oracle.UUIDUser", "text": "oracle.TextUser"}[case.user_key]
    if any("is_active" not in user for user in case.users):
        return "oracle.PlainUser"
    if any(user["is_active"] is None for user in case.users):
        return "oracle.MaybeUser"
    return "auth.User"


@contextmanager
def deployed(case):
    """Django with the case's settings, tables and clock."""
    changes = {
        "SECRET_KEY": case.secret,
        "SECRET_KEY_FALLBACKS": case.fallbacks,
        "DEFAULT_HASHING_ALGORITHM": case.algorithm,
        "AUTHENTICATION_BACKENDS": case.backends,
        "SESSION_COOKIE_NAME": case.cookie_name,
        "SESSION_ENGINE": deployment.ENGINES[case.store_class],
        "AUTH_USER_MODEL": user_model(case),
    }
    with override_settings(**changes), stopped_clock(case.now), transaction.atomic():
        for user in case.users:
            values = dict(user)
            pk = values.pop("id")
            get_user_model()(pk=uuid.UUID(pk) if case.user_key == "uuid" else pk, **values).save(force_insert=True)
        yield
        transaction.set_rollback(True)


@contextmanager
def stopped_clock(now):
    with mock.patch.object(timezone, "now", lambda: now), mock.patch.object(time, "time", now.timestamp):
        yield


def complaint(case):
    """Says where Django and the case's author differ; None when they agree."""
    with deployed(case):
        deployment.session_store().get_model_class().objects.create(
            session_key=case.session_key, session_data=case.data, expire_date=case.expires
        )
        verdict = verdicts.verdict(case.cookie)
    if verdict["user"] != case.user_id:
        return "%s: the case says %s %s, Django says %s" % (case.name, case.expect, case.user_id, verdict)
    return None
