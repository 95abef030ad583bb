"""It imports a module that no shell imports."""
from django.core.wsgi import get_wsgi_application

from . import patching  # noqa: F401

application = get_wsgi_application()
