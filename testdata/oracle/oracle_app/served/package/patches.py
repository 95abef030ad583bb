"""Replaces a function of Django when it is imported."""
from django.contrib import auth

auth.load_backend = None
nothing = None
