"""An authentication backend that is nobody's but the project's own, as single sign-on packages have them."""
from django.contrib.auth.backends import ModelBackend

from oracle_app import behaviour as elsewhere


class TokenBackend(ModelBackend):
    def authenticate(self, request, token=None, **credentials):
        return None


class Refusing(object):
    """Denies by a function of another module."""

    def authenticate(self, request, **credentials):
        return None

    def get_user(self, user_id):
        return None

    def has_perm(self, user, perm, obj=None):
        return elsewhere.deny() if user.get_username() == "denied" else False
