"""Sessions that Django writes itself: real logins, and what happens to their users afterwards."""
import contextlib
import string

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

import population

LETTERS = string.ascii_lowercase + string.digits
NESTED = {"a": [{"b": {"c": [None, True, False, 1.5, {"d": "\u00e9"}]}}]}


def log_in(store, user, extras=None, backend=None):
    """A real login, saved; returns the session key."""
    request = HttpRequest()
    request.session = store()
    request.session.update(extras or {})
    try:
        login(request, user, backend=backend or settings.AUTHENTICATION_BACKENDS[0])
        request.session.save()
    except (OverflowError, UnicodeEncodeError):  # msgpack has no integers beyond 64 bits, and no surrogates
        if not extras:
            raise
        return log_in(store, user, None, backend)
    return request.session.session_key


@contextlib.contextmanager
def seeded_session_keys(rng):
    """Session keys from the seed instead of the system's entropy, so that a run can be repeated."""
    original = SessionBase._get_new_session_key
    SessionBase._get_new_session_key = lambda self: "".join(rng.choice(LETTERS) for _ in range(32))
    try:
        yield
    finally:
        SessionBase._get_new_session_key = original


class Logins:
    def __init__(self, rng, store):
        self.rng, self.store, self.number = rng, store, 0
        self.taken = set(get_user_model()._default_manager.values_list("pk", flat=True))

    def extras(self):
        """What applications keep in a session beside the login."""
        choices = [
            ("cart", [{"sku": "A-%d" % self.rng.randrange(999), "price": self.rng.random() * 100}]),
            ("ratio", self.rng.choice([float("nan"), float("inf"), float("-inf"), 1e300, -0.0, 5e-324])),
            ("big", self.rng.getrandbits(200)),
            ("negative", -self.rng.getrandbits(64)),
            ("nested", NESTED),
            ("unicode", "\u00e9\u0416\u540d\U0001f600\u2028\x7f\x00"),
            ("surrogate", "\ud800"),
            ("long", "lorem ipsum dolor sit amet " * self.rng.randrange(5, 60)),
            ("incompressible", population.text_of(self.rng, self.rng.randrange(10, 300))),
            ("_session_expiry", self.rng.choice([600, 86400, 0])),
            ("_language", "de"),
            ("", "empty name"),
            ("_csrftoken", population.text_of(self.rng, 32)),
        ]
        return dict(self.rng.sample(choices, self.rng.choice([0, 0, 1, 2, 5])))

    def make(self, users):
        """Logs somebody in, sometimes changes that user afterwards; returns (key, note)."""
        fate = self.rng.choice(["stays"] * 6 + ["password", "deactivated", "deleted", "active again"])
        user = self.rng.choice(users) if fate == "stays" else self.newcomer()
        backend = self.rng.choice(settings.AUTHENTICATION_BACKENDS)
        extras = self.extras()
        extras.pop("_session_expiry", None)  # save() would let a session of 0 seconds expire at random
        key = log_in(self.store, user, extras, backend)
        self.change(user, fate)
        return key, "login, user " + fate

    def newcomer(self):
        model = get_user_model()
        pk = population.fresh_key(model, self.rng, self.taken)
        self.taken.add(pk)
        self.number += 1
        user = population.make_user(self.rng, pk, self.number, username="new-%s" % pk)
        user.save(force_insert=True)
        return user

    def change(self, user, fate):
        if fate in ("password", "deactivated") and hasattr(user, "change"):
            user.change(self.rng)
        elif fate == "password":
            user.password = population.password(self.rng) + "."
        elif fate == "deleted":
            user.delete()
            return
        elif fate != "stays" and population.field(type(user), "is_active"):
            user.is_active = fate == "active again"
        if fate != "stays":
            user.save()
