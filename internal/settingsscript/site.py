"""What gateways and uploads need: LOGIN_URL, cross-site rules, MEDIA_ROOT and limits; and what SIDECAR_WRITE would leave out."""


def read_site(report):
    from django.contrib.auth import REDIRECT_FIELD_NAME

    report.step("LOGIN_URL", read_login_url)
    report.set("DJANGO_REDIRECT_FIELD_NAME", REDIRECT_FIELD_NAME, "next")
    report.set("DJANGO_USE_TZ", bool(settings.USE_TZ), True)
    report.set("DJANGO_TIME_ZONE", settings.TIME_ZONE or "UTC", "UTC")
    report.set("DJANGO_USE_X_FORWARDED_HOST", bool(setting("USE_X_FORWARDED_HOST", False)), False)
    header = list(setting("SECURE_PROXY_SSL_HEADER") or [])
    if header and not header[0].startswith("HTTP_"):  # such as AlekSIS has (aleksis/core/settings.py, 4.0)
        report.remarks.append(
            "SECURE_PROXY_SSL_HEADER is %s, which is no header but a variable of Django's server: no request counts as https by it, so that http pages of the same host may upload"
            % header[0]
        )
        header = []
    report.set("DJANGO_SECURE_PROXY_SSL_HEADER", header, [])
    report.set("DJANGO_CSRF_COOKIE_NAME", settings.CSRF_COOKIE_NAME, "csrftoken")
    report.set("DJANGO_CSRF_HEADER_NAME", settings.CSRF_HEADER_NAME, "HTTP_X_CSRFTOKEN")
    origins = [o for o in settings.CSRF_TRUSTED_ORIGINS if o.split("://")[-1] != "*"]  # which is no host to Django: is_same_domain() in utils/http.py, 1.11 to 6.1
    report.set("DJANGO_CSRF_TRUSTED_ORIGINS", origins, [])
    report.set("DJANGO_CSRF_COOKIE_AGE", "None" if settings.CSRF_COOKIE_AGE is None else int(settings.CSRF_COOKIE_AGE), 31449600)
    report.set("DJANGO_CSRF_USE_SESSIONS", bool(setting("CSRF_USE_SESSIONS", False)), False)
    read_cookie(report, "CSRF_COOKIE", False)
    read_cookie(report, "SESSION_COOKIE", True)
    report.set("DJANGO_SESSION_EXPIRE_AT_BROWSER_CLOSE", bool(setting("SESSION_EXPIRE_AT_BROWSER_CLOSE", False)), False)
    report.set("DJANGO_SESSION_SAVE_EVERY_REQUEST", bool(setting("SESSION_SAVE_EVERY_REQUEST", False)), False)
    from django.conf import global_settings

    report.set("DJANGO_PASSWORD_HASHERS", list(settings.PASSWORD_HASHERS), list(global_settings.PASSWORD_HASHERS))
    read_messages(report)
    if django.VERSION >= (3, 1):
        report.set("DJANGO_PASSWORD_RESET_TIMEOUT", max(1, int(settings.PASSWORD_RESET_TIMEOUT)), 259200)
    else:
        report.set("DJANGO_PASSWORD_RESET_TIMEOUT_DAYS", max(1, int(settings.PASSWORD_RESET_TIMEOUT_DAYS)), 3)
    if setting("ASGI_APPLICATION"):
        report.offer("DJANGO_ASGI", True, "if Django runs under ASGI: ASGI_APPLICATION is set, and a shell cannot tell")
    report.step("uploads", read_uploads)


