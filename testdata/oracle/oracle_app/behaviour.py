"""What projects do around logins: backends, middleware, stores, serializers and keys of caches of their own."""

import json
import re
import zlib

from django.conf import settings
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.backends import ModelBackend, RemoteUserBackend
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.contrib.sessions.backends import cached_db, db
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject

from oracle_app import nights


class Everybody(ModelBackend):
    def get_user(self, user_id):
        return get_user_model().objects.filter(pk=user_id).first()


class NoPermissions(ModelBackend):
    def has_perm(self, user_obj, perm, obj=None):
        return False


class GivesMore(ModelBackend):
    def has_perm(self, user_obj, perm, obj=None):
        return perm == "shop.look" or super().has_perm(user_obj, perm, obj)


class NotBanned(ModelBackend):
    def get_user(self, user_id):
        return get_user_model().objects.filter(pk=user_id, is_active=True, banned=False).first()


class Looking(ModelBackend):
    """Looks at a table besides that of the users."""

    def get_user(self, user_id):
        from django.contrib.auth.models import Group

        user = super().get_user(user_id)
        return None if Group.objects.filter(name="everything is closed").exists() else user


class AsksCache(ModelBackend):
    """Looks into a cache, which no query tells."""

    def user_can_authenticate(self, user):
        return super().user_can_authenticate(user) and not cache.get("locked-%s" % user.pk)


class Remembering(ModelBackend):
    """Remembers users, and asks the database once."""

    users = {}

    def get_user(self, user_id):
        if user_id not in self.users:
            self.users[user_id] = get_user_model().objects.get(pk=user_id)
        return self.users[user_id]


class EndingSo(ModelBackend):
    """Decides by a column, for values that nobody has yet."""

    def user_can_authenticate(self, user):
        return super().user_can_authenticate(user) and not re.search("@gone[.]", user.address)


def deny():
    raise PermissionDenied


class Denying(object):
    def get_user(self, user_id):
        return None

    def has_perm(self, user, perm, obj=None):
        raise PermissionDenied


class Base(object):
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Harmless(Base):
    pass


class EndsBanned(Base):
    def __call__(self, request):
        if request.user.is_authenticated and request.user.banned:
            logout(request)
            return redirect("/banned/")
        return self.get_response(request)


class SendsBanned(Base):
    """A middleware that ends nothing, and sends some users elsewhere."""

    def __call__(self, request):
        if request.user.is_authenticated and request.user.banned:
            return redirect("/banned/")
        request.basket = SimpleLazyObject(lambda: request.user)
        return self.get_response(request)


class EndsAll(Base):
    def __call__(self, request):
        from django.contrib.auth.models import AnonymousUser

        request.user = AnonymousUser()
        return self.get_response(request)


class EndsAtNight(Base):
    def __call__(self, request):
        if request.path == "/night/":
            logout(request)
        return self.get_response(request)


class EndsElsewhere(Base):
    def __call__(self, request):
        nights.end_login(request)
        return self.get_response(request)


class EndsByAnotherName(Base):
    def __call__(self, req):
        if req.path == "/night/":
            req.user = None
        return self.get_response(req)


exec("def made_elsewhere(request): return request.path")  # as namedtuple and attrs make functions: without a source


class EndsBesideMade(Base):
    def __call__(self, request):
        if made_elsewhere(request) == "/night/":  # noqa: F821
            logout(request)
        return self.get_response(request)


exec(  # as a compiled module has it
    "class WithoutSource(Base):\n"
    "    def __call__(self, request):\n"
    "        if request.path == '/night/':\n"
    "            logout(request)\n"
    "        return self.get_response(request)\n"
)


class Patches(Base):
    """Puts a function in the place of Django's when a server loads it, as Horizon does."""

    def __init__(self, get_response):
        super().__init__(get_response)
        nights.patch()


class PatchesLate(Base):
    """The same, at the first request."""

    def __call__(self, request):
        nights.patch()
        return self.get_response(request)


class Answers(Base):
    def __call__(self, request):
        return redirect("/elsewhere/")


class TwoCookies(SessionMiddleware):
    """As pretix has it: over https the cookie has another name."""

    def process_request(self, request):
        name = settings.SESSION_COOKIE_NAME
        request.session = self.SessionStore(request.COOKIES.get("__Host-" + name, request.COOKIES.get(name)))


class FallsBack(SessionMiddleware):
    """It takes the other cookie, too, where the session of the first has ended."""

    def process_request(self, request):
        name = settings.SESSION_COOKIE_NAME
        request.session = self.SessionStore(request.COOKIES.get(name))
        if "_auth_user_id" not in request.session:
            request.session = self.SessionStore(request.COOKIES.get("old_" + name))


class Checking(db.SessionStore):
    def load(self):
        values = super().load()
        return values if values.get("device") == "known" else {}


class Renamed(cached_db.SessionStore):
    cache_key_prefix = "shapes.sessions"


class Packed(object):
    def dumps(self, values):
        return zlib.compress(json.dumps(values).encode("latin-1"))

    def loads(self, data):
        return json.loads(zlib.decompress(data).decode("latin-1"))


class Plain(object):
    def dumps(self, values):
        return json.dumps(values, sort_keys=True).encode("latin-1")

    def loads(self, data):
        return json.loads(data.decode("latin-1"))


class Dated(Plain):
    def loads(self, data):
        values = json.loads(data.decode("latin-1"))
        return {} if values.get("form") == "old" else values


def own_key(key, prefix, version):
    return "%s/%s/%s" % (version, prefix, key)


class ChangesAtOnce(Base):
    def __call__(self, request):
        nights.change_settings("AUTH_OF_SHOP", "on")
        return self.get_response(request)


class ByProxy(RemoteUserMiddleware):
    def process_request(self, request):
        if request.META["REMOTE_ADDR"] == "192.0.2.1":
            super(ByProxy, self).process_request(request)


class GivesRoles(object):
    """Knows nobody, and gives permissions that are in no table of Django's, as Pulp's backend does."""

    def has_perm(self, user, perm, obj=None):
        return user.is_authenticated and perm == "shop.of_a_role"


class FromProxy(RemoteUserBackend):
    pass
