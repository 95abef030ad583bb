# Records what Django says of a sample of its sessions, so that django-sidecar can be compared with it:
#
#     django-sidecar settings-script -sample 1000 | python manage.py shell
#     django-sidecar check -against django-sidecar-sample.json
#
# Any shell of the project will do; so will plain python with DJANGO_SETTINGS_MODULE. It runs under Django 1.11 to 6.1,
# and imports nothing else. It changes nothing: the methods of a session that write do nothing here, and each question
# is asked in a transaction that is rolled back.
#
# The file names a session by a hash of its key, from which nobody finds the key. It holds ids of users, names of groups
# and of permissions. It holds no key, no cookie, no session data, no name of a user, no password and no hash of one. A
# "mark" is an HMAC whose key is the session key: who has no session key can test no guess with it.
import calendar
import copy
import hashlib
import hmac
import json
import logging
import os
import random
import stat
import sys
import time

import django
from django.apps import apps

if not apps.ready:
    sys.path.insert(0, os.getcwd())
    django.setup()

from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import connections, router, transaction
from django.http import HttpRequest
from django.utils import timezone

PATH = os.path.join(os.path.abspath(DIRECTORY or os.getcwd()), "django-sidecar-sample.json")  # noqa: F821
WINDOW = 1000  # rows of the session table that are looked at from one start
WINDOWS = 200  # such starts, at most
PERMISSIONS = 20  # of one user, where there is no time for all
SECONDS = 60  # for all permissions of all users
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"  # contrib/sessions/backends/base.py, 5.2, VALID_KEY_CHARS
WRITING = ["save", "create", "delete", "flush", "cycle_key"]
WRITING_IN_CACHE = ["set", "add", "delete", "touch", "set_many", "delete_many", "incr", "decr", "clear", "_delete"]

engine = import_module(settings.SESSION_ENGINE)
Store = engine.SessionStore
dice = random.SystemRandom()


def say(text):
    sys.stderr.write("django-sidecar: %s\n" % text)


def end(text):
    say(text)
    sys.exit(1)


def text_of(value):
    return "%s" % (value,)


def raw(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")


def name_of(key):
    return hashlib.sha256(raw(key)).hexdigest()[:32]


def mark(key, value):
    return None if value is None else hmac.new(raw(key), raw(value), hashlib.sha256).hexdigest()[:32]


def seconds(moment):
    try:
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment, timezone.get_default_timezone())
        return calendar.timegm(moment.utctimetuple())
    except Exception:  # an hour that the clocks repeat, or the end of time
        return None


def model_of_sessions():
    """None where the engine has no table."""
    if hasattr(Store, "get_model_class"):
        return Store.get_model_class()
    return getattr(engine, "Session", None)  # django-user-sessions


def is_random(key):
    # Django's keys have 32 characters at random. From the hash of a shorter one, the key could be found.
    return len(key) >= 32


