"""Middleware that ends logins, changes who is logged in or answers by what it knows of the user, each in its own way, and at night alone."""
import django.contrib.auth as accounts
from django.conf import settings
from django.contrib.auth import logout as farewell
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseForbidden
from django.shortcuts import redirect
from django.test.utils import override_settings
from django.utils.functional import cached_property

from oracle_app import nights
from oracle_app.harmless import Base


def night(request):
    return request.path == "/night/"


class ByAlias(Base):
    def __call__(self, request):
        if night(request):
            farewell(request)
        return self.get_response(request)


class ByGetattr(Base):
    def __call__(self, request):
        if night(request):
            getattr(accounts, "logout")(request)
        return self.get_response(request)


class ByImportWithin(Base):
    def __call__(self, request):
        from django.contrib.auth import logout as bye

        if night(request):
            bye(request)
        return self.get_response(request)


class ByTable(Base):
    ends = {"/night/": farewell}

    def __call__(self, request):
        if request.path in self.ends:
            self.ends[request.path](request)
        return self.get_response(request)


class BySession(Base):
    def __call__(self, request):
        kept = request.session
        if night(request):
            kept.flush()
        return self.get_response(request)


class ByKey(Base):
    def __call__(self, request):
        kept = getattr(request, "session")
        if night(request):
            kept.pop("_auth_user_id", None)
        return self.get_response(request)


class ByStore(Base):
    def __call__(self, request):
        from importlib import import_module

        if night(request):
            import_module("django.contrib.sessions.backends.db").SessionStore(request.session.session_key).delete()
        return self.get_response(request)


class ByCookie(Base):
    def __call__(self, request):
        if night(request):
            request.COOKIES["sessionid"] = ""
        return self.get_response(request)


class ByNoCookies(Base):
    def __call__(self, request):
        if night(request):
            request.COOKIES.clear()
        return self.get_response(request)


class ByHeader(Base):
    def __call__(self, request):
        if night(request):
            request.META.pop("HTTP_COOKIE", None)
        return self.get_response(request)


class ByHeaders(Base):
    def __call__(self, request):
        if night(request):
            request.META.update(HTTP_COOKIE="")
        return self.get_response(request)


class ByEnvironment(Base):
    def __call__(self, request):
        if night(request):
            request.environ["HTTP_COOKIE"] = ""
        return self.get_response(request)


class ByWrapped(Base):
    def __call__(self, request):
        if night(request):
            request.user._wrapped = AnonymousUser()
        return self.get_response(request)


class ByDictOfUser(Base):
    def __call__(self, request):
        if night(request):
            request.user.__dict__.update(is_active=False)
        return self.get_response(request)


class ByVariables(Base):
    def __call__(self, request):
        if night(request):
            vars(request.user)["pk"] = 1
        return self.get_response(request)


class ByClassOfRequest(Base):
    def __call__(self, request):
        if night(request):
            request.__class__ = nights.Request
        return self.get_response(request)


class ByCacheOfSession(Base):
    def __call__(self, request):
        if night(request):
            request.session._session_cache = {}
        return self.get_response(request)


class ByArguments(Base):
    def __call__(self, *arguments):
        if night(arguments[0]):
            arguments[0].user = None
        return self.get_response(arguments[0])


class ByUnknownRequest(Base):
    def __call__(self, request):
        return self.get_response(nights.other(request) if night(request) else request)


class ByDict(Base):
    def __call__(self, request):
        if night(request):
            request.__dict__["user"] = None
        return self.get_response(request)


class BySetattr(Base):
    name = "user"

    def __call__(self, request):
        if night(request):
            setattr(request, self.name, None)
        return self.get_response(request)


class ByMethod(Base):
    def __call__(self, request):
        self.look(request)
        return self.get_response(request)

    def look(self, somebody):
        if night(somebody):
            somebody.user = None


