"""Middleware in the words of a newer Python."""
from django.contrib.auth import logout

from oracle_app.harmless import Base


class ByWalrus(Base):
    def __call__(self, request):
        if (other := request).path == "/night/":
            other.user = None
        return self.get_response(request)


class ByMatch(Base):
    def __call__(self, request):
        match request.path:
            case "/night/" if logout(request) is None:
                pass
        return self.get_response(request)
