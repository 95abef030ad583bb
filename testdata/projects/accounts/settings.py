# Packages that change how people log in, together: django-allauth, django-two-factor-auth, django-hijack, django-axes, django-guardian, REST
# framework with tokens (Simple JWT), and the session model of django-user-sessions; with a user model of django-authtools, whose users have no names.
import json
import os

SECRET_KEY = "the secret key of accounts"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
SITE_ID = 1
AUTH_USER_MODEL = "authtools.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesBackend", "django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
SESSION_ENGINE = "user_sessions.backends.db"
SESSION_COOKIE_AGE = 3600
LOGIN_URL = "two_factor:login"
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [
    "rest_framework.authentication.SessionAuthentication", "rest_framework_simplejwt.authentication.JWTAuthentication",
]}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "django.contrib.sites", "django.contrib.admin", "authtools", "user_sessions", "allauth", "allauth.account", "axes", "guardian",
    "django_otp", "django_otp.plugins.otp_static", "django_otp.plugins.otp_totp", "two_factor", "hijack", "hijack.contrib.admin",
    "rest_framework", "rest_framework_simplejwt",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware", "user_sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", "django_otp.middleware.OTPMiddleware",
    "hijack.middleware.HijackUserMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware", "axes.middleware.AxesMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
