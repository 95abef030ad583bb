"""Middleware in the words of a newer Python."""
from oracle_app.harmless import Base


class ByWalrus(Base):
    def __call__(self, request):
        if (other := request).path == "/night/":
            other.user = None
        return self.get_response(request)