def read_messages(report):
    """How messages are kept, and what the library does not know of them."""
    package = "django.contrib.messages.storage."
    storage = setting("MESSAGE_STORAGE") or package + "fallback.FallbackStorage"
    report.set("DJANGO_MESSAGE_STORAGE", storage, package + "fallback.FallbackStorage")
    report.set("DJANGO_MESSAGE_LEVEL", int(setting("MESSAGE_LEVEL", 20)), 20)
    signer = setting("SIGNING_BACKEND", "django.core.signing.TimestampSigner")
    if storage not in [package + name for name in ("fallback.FallbackStorage", "cookie.CookieStorage", "session.SessionStorage")]:
        report.remarks.append("MESSAGE_STORAGE is %s, and the library reads Django's own three alone: Site.Messages is refused" % storage)
    elif signer != "django.core.signing.TimestampSigner" and django.VERSION >= (3, 1) and not storage.endswith(".SessionStorage"):
        report.remarks.append("SIGNING_BACKEND is %s, which the library does not know: it and Django do not read one another's messages in cookies" % signer)
    if setting("MESSAGE_TAGS"):
        report.remarks.append("MESSAGE_TAGS is not known to the library: Message.Tags has Django's own tags, and Message.Level says which is meant")


def read_receivers(report):
    """What the project does at logins and logouts, and SIDECAR_WRITE does not. update_last_login is Django's, and is imitated."""
    from django.contrib.auth import signals

    for name, word in (("user_logged_in", "login"), ("user_login_failed", "login"), ("user_logged_out", "logout")):
        own = [r for r in receivers_of(getattr(signals, name)) if getattr(r, "__module__", "") != "django.contrib.auth.models"]
        found = ["%s (%s)" % (path_of(receiver), where(receiver)) for receiver in own]
        if found:
            report.remarks.append("SIDECAR_WRITE=%s calls no receiver of %s, and the project has %s" % (word, name, ", ".join(sorted(found))))


def read_authenticate(report):
    """What ModelBackend's authenticate() calls of the project, and SIDECAR_WRITE does not: contrib/auth/backends.py, 1.11 to 6.1."""
    model = user_model()
    keys, checks = ("get_by_natural_key", "aget_by_natural_key"), ("check_password", "acheck_password")
    for found, does in (
        (own_queries(model._default_manager, keys), "finds a user by the column of USERNAME_FIELD, and calls no get_by_natural_key() of the project's own"),
        (overridden(model, checks[0]) or overridden(model, checks[1]), "asks PASSWORD_HASHERS, and calls no check_password() of the project's own"),
    ):
        if found:
            report.remarks.append("SIDECAR_WRITE=login %s: %s" % (does, found))


def read_cookie(report, name, http_only):
    """The attributes of a cookie that is written beside Django."""
    report.set("DJANGO_%s_DOMAIN" % name, setting(name + "_DOMAIN") or "", "")
    report.set("DJANGO_%s_PATH" % name, setting(name + "_PATH") or "None", "/")
    report.set("DJANGO_%s_SECURE" % name, bool(setting(name + "_SECURE", False)), False)
    report.set("DJANGO_%s_HTTPONLY" % name, bool(setting(name + "_HTTPONLY", http_only)), http_only)
    if django.VERSION >= (2, 1):
        report.set("DJANGO_%s_SAMESITE" % name, setting(name + "_SAMESITE") or "False", "Lax")


def read_login_url(report):
    from django.shortcuts import resolve_url

    try:
        url = str(resolve_url(settings.LOGIN_URL))
    except Exception as e:
        report.remarks.append(
            "LOGIN_URL %s cannot be reversed (%s): gateways send browsers to /accounts/login/, unless DJANGO_LOGIN_URL says where"
            % (settings.LOGIN_URL, type(e).__name__)
        )
        return
    report.set("DJANGO_LOGIN_URL", url, "/accounts/login/")
    if settings.USE_I18N and outcome(is_translated)[1] and any(outcome(lambda: login_url_in(code))[1] != url for code, _ in settings.LANGUAGES):
        report.remarks.append("LOGIN_URL is another page in each language, and gateways send all browsers to %s: DJANGO_LOGIN_URL may name a page that redirects" % url)


