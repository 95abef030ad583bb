"""That of an asynchronous server, within a function."""
from django.contrib.auth.models import AbstractBaseUser


def start():
    AbstractBaseUser.get_session_auth_hash = lambda self: ""


start()
application = None
