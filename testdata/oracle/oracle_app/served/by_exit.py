from django.core.wsgi import get_wsgi_application

from oracle_app.served.exits import starts

starts()
application = get_wsgi_application()
