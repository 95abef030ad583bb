"""The smallest Django that answers who is logged in, for gunicorn; `python sidebyside_site.py migrate` makes its tables."""
import os

from django.conf import settings

settings.configure(
    SECRET_KEY=os.environ["BENCH_SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware"],
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["BENCH_DATABASE"], "USER": os.environ["BENCH_ROLE"],
        "HOST": "127.0.0.1", "PORT": os.environ["BENCH_PORT"],
        "CONN_MAX_AGE": None if os.environ.get("BENCH_KEEP_CONNECTIONS") else 0,
    }},
)

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()

from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def authenticate(request):
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({"result": False, "message": "Session has ended."}, status=401)
    return JsonResponse({"result": True, "message": "Your login session is alive.", "user": {
        "id": str(user.pk), "username": user.username, "email": user.email,
        "is_staff": user.is_staff, "is_superuser": user.is_superuser,
    }})


urlpatterns = [path("authenticate", authenticate)]

if __name__ == "__main__":
    import sys

    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