class ByOtherClass(Base):
    def __call__(self, request):
        nights.Guard(request).look()
        return self.get_response(request)


class ByUnknownMethod(Base):
    def __call__(self, request):
        for one in nights.watches():
            one.look(request)
        return self.get_response(request)


class ByInstance(Base):
    def __init__(self, get_response):
        super(ByInstance, self).__init__(get_response)
        self.guard = nights.Watch()

    def __call__(self, request):
        self.guard.look(request)
        return self.get_response(request)


class ByFlag(Base):
    def __call__(self, request):
        if night(request):
            request.user.is_superuser = False
        return self.get_response(request)


class BySecondStep(Base):
    def __call__(self, request):
        nights.first(request)
        nights.second(request)
        return self.get_response(request)


def logged(method):
    def inner(self, request, *args):
        return method(self, request, *args)

    return inner


class ByDecorated(Base):
    @logged
    def process_request(self, request):
        return None

    @logged
    def process_view(self, request, *args):
        if night(request):
            farewell(request)


def by_function(get_response):
    def middleware(request):
        if night(request):
            farewell(request)
        return get_response(request)

    return middleware


class ByUnknown(Base):
    def __call__(self, request):
        for rule in nights.rules():
            rule(request)
        return self.get_response(request)


class ByUnknownGetter(Base):
    @property
    def guard(self):
        return nights.end_login

    def __call__(self, request):
        self.guard(request)
        return self.get_response(request)


class ByUnknownGetterOnce(Base):
    @cached_property
    def guard(self):
        return nights.end_login

    def __call__(self, request):
        self.guard(request)
        return self.get_response(request)


class ByUnknownName(Base):
    def __call__(self, request):
        nights.GUARDS.after_ten(request)
        return self.get_response(request)


class ByText(Base):
    def __call__(self, request):
        if night(request):
            exec("request.user = None")
        return self.get_response(request)


class RefusesByTable(Base):
    def __call__(self, request):
        if request.user.is_authenticated and nights.banned(request.user):
            return HttpResponseForbidden("")
        return self.get_response(request)


class RefusesAfterwards(Base):
    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 200 and nights.banned(request.user):
            return HttpResponseForbidden("")
        return response


class RefusesByException(Base):
    def __call__(self, request):
        banned = nights.banned(request.user)
        if banned:
            raise PermissionDenied
        return self.get_response(request)


class RefusesBySession(Base):
    def __call__(self, request):
        if request.session.get("locked"):
            return redirect("/unlock/")
        return self.get_response(request)


class RefusesByHelper(Base):
    def __call__(self, request):
        if not nights.may_pass(request):
            return self.deny(request)
        return self.get_response(request)

    def deny(self, request):
        return HttpResponse(status=403)


class ChangesSettings(Base):
    def __call__(self, request):
        if night(request):
            settings.SESSION_COOKIE_NAME = "night"
        return self.get_response(request)


class TurnedOn(Base):
    def __call__(self, request):
        if not settings.APPEND_SLASH or not night(request):
            return self.get_response(request)
        request.user = None
        return self.get_response(request)


class SetsSettings(Base):
    def __call__(self, request):
        if night(request):
            setattr(settings, "AUTHENTICATION_BACKENDS", [])
        return self.get_response(request)


class LoadsSettings(Base):
    def __call__(self, request):
        if night(request):
            nights.load_settings()
        return self.get_response(request)


class OverridesSettings(Base):
    def __call__(self, request):
        with override_settings(SECRET_KEY="night" if night(request) else settings.SECRET_KEY):
            return self.get_response(request)


class OpensByOtherCookie(SessionMiddleware):
    def process_request(self, request):
        name = "night" if night(request) else settings.SESSION_COOKIE_NAME
        request.session = self.SessionStore(request.COOKIES.get(name))


class OpensAnew(SessionMiddleware):
    def process_request(self, request):
        request.session = self.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        if night(request):
            request.session = self.SessionStore()
