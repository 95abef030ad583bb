# What openwisp-users asks for, on PostgreSQL: users have UUIDs.
import json
import os

SECRET_KEY = "an openwisp's secret key"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
SITE_ID = 1
AUTH_USER_MODEL = "openwisp_users.User"
AUTHENTICATION_BACKENDS = ["openwisp_users.backends.UsersAuthenticationBackend"]
SESSION_ENGINE = "django.contrib.sessions.backends.file"
SESSION_FILE_PATH = os.path.join(os.environ["HOME"], "sessions")
os.makedirs(SESSION_FILE_PATH, exist_ok=True)
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "django.contrib.sites", "django.contrib.gis", "openwisp_users.accounts", "allauth", "allauth.account", "allauth.socialaccount", "django_extensions",
    "django_filters", "openwisp_users", "openwisp_utils.admin_theme", "django.contrib.admin", "django.forms", "reversion", "rest_framework",
    "rest_framework.authtoken", "phonenumber_field", "organizations",
]
INSTALLED_APPS.remove("django.contrib.gis")  # it wants GDAL
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware", "openwisp_users.middleware.PasswordExpirationMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
