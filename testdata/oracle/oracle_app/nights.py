"""What a middleware calls from another module."""
from django.contrib.auth import logout


def end_login(request):
    if request.path == "/night/":
        logout(request)
