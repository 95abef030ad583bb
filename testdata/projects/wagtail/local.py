# What `wagtail start` leaves to the deployment: shop/settings/dev.py imports it.
import json
import os

DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
