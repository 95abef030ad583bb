"""It calls a function of a module that is there in each process."""
from django.core.wsgi import get_wsgi_application

from oracle_app import nights

nights.patch()
application = get_wsgi_application()
