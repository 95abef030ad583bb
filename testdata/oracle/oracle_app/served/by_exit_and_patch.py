from django.core.wsgi import get_wsgi_application

from oracle_app.served.exits import patches

patches()
application = get_wsgi_application()
