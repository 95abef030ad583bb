"""A project as django-admin startproject makes it, with the view of docs/proof.md."""
import json
import os

SECRET_KEY = os.environ["SITE_SECRET_KEY"]
SECRET_KEY_FALLBACKS = [os.environ["SITE_SECRET_KEY_FALLBACK"]]  # Django 4.1 and newer
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SITE_DATABASE"], "OPTIONS": {"timeout": 20}}}
if os.environ.get("SITE_SERVER"):
    DATABASES["default"] = json.loads(os.environ["SITE_SERVER"])
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the default one takes half a second
SESSION_SAVE_EVERY_REQUEST = True  # what a look must not do all the same
USE_TZ = True
if "SITE_SESSION_ENGINE" in os.environ:
    SESSION_ENGINE = "django.contrib.sessions.backends." + os.environ["SITE_SESSION_ENGINE"]
if "SITE_CACHE" in os.environ:
    CACHES = {"default": json.loads(os.environ["SITE_CACHE"])}
globals().update(json.loads(os.environ.get("SITE_SETTINGS", "{}")))
