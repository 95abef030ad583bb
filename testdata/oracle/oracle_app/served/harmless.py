"""It sets what is not on the way."""
import os

from django.contrib import admin
from django.core.wsgi import get_wsgi_application

from oracle_app import nights

os.environ.setdefault("PAGE", "day")
application = get_wsgi_application()
admin.site.site_header = "Shop"
nights.SWITCH.on = True
nights.rules()
