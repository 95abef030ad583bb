"""User models that override what Django asks them: a manager that hides rows, flags that are properties, hashes of their own.

randomize gives a new user what decides about these, and change is something that happens to one who has logged in.
"""
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager


class Visible(BaseUserManager):
    def get_queryset(self):
        return super().get_queryset().filter(deleted_at__isnull=True)


class StatusUser(AbstractBaseUser):
    """Soft deletion, and no column for any flag."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(blank=True)
    status = models.CharField(max_length=20, null=True)
    role = models.IntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)

    objects = Visible()
    everybody = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        return self.status in ("active", "it's a trial")

    @property
    def is_staff(self):
        return self.role >= 1

    @property
    def is_superuser(self):
        return self.role == 2

    def randomize(self, rng):
        self.status = rng.choice(["active", "active", "active", "it's a trial", "banned", "Active", "", None])
        self.role = rng.choice([0, 0, 1, 2])
        self.deleted_at = rng.choice([None, None, None, timezone.now()])

    def change(self, rng):
        self.status = rng.choice(["banned", "it's a trial", None])

    def delete(self, *args, **kwargs):
        self.deleted_at = timezone.now()
        self.save()


class HashingUser(AbstractBaseUser):
    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    session_token = models.CharField(max_length=40, null=True)
    generation = models.IntegerField(default=0)
    device = models.UUIDField(null=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        abstract = True

    def randomize(self, rng):
        import uuid

        self.session_token = rng.choice([None, "", "\u00e9\U0001f511", "%032x" % rng.getrandbits(128)])
        self.generation = rng.randrange(-3, 300)
        self.device = rng.choice([None, uuid.UUID(int=rng.getrandbits(128), version=4)])

    def change(self, rng):
        setattr(self, *rng.choice([
            ("email", "new%d@example.com" % rng.randrange(1000)), ("session_token", "%032x" % rng.getrandbits(128)),
            ("generation", self.generation + 1), ("last_login", None),
        ]))


class JoinedUser(HashingUser):
    """The shape that documentation shows, with salted_hmac's own algorithm."""

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def hash_by(self, secret=None, **algorithm):
        text = self.password + self.email + str(self.session_token)
        return salted_hmac("oracle.JoinedUser, and a comma", text, secret, **algorithm).hexdigest()

    def get_session_auth_hash(self):
        return self.hash_by()


class SeparatedUser(HashingUser):
    """Fallback keys make the same hash, since Django calls _get_session_auth_hash for each of them."""

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def hash_by(self, secret=None, algorithm="sha256"):
        text = "%s:%s:%s:%s" % (self.password, self.generation, self.session_token, self.device)
        return salted_hmac("oracle.SeparatedUser", text, secret, algorithm=algorithm).hexdigest()

    def _get_session_auth_hash(self, secret=None):
        return self.hash_by(secret)