def is_translated():
    """Whether LOGIN_URL may be another page in some language. To reverse it in each takes seconds where a project has many addresses."""
    from django.urls import get_resolver, reverse
    from django.utils.functional import Promise

    url = settings.LOGIN_URL
    if isinstance(url, Promise):
        function, arguments = url.__reduce__()[1][:2]
        url = arguments[0] if function is reverse else None  # reverse_lazy(NAME)
    if not isinstance(url, (str, type(u""))):
        return True
    return any(not fixed(p) for way in ways_to(url.split(":")[-1], get_resolver().url_patterns) for p in way)


def ways_to(name, patterns, above=()):
    """The patterns that lead to each address of a name, from the first one on."""
    for p in patterns:
        if hasattr(p, "url_patterns"):
            for way in ways_to(name, p.url_patterns, above + (p,)) if p not in above else ():
                yield way
        elif p.name == name:
            yield above + (p,)


def fixed(p):
    """Whether a pattern is the same in all languages: none of i18n_patterns(), and no translated text. Before Django 2.0 it has no "pattern"."""
    pattern = getattr(p, "pattern", p)
    return is_djangos(type(pattern)) and isinstance(getattr(pattern, "_route", getattr(pattern, "_regex", None)), (str, type(u"")))


def login_url_in(language):
    from django.shortcuts import resolve_url
    from django.utils import translation

    with translation.override(language):
        return str(resolve_url(settings.LOGIN_URL))


def octal(mode):
    return "None" if mode is None else "0o%o" % mode


def read_uploads(report):
    """Limits are only written. Uploads stay off until somebody turns them on: every user could send files."""
    for name, usual in (
        ("DATA_UPLOAD_MAX_NUMBER_FILES", 100),
        ("DATA_UPLOAD_MAX_NUMBER_FIELDS", 1000),
        ("DATA_UPLOAD_MAX_MEMORY_SIZE", 2621440),
    ):
        report.set("DJANGO_" + name, setting(name, usual), usual)
    if not settings.MEDIA_ROOT:
        return
    from django.core.files.storage import FileSystemStorage, default_storage

    kind, failed = outcome(lambda: default_storage.exists)  # sets the storage up
    if kind == "error":
        report.remarks.append("files of uploads have no storage, and uploads stay off: %s" % failed)
        return
    storage = getattr(default_storage, "_wrapped", default_storage)
    if not isinstance(storage, FileSystemStorage):
        report.remarks.append(
            "files are kept by %s, which is no FileSystemStorage: uploads through django-sidecar would not be where Django looks"
            % path_of(type(storage))
        )
        return
    own = [
        name
        for name in ("_save", "get_valid_name", "get_available_name", "generate_filename", "get_alternative_name")
        if overridden(type(storage), name)
    ]
    if own:
        report.remarks.append(
            "the storage %s has its own %s(): names of uploaded files would be Django's own"
            % (path_of(type(storage)), own[0])
        )
    report.set(
        "DJANGO_FILE_UPLOAD_PERMISSIONS",
        octal(storage.file_permissions_mode),
        octal(0o644 if django.VERSION >= (3, 0) else None),
    )
    report.set("DJANGO_FILE_UPLOAD_DIRECTORY_PERMISSIONS", octal(storage.directory_permissions_mode), "None")
    if not storage.base_url:  # before Django 3.1 an empty MEDIA_URL makes addresses of names alone
        report.remarks.append(
            "MEDIA_URL is empty: answers to uploads have URLs below /media/, unless DJANGO_MEDIA_URL says where files are served"
        )
    report.set("DJANGO_MEDIA_URL", str(storage.base_url or "/media/"), "/media/")
    if UPLOADS:  # noqa: F821
        report.set("DJANGO_MEDIA_ROOT", os.path.abspath(str(storage.location)))
    else:
        report.offer(
            "DJANGO_MEDIA_ROOT",
            os.path.abspath(str(storage.location)),
            "it turns uploads on, for every user who is logged in: see docs/uploads.md, and -uploads of settings-script",
        )
