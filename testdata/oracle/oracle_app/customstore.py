"""SESSION_ENGINE of a project whose store class is called CustomStore."""
from django.contrib.sessions.backends.db import SessionStore as DBStore


class CustomStore(DBStore):
    @classmethod
    def get_model_class(cls):
        from oracle_app.models import CustomSession

        return CustomSession


SessionStore = CustomStore