class Rows(object):
    """Sessions in a table. The order of the file is not that of the rows, which would say how keys begin."""

    def __init__(self, model):
        self.model, self.starts, self.chosen = model, [], {}

    def window(self, start):
        rows = self.model.objects.filter(session_key__gte=start).order_by("session_key")
        return list(rows.values_list("session_key", "expire_date")[:WINDOW])

    def choose(self, rows, most):
        """Most of them are alive."""
        now = timezone.now()
        dice.shuffle(rows)
        rows = [row for row in rows if is_random(row[0])]
        dead = [row for row in rows if row[1] <= now][:max(most // 10, 1)]
        alive = [row for row in rows if row[1] > now][:most - len(dead)]
        for key, expires in alive + dead:
            self.chosen[key] = expires

    def sample(self):
        """Keys, and when each session ends."""
        rows = self.window("")
        if len(rows) < WINDOW:  # that is all of them
            self.starts.append("")
            self.choose(rows, SIZE)  # noqa: F821
            return self.chosen
        while len(self.chosen) < SIZE and len(self.starts) < WINDOWS:
            self.starts.append("".join(dice.choice(CHARACTERS) for _ in range(3)))
            self.choose(self.window(self.starts[-1]), min(SIZE - len(self.chosen), SIZE // 50 + 1))
        return self.chosen

    def stored(self, key):
        return self.model.objects.get(session_key=key).session_data


class Files(object):
    """Sessions in files: contrib/sessions/backends/file.py."""

    model, starts = None, []

    def sample(self):
        prefix = settings.SESSION_COOKIE_NAME
        names = [name for name in os.listdir(Store._get_storage_path()) if name.startswith(prefix)]
        keys = [name[len(prefix):] for name in names]
        keys = [key for key in keys if is_random(key) and set(key) <= set(CHARACTERS)]
        return dict.fromkeys(dice.sample(keys, min(SIZE, len(keys))))

    def stored(self, key):
        with open(Store()._key_to_file(key), "rb") as f:
            return f.read()


def place_of_sessions():
    model = model_of_sessions()
    if model is not None:
        return Rows(model)
    if hasattr(Store, "_get_storage_path"):
        return Files()
    why = "the keys of a cache cannot be listed"
    if settings.SESSION_ENGINE.endswith("signed_cookies"):
        why = "sessions are in signed cookies: nothing is stored that could be sampled"
    end(why + ". Set SIDECAR_SHADOW_URL instead, which compares real requests: see docs/proof.md")


def nothing(*args, **kwargs):
    return None


def quiet(thing, names):
    for name in names:
        if hasattr(thing, name):
            setattr(thing, name, nothing)
    return thing


def session_of(key):
    """The store as SessionMiddleware makes it, whose methods that write do nothing. It is of the same class: the name
    of the class is part of what signs sessions."""
    store = quiet(Store(key), WRITING + ["a" + name for name in WRITING])
    if hasattr(store, "_cache"):
        store._cache = quiet(copy.copy(store._cache), WRITING_IN_CACHE)
    return store


def databases(place):
    """The databases that a question may write to."""
    # core/cache/backends/db.py, 5.2: a look deletes what has expired.
    cache_table = getattr(getattr(Store(), "_cache", None), "cache_model_class", None)
    names = set()
    for model in filter(None, [place.model, get_user_model(), cache_table]):
        names.update([router.db_for_read(model), router.db_for_write(model)])
    return sorted(names)


def unchanged(names, ask):
    if not names:
        return ask()
    with transaction.atomic(using=names[0]):
        try:
            return unchanged(names[1:], ask)
        finally:
            transaction.set_rollback(True, using=names[0])


def flag(user, name):
    return bool(getattr(user, name, False))  # whom Django knows no flag of has none


def groups_of(user):
    if not hasattr(user, "groups"):
        return []
    return sorted(text_of(getattr(group, "name", group)) for group in user.groups.all())


def spread(names, most):
    """Some of the names, from everywhere in their order."""
    names = sorted(names)
    return names if len(names) <= most else [names[i * len(names) // most] for i in range(most)]


class Asking(object):
    def __init__(self, place):
        self.place, self.users, self.unknown, self.every_permission = place, {}, {}, []
        self.sets, self.places, self.began = [], {}, time.time()

    def permissions_of(self, user):
        """What has_perm says of each permission, or, where that takes too long, of those that the user has and some others. A
        set of permissions that several users have is recorded once: this is its place."""
        if not hasattr(user, "get_all_permissions"):
            return None
        if not self.every_permission:
            from django.contrib.auth.models import Permission

            names = Permission.objects.values_list("content_type__app_label", "codename")
            self.every_permission = sorted("%s.%s" % name for name in names)
        has = user.get_all_permissions()
        others = [name for name in self.every_permission if name not in has]
        every = time.time() - self.began < SECONDS
        asked = set(has) | set(others) if every else spread(has, PERMISSIONS) + dice.sample(others, min(len(others), PERMISSIONS // 2))
        said = dict((name, bool(user.has_perm(name))) for name in asked)
        if every:
            said = dict(item for item in said.items() if item[1] or item[0] not in self.every_permission)
        one = {"said": said, "every": every}
        text = json.dumps(one, sort_keys=True)
        if text not in self.places:
            self.places[text] = len(self.sets)
            self.sets.append(one)
        return self.places[text]

    def rights_of(self, user):
        rights = {"is_staff": flag(user, "is_staff"), "is_superuser": flag(user, "is_superuser")}
        for name, ask in (("groups", groups_of), ("permissions", self.permissions_of)):
            try:
                rights[name] = ask(user)
            except Exception as e:
                rights[name] = None
                rights["unknown"] = rights.get("unknown", []) + [name]
                self.unknown[name] = type(e).__name__
        return rights

    def session(self, key, expires):
        entry = {"key": name_of(key), "user": None, "expires": None if expires is None else seconds(expires)}
        try:
            entry["data_mark"] = mark(key, self.place.stored(key))
        except (IOError, OSError, ObjectDoesNotExist):
            return None  # it has ended meanwhile
        try:
            if expires is None and hasattr(Store, "_expiry_date"):
                session = session_of(key)
                entry["expires"] = seconds(session._expiry_date(session.load()))
            request = HttpRequest()
            request.session = session_of(key)
            user = get_user(request)
            if user.is_authenticated:
                self.user(entry, key, user)
        except Exception as e:  # whoever asks Django gets a 500, and no user
            entry["user"], entry["failed"] = None, type(e).__name__
        return entry

    def user(self, entry, key, user):
        entry["user"] = text_of(user.pk)
        entry["password_mark"] = mark(key, getattr(user, "password", None))
        names = set([user.get_username(), getattr(user, "username", None)]) - set([None])
        entry["username_marks"] = sorted(mark(key, text_of(name)) for name in names)
        if entry["user"] not in self.users:
            self.users[entry["user"]] = self.rights_of(user)


def facts(place):
    """Settings that a sidecar has too."""
    zone = None
    if place.model is not None:
        connection = connections[router.db_for_read(place.model)]
        if connection.vendor in ("sqlite", "mysql"):  # others store the time with its zone
            zone = connection.timezone_name
    return {
        "cookie_name": settings.SESSION_COOKIE_NAME, "cookie_age": int(settings.SESSION_COOKIE_AGE),
        "backends": list(settings.AUTHENTICATION_BACKENDS), "zone": zone,
    }


def read_by_others():
    """Whether stdout is a file that others can read."""
    try:
        status = os.fstat(sys.stdout.fileno())
    except Exception:  # a shell that has a stdout of its own
        return False
    return stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 != 0


def write(sample):
    text = json.dumps(sample, sort_keys=True) + "\n"
    if DIRECTORY == "-":  # noqa: F821
        if read_by_others():
            end("stdout is a file that others can read, and the sample has ids, groups and permissions of users. Say `umask 077` "
                "before, remove the file, and run this again")
        sys.stdout.write(text)
        return
    new = "%s.%d" % (PATH, os.getpid())
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
        f.write(text)
    if os.name == "nt" and os.path.exists(PATH):
        os.remove(PATH)
    os.rename(new, PATH)


def main():
    place = place_of_sessions()
    keys = place.sample()
    if not keys:
        end("there are no sessions to sample: log in to the site once, and run this again")
    began, sessions, asking, names = time.time(), [], Asking(place), databases(place)
    order = list(keys)
    dice.shuffle(order)
    logging.disable(logging.CRITICAL)  # a session that cannot be read is a line of the log
    for key in order:
        entry = unchanged(names, lambda: asking.session(key, keys[key]))
        if entry is not None:
            sessions.append(entry)
    logging.disable(logging.NOTSET)
    write({
        "format": "django-sidecar sample", "version": 2, "django": django.get_version(), "engine": settings.SESSION_ENGINE,
        "began": int(began), "ended": int(time.time()), "starts": place.starts, "sessions": sessions, "users": asking.users,
        "facts": facts(place), "permission_sets": asking.sets, "permissions": asking.every_permission,
    })
    for name in sorted(asking.unknown):
        say("the %s of some users could not be found out (%s): they are not compared" % (name, asking.unknown[name]))
    say("%d %s, %d of them of a user, recorded. Now: django-sidecar check -against %s" % (
        len(sessions), "session" if len(sessions) == 1 else "sessions", len([entry for entry in sessions if entry["user"] is not None]), "FILE" if DIRECTORY == "-" else PATH))  # noqa: F821


main()
