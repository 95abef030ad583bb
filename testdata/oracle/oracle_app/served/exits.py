"""What may not be run where no server is: it ends the process. It has a function that changes Django."""
import sys

from django.contrib import auth


def starts():
    return None


def patches():
    auth.get_user = None


sys.exit(3)
