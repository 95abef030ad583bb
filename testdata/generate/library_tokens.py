"""default_token_generator: make_token and check_token, and the uidb64 of its links."""
import random
import uuid
from datetime import datetime, timedelta
from datetime import timezone as zones

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from library_common import NOW, VERSION, deployed, deployments

NAME = "tokens"
UTC = zones.utc
DAY = 86400


class User:
    def __init__(self, pk, password, last_login, email):
        self.pk, self.password, self.last_login, self.email = pk, password, last_login, email

    def get_email_field_name(self):
        return "email"

    def row(self):
        last_login = None if self.last_login is None else str(self.last_login.replace(tzinfo=None))
        return {"id": str(self.pk), "password": self.password, "last_login": last_login, "email": self.email or ""}


USERS = [
    User(1, "pbkdf2_sha256$1$salt$hash", None, "ada@example.com"),
    User(2**63 - 1, "!unusable", datetime(2026, 11, 21, 9, 8, 7, 999999, UTC), None),
    User("\u00e9da", "argon2$x", datetime(2026, 3, 29, 2, 30, 0, 1), ""),
    User(uuid.UUID(int=2**127 + 7), "", datetime(999, 1, 2, 3, 4, 5, tzinfo=zones(timedelta(hours=5, minutes=30))), "Ada <a\u00e9@example.com>"),
]


class Clock(PasswordResetTokenGenerator):
    """Its clock stands at moment, in the time zone of the process, which is that of TIME_ZONE."""

    moment = NOW

    def _now(self):
        return datetime.fromtimestamp(self.moment)

    def _today(self):
        return self._now().date()


def generator(secret, algorithm):
    g = Clock()
    if hasattr(g, "secret"):  # from 2.0 on
        g.secret = secret
    if (3, 1) <= VERSION < (4, 0):
        g.algorithm = algorithm
    return g


def forms(token):
    """The token, and what is not quite one."""
    head, _, tail = token.partition("-")
    yield from (token, token.upper(), " " + token, token + "\n", "0" + token, "+" + token, head, head + "-", "-" + tail, tail, token + "-", "", "-", "a-b-c")
    yield from (head + "-" + tail[:-1], head + "-" + tail[:-1] + "z", head[:-1] + ("1" if head[-1] != "1" else "2") + "-" + tail, "z" * 14 + "-" + tail)


def rows():
    rng = random.Random(2001)
    for deployment in deployments():
        for zone in ("UTC", "Europe/Berlin"):
            days = rng.choice([1, 3])
            timeout = {"PASSWORD_RESET_TIMEOUT_DAYS": days} if VERSION < (3, 1) else {"PASSWORD_RESET_TIMEOUT": days * DAY}
            with deployed(deployment, TIME_ZONE=zone, **timeout):
                base = dict(deployment, zone=zone, timeout=days * DAY)
                for user in USERS:
                    # a day, and the hours in which the clocks of Berlin jump and repeat themselves
                    start, width = rng.choice([(NOW, DAY), (1774746000 - 7200, 14400), (1792890000 - 7200, 14400)])
                    yield from made(base, user, start + rng.randrange(width), days * DAY, rng)
    for pk in ["1", "42", "\u00e9da", str(uuid.UUID(int=7)), "x" * 50, "\u0661", "a/b?c"]:
        uid = urlsafe_base64_encode(pk.encode())
        uid = uid if isinstance(uid, str) else uid.decode()
        assert urlsafe_base64_decode(uid).decode() == pk
        yield {"kind": "uid", "id": pk, "token": uid, "ok": True}
    for uid in ["A", "AAAAA", "_w", "-", "4"]:
        try:
            urlsafe_base64_decode(uid).decode()
        except ValueError:
            yield {"kind": "uid", "id": "", "token": uid, "ok": False}


def made(base, user, moment, timeout, rng):
    g = generator(base["secret"], base["algorithm"])
    g.moment = moment
    token = g.make_token(user)
    row = dict(base, kind="make", now=moment, token=token, **user.row())
    yield dict(row, ok=g.check_token(user, token))

    def check(token, now, who=user):
        g.moment = now
        return dict(row, kind="check", token=token, now=now, ok=g.check_token(who, token), **who.row())

    for text in rng.sample(list(forms(token)), 3):
        yield check(text, moment)
    for age in rng.sample([-3600, timeout - 1, timeout, timeout + 1, timeout + DAY, timeout + 2 * DAY], 3):
        yield check(token, moment + age)
    other = User(user.pk, user.password, user.last_login, "another@example.com")
    another = rng.choice([u for u in USERS if u is not user])
    yield check(token, moment, rng.choice([another, other, User(user.pk, user.password + "x", user.last_login, user.email)]))
    for secret in base["fallbacks"] + ["a stranger's"]:
        yield check(generator_at(secret, base["algorithm"], moment).make_token(user), moment)
    if VERSION >= (3, 1):  # what the same Django would have made under 3.0
        for algorithm in ("sha1", "sha256"):
            old = generator_at(base["secret"], algorithm, moment)
            old.algorithm = algorithm
            count = (datetime.fromtimestamp(moment).date() - datetime(2001, 1, 1).date()).days
            secret = (base["secret"],) if VERSION >= (4, 1) else ()
            text = old._make_token_with_timestamp(user, count, *secret)
            for age in rng.sample([0, timeout - DAY, timeout, timeout + DAY, timeout + 2 * DAY], 2 if VERSION < (4, 0) else 1):
                yield check(text, moment + age)


def generator_at(secret, algorithm, moment):
    from django.conf import settings

    g = generator(secret, algorithm)
    g.moment = moment
    if not hasattr(g, "secret"):
        make = g.make_token

        def with_secret(user):
            was, settings.SECRET_KEY = settings.SECRET_KEY, secret
            try:
                return make(user)
            finally:
                settings.SECRET_KEY = was

        g.make_token = with_secret
    return g
