"""Replaces a method of Django when it is imported."""
import django.contrib.auth.backends as them

setattr(them.ModelBackend, "get_user", lambda self, user_id: None)
