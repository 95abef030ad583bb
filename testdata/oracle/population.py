"""Makes the users of a deployment, in every state that the columns of their model allow."""
import random
import uuid

from django.contrib.auth import get_user_model
from django.db import connection, models

NAMES = ["ada", "zo\u00eb", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u540d\u524d", "o'brien", "a b", "%s", "x\U0001f600"]
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"

LIMITS = {
    "SmallIntegerField": [1, 0, 42, -1, 32767, -32768],
    "AutoField": [1, 0, 42, -1, 2147483647, -2147483648],
    "BigAutoField": [1, 0, 42, -1, 2147483648, 9007199254740993, 9223372036854775807, -9223372036854775808],
    "UUIDField": [uuid.UUID(int=0), uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)],
    "CharField": ["ada", "", "42", "None", "True", "1.0", "zo\u00eb", "a b ", "[2]", "\U0001f600", "x" * 60],
}


def text_of(rng, length):
    return "".join(rng.choice(ALPHABET) for _ in range(length))


def password(rng):
    """A password field: nothing ever checks these, only their bytes enter the auth hash."""
    kind = rng.randrange(8)
    if kind == 0:
        return "!" + text_of(rng, 40)
    if kind == 1:
        return rng.choice(["", " ", "!", "plain text"])
    if kind == 2:
        return "\u043f\u0430\u0440\u043e\u043b\u044c \u00e9\U0001f511 " + text_of(rng, 4)
    if kind == 3:
        return "argon2$argon2id$v=19$m=102400,t=2,p=8$%s$%s" % (text_of(rng, 22), text_of(rng, 22))
    return "pbkdf2_sha256$%d$%s$%s=" % (rng.choice([36000, 260000, 1000000]), text_of(rng, 12), text_of(rng, 43))


def field(model, name):
    """The model's field of that name, or None: PlainUser has few."""
    return next((f for f in model._meta.fields if f.name == name), None)


def fresh_key(model, rng, taken):
    """A primary key like those that the model's users have in real life."""
    kind = model._meta.pk.get_internal_type()

    def key():
        if kind == "UUIDField":
            return uuid.UUID(int=rng.getrandbits(128), version=4)
        if kind == "CharField":
            return "%s-%s" % (rng.choice(["ada", "zo\u00eb", "Bob", "o'brien"]), text_of(rng, 8))
        # Given, never drawn from a sequence: after a limit was used the next value would not fit.
        return rng.randrange(100, 30000)

    return next(k for k in iter(key, None) if k not in taken)


def make_user(rng, pk, number, **values):
    """One unsaved user; values win over what the dice say."""
    model = get_user_model()
    known = {
        "username": "%s-%d-%s" % (rng.choice(NAMES), number, text_of(rng, 5)),
        "email": rng.choice(["", "ada%d@example.com" % number, "zo\u00eb@example.com"]),
        "password": password(rng),
        "is_active": True,
        "is_staff": rng.random() < 0.3,
        "is_superuser": rng.random() < 0.2,
    }
    known.update(values)
    user = model(pk=pk, **{k: v for k, v in known.items() if field(model, k)})
    if hasattr(user, "randomize"):
        user.randomize(rng)
    return user


def populate(count, seed):
    """Makes count users: the column's limits first, three of four active."""
    model = get_user_model()
    rng = random.Random(seed)
    nullable = getattr(field(model, "is_active"), "null", False)
    taken = set(model._default_manager.values_list("pk", flat=True))
    limits = [pk for pk in LIMITS[model._meta.pk.get_internal_type()] if pk not in taken]
    if connection.vendor == "mysql" and model._meta.pk.get_internal_type() != "CharField":
        limits = [pk for pk in limits if pk != 0]  # there it means "the next one"
    users = []
    for number in range(count):
        pk = limits[number] if number < len(limits) else fresh_key(model, rng, taken)
        taken.add(pk)
        active = number < 3 or rng.random() < 0.75
        if not active and nullable and rng.random() < 0.5:
            active = None
        users.append(make_user(rng, pk, number, is_active=active))
    model._default_manager.bulk_create(users)
    return [describe(user) for user in users]


def describe(user):
    answer = {"id": str(user.pk)}
    for name in ("username", "email", "is_active", "is_staff", "is_superuser"):
        if isinstance(field(type(user), name), models.Field):
            answer[name] = getattr(user, name)
    return answer
