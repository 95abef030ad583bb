"""User models with shapes of their own: names of columns, what the table demands, flags that depend on the time."""

import datetime
import threading
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac


class MailUser(AbstractBaseUser, PermissionsMixin):
    """Columns and a table with names of their own, an address in place of a user name, and what the table demands besides."""

    number = models.AutoField(primary_key=True, db_column="user_no")
    address = models.EmailField(unique=True, db_column="mail")
    password = models.CharField(max_length=128, db_column="pass_hash")
    is_active = models.BooleanField(default=True, db_column="enabled")
    is_staff = models.BooleanField(default=False, db_column="internal")
    banned = models.BooleanField(default=False)
    country = models.CharField(max_length=2, choices=[("de", "Germany"), ("fr", "France")])
    born = models.DateField()
    points = models.DecimalField(max_digits=6, decimal_places=2)
    referrer = models.UUIDField(unique=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "address"
    EMAIL_FIELD = "address"

    class Meta:
        app_label = "oracle"
        db_table = "shop_people"
        swappable = "AUTH_USER_MODEL"

    def randomize(self, rng):
        self.address = "%016x@example.com" % rng.getrandbits(64)
        self.country, self.born, self.points = rng.choice(["de", "fr"]), datetime.date(2000, 1, 1), rng.randrange(100)
        self.referrer = uuid.UUID(int=rng.getrandbits(128), version=4)


class Current(BaseUserManager):
    def get_queryset(self):
        return super().get_queryset().exclude(state="it's over").filter(level__gt=0)


class TrialUser(AbstractBaseUser):
    """Flags that depend on the time and on numbers, and a manager with two conditions."""

    username = models.CharField(max_length=150, unique=True)
    blocked_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=20, default="new")
    level = models.IntegerField(default=1)

    objects = Current()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        return self.blocked_until is None or self.blocked_until < timezone.now()

    @property
    def is_staff(self):
        return self.level in (2, 3) and self.state != "new"

    def randomize(self, rng):
        self.blocked_until = rng.choice(
            [None, None, timezone.now() - datetime.timedelta(hours=1), timezone.now() + datetime.timedelta(hours=1)]
        )
        self.state = rng.choice(["new", "paid", "it's over"])
        self.level = rng.choice([0, 1, 1, 2, 3])

    def change(self, rng):
        self.blocked_until = timezone.now() + datetime.timedelta(hours=rng.choice([-1, 1]))


class SecretUser(AbstractBaseUser):
    """A session hash that no setting can say."""

    username = models.CharField(max_length=150, unique=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def get_session_auth_hash(self):
        return salted_hmac("shapes", self.password[::-1]).hexdigest()


class NullableUser(AbstractBaseUser):
    """A session hash that fails where one of its texts is missing."""

    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(unique=True, null=True)
    session_token = models.CharField(max_length=32, null=True)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def get_session_auth_hash(self):
        return salted_hmac("shapes", self.password + self.email + self.session_token).hexdigest()


class RelatedUser(AbstractBaseUser):
    """is_active asks the database."""

    username = models.CharField(max_length=150, unique=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        return not type(self).objects.filter(username=self.username + "-blocked").exists()


class Region(models.Model):
    name = models.CharField(max_length=20)

    class Meta:
        app_label = "oracle"


class Team(models.Model):
    region = models.ForeignKey(Region, on_delete=models.CASCADE)

    class Meta:
        app_label = "oracle"


class MemberManager(BaseUserManager):
    def get_by_natural_key(self, username):
        return self.get(username__iexact=username)


class MemberUser(AbstractBaseUser):
    """A user has a team, and a team is in a region: no row of a user is without them. A login asks code of the project's own."""

    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)
    team = models.ForeignKey(Team, on_delete=models.CASCADE)

    objects = MemberManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    def check_password(self, raw_password):
        return self.team_id is not None and super().check_password(raw_password)


BLOCKED = ["banned", "closed"]
TENANT = threading.local()


class StatesUser(AbstractBaseUser):
    """is_active goes by a list of the module, of whose states no row has one yet."""

    username = models.CharField(max_length=150, unique=True)
    state = models.CharField(max_length=20, default="new")

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @property
    def is_active(self):
        return self.state not in BLOCKED


class InvertedField(models.BooleanField):
    """The column says the contrary of the attribute."""

    def from_db_value(self, value, *args):
        return None if value is None else not value

    def get_prep_value(self, value):
        return None if value is None else not value


class InvertedUser(AbstractBaseUser):
    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = InvertedField(default=False)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"


class FrozenUser(AbstractBaseUser):
    """What the columns say is changed while a row is read."""

    username = models.CharField(max_length=150, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    frozen = models.BooleanField(default=False)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"

    @classmethod
    def from_db(cls, *args, **kwargs):
        user = super().from_db(*args, **kwargs)
        if user.frozen:
            user.is_staff = False
        return user


class TenantManager(BaseUserManager):
    def get_queryset(self):
        users = super().get_queryset()
        tenant = getattr(TENANT, "name", None)
        return users if tenant is None else users.filter(tenant=tenant)


class TenantUser(AbstractBaseUser):
    """The default manager asks the thread for a tenant."""

    username = models.CharField(max_length=150, unique=True)
    tenant = models.CharField(max_length=20, default="one")
    is_active = models.BooleanField(default=True)

    objects = TenantManager()

    USERNAME_FIELD = "username"

    class Meta:
        app_label = "oracle"
        swappable = "AUTH_USER_MODEL"
