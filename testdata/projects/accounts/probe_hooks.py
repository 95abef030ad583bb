# Nobody's session names these two: they have no user.
BACKENDS = ["django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend", "axes.backends.AxesBackend",
            "guardian.backends.ObjectPermissionBackend"]


def more(log_in, new_user, request):
    """A superuser who is another one for a while, and a user with a second factor that the session has not shown."""
    from django.conf import settings
    from django.contrib.auth import login
    from django.http import HttpResponse
    from django_otp.plugins.otp_totp.models import TOTPDevice

    model = "django.contrib.auth.backends.ModelBackend"
    other = new_user()

    def hijack(made):  # as hijack/views.py does
        hijacker = made.user.pk
        login(made, other, backend=model)
        made.session["hijack_history"] = [str(hijacker)]
        return HttpResponse()

    _, response = request(hijack, log_in(new_user(is_staff=True, is_superuser=True), model))
    hijacked = response.cookies[settings.SESSION_COOKIE_NAME].value
    user = new_user()
    TOTPDevice.objects.create(user=user, confirmed=True)
    return [(model, "hijacked", hijacked), (model, "second factor not shown", log_in(user, model))]


def token(new_user):
    from rest_framework_simplejwt.authentication import JWTAuthentication
    from rest_framework_simplejwt.tokens import AccessToken

    made = str(AccessToken.for_user(new_user()))
    authentication = JWTAuthentication()
    assert authentication.get_user(authentication.get_validated_token(made)).is_authenticated
    return made
