"""Middleware that leaves the verdict as it is."""
import threading

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.sessions.middleware import SessionMiddleware
from django.dispatch import Signal
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from oracle_app import deep, nights

current = threading.local()
EXEMPT = "_session_exempt"


class Base(object):
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class LoginRequired(Base):
    def __call__(self, request):
        if not request.user.is_authenticated and request.path.startswith("/private/"):
            return redirect("/login/")
        return self.get_response(request)


class LoginRequiredByVariable(Base):
    open = ("/about/",)

    def __call__(self, request):
        known = hasattr(request, "user") and request.user.is_authenticated
        if known or request.path not in self.open:
            return self.get_response(request)
        return redirect("/login/")


class CurrentUser(Base):
    def __call__(self, request):
        current.user = request.user
        try:
            return self.get_response(request)
        finally:
            del current.user


class LastSeen(Base):
    def __call__(self, request):
        response = self.get_response(request)
        if request.user.is_authenticated and request.path == "/seen/":
            request.session["seen"] = timezone.now().isoformat()
            request.session.set_expiry(300)
        return response


class Basket(Base):
    def __call__(self, request):
        request.basket = SimpleLazyObject(lambda: request.session.get("basket"))
        return self.get_response(request)


class Health(Base):
    def __call__(self, request):
        if request.path == "/health/":
            return HttpResponse("ok")
        return self.get_response(request)


class AnonymousIsCleared(Base):
    def __call__(self, request):
        if request.user.is_anonymous:
            request.session.flush()
        return self.get_response(request)


class Language(Base):
    def process_view(self, request, view_func, args, kwargs):
        request.language = getattr(request.user, "language", "en")
        return None


class RedirectsInPages(Base):
    """It goes by what the application has answered."""

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code == 302 and "HTTP_HX_REQUEST" in request.META:
            return HttpResponse(status=204)
        return response


class TurnedOff(Base):
    def __call__(self, request):
        if not settings.USE_X_FORWARDED_PORT:
            return self.get_response(request)
        request.user = None
        return self.get_response(request)


class OpensAsDjango(SessionMiddleware):
    def process_request(self, request):
        session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = self.SessionStore(session_key)
        settings.PAGE = "day"

    def process_view(self, request, callback, args, kwargs):
        if hasattr(callback, EXEMPT):
            setattr(request, EXEMPT, True)


class AsksEverything(Base):
    def __call__(self, request):
        nights.EVERYTHING(request)
        return self.get_response(request)


class OtherName(object):
    def __init__(self, following):
        self.following = following

    def __call__(self, request):
        return self.following(request)


def by_other_name(following):
    def middleware(request):
        return following(request)

    return middleware


class HandsAllOn(Base):
    def __call__(self, *args, **kwargs):
        return self.get_response(*args, **kwargs)


class NamesTheRequest(Base):
    def __call__(self, request):
        return self.get_response(request=request)


class RenamesTheRequest(Base):
    def __call__(self, request):
        current = request
        current.page = "day"
        response = self.get_response(current)
        return response


def hands_all_on(get_response):
    def middleware(*args, **kwargs):
        return get_response(*args, **kwargs)

    return middleware


class Mixed(Base):
    def __call__(self, request, *args, **kwargs):
        request = self.noted(request)
        return self.get_response(request)

    def noted(self, request):
        request.page = "day"
        return request


class ServesFiles(Base):
    """As WhiteNoise does: what has a get_response() need not be a middleware."""

    files = {}

    def __call__(self, request):
        static_file = self.files.get(request.path_info)
        if static_file is not None:
            return static_file.get_response(request.method, request.META)
        return self.get_response(request)


class CountsViews(Base):
    """As django-prometheus does: the view is known by then."""

    def process_view(self, request, callback, args, kwargs):
        self.counted = request.resolver_match.view_name or "unnamed"


passing = Signal()
pages = {}


@passing.connect
def listens(sender, request, **kwargs):
    request.page = "day"


def noted(function):
    def inner(request, *args, **kwargs):
        request.page = "day"
        return function(request, *args, **kwargs)

    return inner


def page_of(request):
    request.page = "day"


def current_request():
    return getattr(current, "request", None)


def current_page():
    return current_request().page if current_request() else None


class Decorates(Base):
    def process_view(self, request, view_func, args, kwargs):
        return noted(view_func)(request, *args, **kwargs)


class DecoratesAsDjango(Base):
    def process_view(self, request, view_func, args, kwargs):
        if request.path.startswith("/private/"):
            return login_required(view_func)(request, *args, **kwargs)


class KeepsTheRequest(Base):
    def __call__(self, request):
        current.request = request
        pages[threading.current_thread()] = request
        current_request().page = "day"
        current_page()
        try:
            return self.get_response(request)
        finally:
            del current.request
            del pages[threading.current_thread()]


class Tells(Base):
    def __call__(self, request):
        passing.send(sender=type(self), request=request)
        for does in (page_of,):
            does(request)
        return self.get_response(request)


class AsksWhatIsNotThere(Base):
    def __call__(self, request):
        request.page = str(type(nights.ABSENT)) if request.path == "/seen/" else nights.ROWS
        dict(page=nights.ROWS)
        unseen = nights.ABSENT
        setattr(nights.ROWS, "page", unseen)
        return self.get_response(request)


class CallsDeeply(Base):
    """With the request where each function finds it."""

    def __call__(self, request):
        current.request = request
        deep.step_0(request)
        return self.get_response(request)


class WritesItsOwnKeys(Base):
    """What goes by names of its own, or by a status that no user decides."""

    def __call__(self, request):
        for key in list(request.session.keys()):
            if key.startswith("page_"):
                del request.session[key]
        response = self.get_response(request)
        if request.path == "/gone/":
            response.status_code = 410
        return response
