"""Middleware that changes the verdict by code that it does not hand the request to in so many words, and at night alone."""
import contextlib
import functools
import threading
import weakref

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import user_passes_test
from django.contrib.auth.models import Group
from django.db import transaction
from django.dispatch import Signal
from django.shortcuts import get_object_or_404

from oracle_app import nights
from oracle_app.harmless import Base

LOCAL = threading.local()
TABLE = {}
GUARDS = [nights.end_login]
PAIRS = {"night": nights.end_login}
passing = Signal()


def listens(sender, **kwargs):
    nights.end_login(kwargs["request"])


passing.connect(listens)


def guarded(view_func):
    def inner(request, *args, **kwargs):
        nights.end_login(request)
        return view_func(request, *args, **kwargs)

    return inner


def end_kept():
    nights.end_login(LOCAL.request)


def end_other():
    nights.end_login(LOCAL.current)


def kept_request():
    return getattr(LOCAL, "request", None)


def end_in_table():
    nights.end_login(TABLE[threading.current_thread()])


WHOLE = None


def end_global():
    nights.end_login(WHOLE)


class ByDecorator(Base):
    def process_view(self, request, view_func, args, kwargs):
        return guarded(view_func)(request, *args, **kwargs)


class ByDecoratorAndName(Base):
    def process_view(self, request, view_func, args, kwargs):
        view = guarded(view_func)
        return view(request, *args, **kwargs)


class RefusesByDecorator(Base):
    def process_view(self, request, view_func, args, kwargs):
        return user_passes_test(lambda user: not nights.banned(user))(view_func)(request, *args, **kwargs)


class ByThread(Base):
    def __call__(self, request):
        LOCAL.request = request
        end_kept()
        return self.get_response(request)


class ByThreadAndOtherName(Base):
    def __call__(self, request):
        LOCAL.current = request
        end_other()
        return self.get_response(request)


class ByFunctionOfThread(Base):
    def __call__(self, request):
        LOCAL.request = request
        if kept_request().path == "/night/":
            kept_request().user = None
        return self.get_response(request)


class ByTableOfThreads(Base):
    def __call__(self, request):
        TABLE[threading.current_thread()] = request
        end_in_table()
        return self.get_response(request)


class ByGlobal(Base):
    def __call__(self, request):
        global WHOLE
        WHOLE = request
        end_global()
        return self.get_response(request)


class BySignal(Base):
    def __call__(self, request):
        passing.send(sender=type(self), request=request)
        return self.get_response(request)


class ByList(Base):
    def __call__(self, request):
        for guard in GUARDS:
            guard(request)
        return self.get_response(request)


class ByPairs(Base):
    def __call__(self, request):
        for name, guard in PAIRS.items():
            guard(request)
        return self.get_response(request)


class ByMap(Base):
    def __call__(self, request):
        list(map(nights.end_login, [request]))
        return self.get_response(request)


class ByKeywords(Base):
    def __call__(self, request):
        given = dict(request=request)
        nights.end_login(**given)
        return self.get_response(request)


class ByElement(Base):
    def __call__(self, request):
        if request.path == "/night/":
            [request][0].user = None
        return self.get_response(request)


class ByStack(Base):
    def __call__(self, request):
        LOCAL.stack = []
        LOCAL.stack.append(request)
        nights.end_login(LOCAL.stack[-1])
        return self.get_response(request)


class ByClass(Base):
    def __call__(self, request):
        if request.path == "/night/":
            type(request).user = property(lambda self: None)
        return self.get_response(request)


class BySetClass(Base):
    def __call__(self, request):
        if request.path == "/night/":
            setattr(request.__class__, "user", property(lambda self: None))
        return self.get_response(request)


@contextlib.contextmanager
def watched(request):
    nights.end_login(request)
    yield


class ByContextManager(Base):
    def __call__(self, request):
        with watched(request):
            return self.get_response(request)


@transaction.atomic
def end_at_once(request):
    nights.end_login(request)


class ByTransaction(Base):
    def __call__(self, request):
        end_at_once(request)
        return self.get_response(request)


class ByComputedName(Base):
    def __call__(self, request):
        getattr(nights.ACTIONS, "do_" + ("end" if request.path == "/night/" else "nothing"))(request)
        return self.get_response(request)


class ByUnknownMaker(Base):
    def __call__(self, request):
        nights.watches().pop().look(request)
        return self.get_response(request)


class ByThreadOfItsOwn(Base):
    def __call__(self, request):
        thread = threading.Thread(target=nights.end_login, args=(request,))
        thread.start()
        thread.join()
        return self.get_response(request)


class ByReduce(Base):
    def __call__(self, request):
        functools.reduce(lambda one, does: does(one) or one, [nights.end_login], request)
        return self.get_response(request)


class ByChoice(Base):
    def __call__(self, request):
        chosen = request if request.path == "/night/" else None
        if chosen is not None:
            chosen.user = None
        return self.get_response(request)


class ByWeakReference(Base):
    def __call__(self, request):
        seen = weakref.ref(request)
        if request.path == "/night/":
            seen().user = None
        return self.get_response(request)


class ByCookiesOfItsOwn(Base):
    def __call__(self, request):
        cookies = request.COOKIES
        if request.path == "/night/":
            cookies.pop("sessionid", None)
        return self.get_response(request)


class ByHeadersOfItsOwn(Base):
    def __call__(self, request):
        headers = request.META
        if request.path == "/night/":
            headers["HTTP_COOKIE"] = ""
        return self.get_response(request)


class ByEachKey(Base):
    def __call__(self, request):
        if request.path == "/night/":
            for key in list(request.session.keys()):
                del request.session[key]
        return self.get_response(request)


class ByQuery(Base):
    def __call__(self, request):
        if request.path == "/night/":
            get_user_model().objects.filter(pk=request.user.pk).update(is_active=False)
        return self.get_response(request)


class ByUnknownRequestOfABase(Base):
    def __call__(self, request):
        return super(ByUnknownRequestOfABase, self).__call__(nights.other(request) if request.path == "/night/" else request)


class RefusesByStatus(Base):
    def __call__(self, request):
        response = self.get_response(request)
        if nights.banned(request.user):
            response.status_code = 403
        return response


class RefusesByMissing(Base):
    def __call__(self, request):
        if request.path == "/night/":
            get_object_or_404(Group, user=request.user)
        return self.get_response(request)
