# What `spirit startproject` leaves to the deployment. Its caches are tables, and sessions are in one of them too.
import json
import os

from shop.settings.base import *

SECRET_KEY = "a spirit's secret key"
ST_SITE_URL = "http://localhost/"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
