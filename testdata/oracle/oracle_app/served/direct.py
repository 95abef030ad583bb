"""The module of a server that replaces a function of Django."""
from django.contrib import auth
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
auth.get_user = lambda request: None
