# As https://docs.django-cms.org "Installing django CMS by hand" has it, on MariaDB.
import json
import os

SECRET_KEY = "a cms's secret key"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = False
TIME_ZONE = "Europe/Zurich"
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
SITE_ID = 1
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOGIN_URL = "admin:login"
CMS_CONFIRM_VERSION4 = True
CMS_PERMISSION = True
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages", "django.contrib.admin",
    "django.contrib.staticfiles", "django.contrib.sites", "cms", "menus", "treebeard", "sekizai",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware", "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "cms.middleware.user.CurrentUserMiddleware", "cms.middleware.page.CurrentPageMiddleware", "cms.middleware.toolbar.ToolbarMiddleware",
    "cms.middleware.language.LanguageCookieMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages", "sekizai.context_processors.sekizai", "cms.context_processors.cms_settings",
    ]},
}]
CMS_TEMPLATES = [("page.html", "Page")]
