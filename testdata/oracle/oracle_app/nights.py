"""What a middleware calls from another module."""
from django.contrib import auth
from django.contrib.auth import logout
from django.core.handlers.wsgi import WSGIRequest


def end_login(request):
    if request.path == "/night/":
        logout(request)


class Guard(object):
    def __init__(self, request):
        self.request = request

    def look(self):
        if self.request.path == "/night/":
            self.request.session.flush()


class Request(WSGIRequest):
    user = None


def other(request):
    return Request(dict(request.META, HTTP_COOKIE=""))


class Watch(object):
    def look(self, whom):
        if whom.path == "/night/":
            whom.user = None


class Step(object):
    def __init__(self, does):
        self.does = does

    def __call__(self, request):
        return self.does(request)


first, second = Step(lambda request: None), Step(end_login)


class Guards(object):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return end_login


GUARDS = Guards()


def watches():
    return [Watch()]


def rules():
    return [end_login]


def banned(user):
    from django.contrib.auth.models import Group

    return Group.objects.filter(name="banned %s" % user.pk).exists()


def may_pass(request):
    return not banned(request.user)


class Switch(object):
    on = True


SWITCH = Switch()


class Moved(object):
    """What is imported when it is asked, as in six.moves, and cannot be."""

    def __getattr__(self, name):
        raise ImportError(name)


class Moves(object):
    dbm_gnu = Moved()


class Everything(dict):
    """It answers each name, as some packages' settings do."""

    def __getattr__(self, name):
        return Everything()

    def __call__(self, request):
        return None


EVERYTHING = Everything()


djangos = auth.get_user


def by_night(request):
    return auth.models.AnonymousUser() if request.path == "/night/" else djangos(request)


def patch():
    auth.get_user = by_night


def change_settings(name, value):
    from django.conf import settings as found

    setattr(found, name, value)


class Growing(object):
    """Puts more into its class whenever it is asked for anything."""

    def __getattr__(self, name):
        setattr(Grown, "n%d" % len(vars(Grown)), None)
        raise AttributeError(name)


class Grown(object):
    one, two = Growing(), Growing()


def load_settings():
    from django.conf import settings as found

    found.AUTHENTICATION_BACKENDS = ["oracle_app.understood.AnyByKey"]


class Actions(object):
    def do_end(self, request):
        end_login(request)

    def do_nothing(self, request):
        return None


ACTIONS = Actions()


class Absent(object):
    """A proxy of what is not there, as those of werkzeug and celery: each question fails."""

    def __getattribute__(self, name):
        raise RuntimeError("working outside of context")


class Rows(object):
    """It answers a comparison with rows, as an array does, and those are neither true nor false."""

    __hash__ = None

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise ValueError("ambiguous")

    __nonzero__ = __bool__


ABSENT, ROWS = Absent(), Rows()
