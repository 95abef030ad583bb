# What `mezzanine-project` writes, less its templates: with sessions in signed cookies, which need no table.
import json
import os

SECRET_KEY = "a mezzanine's secret key"
NEVERCACHE_KEY = "another key"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": json.loads(os.environ["PROJECT_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
USE_TZ = True
USE_I18N = True
TIME_ZONE = "UTC"
USE_MODELTRANSLATION = False
LANGUAGE_CODE = "en"
SITE_ID = 1
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
PACKAGE_NAME_FILEBROWSER = "filebrowser_safe"
PACKAGE_NAME_GRAPPELLI = "grappelli_safe"
OPTIONAL_APPS = ("filebrowser_safe", "grappelli_safe")
AUTHENTICATION_BACKENDS = ("mezzanine.core.auth_backends.MezzanineBackend",)
INSTALLED_APPS = (
    "mezzanine.boot", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.redirects", "django.contrib.sessions",
    "django.contrib.sites", "django.contrib.sitemaps", "django.contrib.messages", "django.contrib.staticfiles", "mezzanine.conf", "mezzanine.core",
    "mezzanine.generic", "mezzanine.pages", "mezzanine.blog", "mezzanine.forms", "mezzanine.galleries", "mezzanine.accounts", "django.contrib.admin",
    "django_comments", "filebrowser_safe", "grappelli_safe",
)
MIDDLEWARE = (
    "mezzanine.core.middleware.UpdateCacheMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
    "mezzanine.core.request.CurrentRequestMiddleware", "mezzanine.core.middleware.RedirectFallbackMiddleware",
    "mezzanine.core.middleware.AdminLoginInterfaceSelectorMiddleware", "mezzanine.core.middleware.SitePermissionMiddleware",
    "mezzanine.pages.middleware.PageMiddleware", "mezzanine.core.middleware.FetchFromCacheMiddleware",
)
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages",
        "django.template.context_processors.request", "mezzanine.conf.context_processors.settings",
        "mezzanine.pages.context_processors.page",
    ], "builtins": ["mezzanine.template.loader_tags"]},
}]
try:
    from mezzanine.utils.conf import set_dynamic_settings
except ImportError:
    pass
else:
    set_dynamic_settings(globals())
