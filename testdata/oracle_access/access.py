"""Makes users, groups and permissions at random, and says what Django's ModelBackend makes of them.

A request on stdin: {"seed", "users", "database", "settings"}; an answer on stdout: {"django", "groups_table", "users"}.
"""
import json
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import django
from django.conf import settings
from django.core.exceptions import FieldError
from django.core.management import call_command

# No number of a user or group is among the KEYS.
NAMES = ["editors", "Zo\u00eb", "a,b", "\u041f\u0440\u0438\u0432\u0435\u0442", "o'brien", " a ", "%s", "x\U0001f600", "", "a\nb", 'say "x"']
KEYS = ["ada", "zo\u00eb", "4711", "None", "o'brien", "[1]", "\U0001f600"]


def deploy(request):
    values = {
        "SECRET_KEY": "oracle",
        "DATABASES": {"default": request["database"]},
        "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "access_app.apps.AccessConfig"],
        "DEFAULT_AUTO_FIELD": "django.db.models.AutoField",
        "PERSON_TABLE": "people",
        "USE_TZ": True,
    }
    values.update(request["settings"])
    if values.get("AUTH_USER_MODEL", "auth.User") != "auth.User":
        # Without migrations, because those of auth would need the user's table before there is one.
        values["MIGRATION_MODULES"] = {"auth": None, "contenttypes": None, "sessions": None, "access": None}
    settings.configure(**values)
    django.setup()
    call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)


def numbered(rng, number, length):
    """A text that no other number has, however a column's collation compares."""
    return "%s %d %s" % (rng.choice(NAMES), number, rng.choice(["", "x" * (length - 40)]))


def make_permissions(rng):
    """Permissions beside those that Django made for the models; two models of an application may share a codename."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    types = [ContentType.objects.create(app_label=label, model=model) for label in ("blog", "b.log", "b\u00fccher", "") for model in ("m1", "m2", "m3")]
    for number, content_type in enumerate(types):
        for codename in ["publish", "a.b", "l\u00f6schen", "", "publish " + numbered(rng, number, 90)]:
            Permission.objects.create(content_type=content_type, codename=codename, name="x")
    return list(Permission.objects.order_by("pk"))


def make_user(rng, number):
    from django.contrib.auth import get_user_model

    model = get_user_model()
    fields = {f.name: f for f in model._meta.fields}
    values = {"username": numbered(rng, number, 60).strip(), "is_superuser": rng.random() < 0.15}
    if model._meta.pk.name == "username" and number < len(KEYS):
        values["username"] = KEYS[number]
    if "is_active" in fields:
        values["is_active"] = rng.choice([True, True, True, False, None if fields["is_active"].null else False])
    user = model(**values)
    user.set_unusable_password()
    user.save(force_insert=True)
    return user


def populate(rng, count):
    from django.contrib.auth import get_user_model

    permissions = make_permissions(rng)
    model = get_user_model().groups.rel.model
    name = "title" if model.__name__ == "OwnGroup" else "name"
    groups = [model._default_manager.create(**{name: numbered(rng, number, 80)}) for number in range(12)]
    for group in groups if name == "name" else []:
        group.permissions.add(*rng.sample(permissions, rng.choice([0, 0, 1, 3, 20])))
    for number in range(count):
        user = make_user(rng, number)
        user.groups.add(*rng.sample(groups, rng.choice([0, 0, 1, 2, 5])))
        user.user_permissions.add(*rng.sample(permissions, rng.choice([0, 0, 1, 2, 10])))


def describe(user):
    """A user just read. Of a superuser too, the permissions are those of rows."""
    answer = {
        "id": str(user.pk),
        "active": bool(user.is_active),
        "superuser": user.is_superuser,
        "groups": sorted(getattr(g, "name", None) or getattr(g, "title", "") for g in user.groups.all()),
    }
    try:
        answer["everything"] = user.has_perm("no.such")  # as superusers have, and nobody has been given
        answer["permissions"] = permissions_of(user)
    except (FieldError, ValueError):  # ModelBackend fails on groups that are not auth.Group
        answer.setdefault("everything", False)
        answer["permissions"] = None
    return answer


def permissions_of(user):
    from django.contrib.auth.backends import ModelBackend

    user = type(user)._default_manager.get(pk=user.pk)  # without what has_perm has kept
    user.is_superuser = False
    backend = ModelBackend()
    permissions = sorted(user.get_all_permissions())
    assert set(permissions) == backend.get_user_permissions(user) | backend.get_group_permissions(user)
    return permissions


def main():
    request = json.loads(sys.stdin.readline())
    deploy(request)
    from django.contrib.auth import get_user_model

    model = get_user_model()
    populate(random.Random(request["seed"]), request["users"])
    json.dump({
        "django": django.get_version(),
        "groups_table": model.groups.through._meta.db_table,
        "users": [describe(user) for user in model._default_manager.all()],
    }, sys.stdout)


if __name__ == "__main__":
    main()
