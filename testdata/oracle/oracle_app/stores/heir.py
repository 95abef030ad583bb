"""SESSION_ENGINE whose model has its columns in two tables."""
from django.contrib.sessions.backends.db import SessionStore as DBStore


class SessionStore(DBStore):
    @classmethod
    def get_model_class(cls):
        from oracle_app.models import HeirSession

        return HeirSession
