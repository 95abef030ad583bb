package config

// The settings, each in one place: docs/settings.md is made of these structs, and a fault quotes their examples.
//
// A row is a field. The comment above it says what the setting means, and its tags the rest: `envconfig` the name,
// `otherwise` the default, `example` a value, `form` what kind of value it is if it is not a plain text, `secret` that
// no message quotes it, `known` the documented name if that is not DJANGO_<tag>. A line with # begins a group.
// After a change, `make docs` writes the page again.

//go:generate go test -run ^TestSettingsPage$ . -write

// djangoSettings are the settings that Django, or a library that feeds Django's settings, has too.
//
// envconfig reads a tagged field from DJANGO_<tag>, else from plain <tag>. Every field is a string: nothing can fail to
// parse, and so envconfig, whose ParseError quotes the value and stops at the first, never reports one. It is a pointer
// to tell an empty variable from none. Defaults are under `otherwise`, because envconfig's `default` would hide whether
// a variable was set.
type djangoSettings struct {
	// # Keys and version

	// SECRET_KEY of the Django settings. Required.
	SecretKey *string `envconfig:"SECRET_KEY" secret:"true"`
	// A file that holds it.
	SecretKeyFile *string `envconfig:"SECRET_KEY_FILE" example:"/run/secrets/django-secret-key"`
	// SECRET_KEY_FALLBACKS, tried in their order. Django has them from 4.1 on; where DJANGO_VERSION is older, they
	// are ignored. In a file: a JSON array, or one key a line.
	SecretKeyFallbacks *string `envconfig:"SECRET_KEY_FALLBACKS" secret:"true" otherwise:"[]" example:"[\"the-previous-secret-key\"]" form:"list"`
	// A file that holds them: a JSON array, or one key a line.
	SecretKeyFallbacksFile *string `envconfig:"SECRET_KEY_FALLBACKS_FILE" example:"/run/secrets/django-secret-key-fallbacks"`
	// Keys that were derived from SECRET_KEY and SECRET_KEY_FALLBACKS, in place of both: the sidecar then cannot make
	// what Django signs for other uses, such as links that reset passwords. A JSON list of objects, the first for
	// SECRET_KEY. `django-sidecar keys` prints it; [Derived keys](keys.md) says what is in it.
	SessionKeys *string `envconfig:"SESSION_KEYS" secret:"true" form:"list"`
	// A file that holds them.
	SessionKeysFile *string `envconfig:"SESSION_KEYS_FILE" example:"/run/secrets/django-session-keys"`
	// `sha256` or `sha1`. Django has this setting in 3.1 and 3.2 only.
	HashingAlgorithm *string `envconfig:"DEFAULT_HASHING_ALGORITHM" otherwise:"sha256" form:"word"`

	// # Databases

	// The database that holds the users, and the sessions of the engines `db` and `cached_db`. Required.
	// `postgres://` with `sslmode`, `options`, several hosts and sockets as libpq has them; `mysql://` with
	// `ssl-mode`, `ssl-ca` and `unix_socket` as MySQL's clients have them, for MariaDB too; `sqlite:///relative` and
	// `sqlite:////absolute`. The other schemes of dj-database-url and django-environ for these databases are known:
	// `postgis://`, `cockroach://`, `spatialite://` and so on. Percent-encode special characters in a password.
	DatabaseURL *string `envconfig:"DATABASE_URL" known:"DATABASE_URL" secret:"true" example:"postgres://user:password@db.example:5432/name" form:"URL"`
	// A file that holds it.
	DatabaseURLFile *string `envconfig:"DATABASE_URL_FILE" known:"DATABASE_URL_FILE" example:"/run/secrets/database-url"`
	// A streaming replica of a PostgreSQL DATABASE_URL, which is asked first. Its yes counts while it is at most
	// SIDECAR_REPLICA_MAX_LAG behind; anything else is asked of DATABASE_URL, and so are permissions. For the engine
	// `db`, without SIDECAR_CACHE_TTL and SIDECAR_WRITE. [Operations](operations.md#reads-from-a-replica) says more.
	DatabaseReplicaURL *string `envconfig:"DATABASE_REPLICA_URL" known:"DATABASE_REPLICA_URL" secret:"true" example:"postgres://user:password@replica.example:5432/name" form:"URL"`
	// A file that holds it.
	DatabaseReplicaURLFile *string `envconfig:"DATABASE_REPLICA_URL_FILE" known:"DATABASE_REPLICA_URL_FILE" example:"/run/secrets/database-replica-url"`
	// The database that holds the session table, if a database router of Django keeps it in another database than
	// the users. By default it is the one of DATABASE_URL.
	SessionDatabaseURL *string `envconfig:"SESSION_DATABASE_URL" secret:"true" example:"postgres://user:password@db.example:5432/sessions" form:"URL"`
	// A file that holds it.
	SessionDatabaseURLFile *string `envconfig:"SESSION_DATABASE_URL_FILE" example:"/run/secrets/session-database-url"`
	// USE_TZ. With TIME_ZONE it decides how the expiry of a session is read. On PostgreSQL it matters only in the
	// hour that a clock change repeats.
	UseTZ *string `envconfig:"USE_TZ" otherwise:"true" form:"flag"`
	// TIME_ZONE, an IANA name. The dates of SIDECAR_UPLOAD_TO are in it too.
	TimeZone *string `envconfig:"TIME_ZONE" otherwise:"UTC" example:"Europe/Berlin" form:"time zone"`

	// # Sessions
	//
	// [Session engines](engines.md) says what to set for each engine.

	// SESSION_ENGINE. Its last word counts: `db`, `cached_db`, `cache`, `file` or `signed_cookies`. An engine of
	// your own is read like the one that its last word names, otherwise like `db`.
	SessionEngine *string `envconfig:"SESSION_ENGINE" otherwise:"django.contrib.sessions.backends.db" form:"dotted path"`
	// SESSION_SERIALIZER: the JSONSerializer or a PickleSerializer. Leave it out if your own serializer writes JSON.
	SessionSerializer *string `envconfig:"SESSION_SERIALIZER" otherwise:"django.contrib.sessions.serializers.JSONSerializer" form:"dotted path"`
	// SESSION_COOKIE_NAME. You can give several names, such as `__Host-shop_session,shop_session`. The first of them
	// that a request has a cookie of decides, even if that cookie is empty or its session has ended. The engine
	// `file` takes the first name for its files.
	SessionCookieName *string `envconfig:"SESSION_COOKIE_NAME" otherwise:"sessionid" form:"list"`
	// SESSION_COOKIE_AGE. The engines `file` and `signed_cookies` judge by it.
	SessionCookieAge *string `envconfig:"SESSION_COOKIE_AGE" otherwise:"1209600" form:"seconds"`
	// SESSION_FILE_PATH, the folder of the engine `file`. By default the folder that Python calls
	// `tempfile.gettempdir()`.
	SessionFilePath *string `envconfig:"SESSION_FILE_PATH" example:"/var/lib/django/sessions" form:"path"`
	// The table of a custom session model. The tables of django-user-sessions and django-qsessions are known.
	SessionTable *string `envconfig:"SESSION_TABLE" otherwise:"django_session" form:"name"`
	// The `__qualname__` of the class SessionStore. It is part of the salt of signatures.
	SessionStoreClass *string `envconfig:"SESSION_STORE_CLASS" otherwise:"SessionStore" form:"name"`

	// # Django's cache
	//
	// The cache that the engines `cache` and `cached_db` keep sessions in.

	// Required by the engines `cache` and `cached_db`. `redis://`, `rediss://`, `unix://` (Redis),
	// `memcached://host:port,host:port`, `db://table` or `file:///folder`. [Session engines](engines.md#caches) has
	// its options.
	CacheURL *string `envconfig:"CACHE_URL" secret:"true" example:"redis://cache.example:6379/0" form:"URL"`
	// A file that holds it.
	CacheURLFile *string `envconfig:"CACHE_URL_FILE" example:"/run/secrets/cache-url"`
	// KEY_PREFIX of that cache. By default there is none.
	CacheKeyPrefix *string `envconfig:"CACHE_KEY_PREFIX" example:"shop"`
	// VERSION of that cache.
	CacheVersion *string `envconfig:"CACHE_VERSION" otherwise:"1" form:"number"`
	// `cache_key_prefix` of a SessionStore that has its own. By default that of the engine.
	SessionCacheKeyPrefix *string `envconfig:"SESSION_CACHE_KEY_PREFIX" example:"qsessions.q_cached_db"`

	// # Backends and middleware
	//
	// [Backends](backends.md) says what each of them does.

	// AUTHENTICATION_BACKENDS. A session of a backend that is not listed is `unknown_backend`. The rules of Django's
	// backends and of popular packages are known.
	AuthBackends *string `envconfig:"AUTHENTICATION_BACKENDS" otherwise:"django.contrib.auth.backends.ModelBackend" form:"list"`
	// SESSION_SECURITY_EXPIRE_AFTER of django-session-security. It counts if DJANGO_MIDDLEWARE lists that package.
	SecurityExpireAfter *string `envconfig:"SESSION_SECURITY_EXPIRE_AFTER" otherwise:"600" form:"seconds"`
	// SESSION_EXPIRE_SECONDS of django-session-timeout. It counts if DJANGO_MIDDLEWARE lists that package. By
	// default DJANGO_SESSION_COOKIE_AGE.
	ExpireSeconds *string `envconfig:"SESSION_EXPIRE_SECONDS" example:"3600" form:"seconds"`

	// # Users
	//
	// [User models](user-models.md) says what to set for a model that is more than Django's columns.

	// AUTH_USER_MODEL. It gives the table: `auth.User` is in `auth_user`.
	AuthUserModel *string `envconfig:"AUTH_USER_MODEL" otherwise:"auth.User" form:"app_label.ModelName"`
	// The table of the users, by default from the model. Write its schema before a dot if it is not on the search
	// path.
	AuthUserTable *string `envconfig:"AUTH_USER_TABLE" example:"auth_user" form:"name"`
	// The column of the primary key.
	IDColumn *string `envconfig:"AUTH_USER_ID_COLUMN" otherwise:"id" form:"name"`
	// The column of USERNAME_FIELD.
	UsernameColumn *string `envconfig:"AUTH_USER_USERNAME_COLUMN" otherwise:"username" form:"name"`
	// The column of the password hash.
	PasswordColumn *string `envconfig:"AUTH_USER_PASSWORD_COLUMN" otherwise:"password" form:"name"`
	// The column of the email address. `-`: the model has none.
	EmailColumn *string `envconfig:"AUTH_USER_EMAIL_COLUMN" otherwise:"email" form:"name"`

	// # Gateways
	//
	// [Gateways](gateways/README.md) has a page for each.

	// LOGIN_URL, where gateways send a browser to log in: a path or a URL. Only Django knows names of URL patterns.
	LoginURL *string `envconfig:"LOGIN_URL" otherwise:"/accounts/login/" form:"URL"`
	// REDIRECT_FIELD_NAME, the field of the query with the page to return to.
	RedirectFieldName *string `envconfig:"REDIRECT_FIELD_NAME" otherwise:"next"`

	// # Uploads
	//
	// [Uploads](uploads.md) says how to set them up.

	// MEDIA_URL, which stands before a file's name in `url`.
	MediaURL *string `envconfig:"MEDIA_URL" otherwise:"/media/" form:"URL"`
	// FILE_UPLOAD_PERMISSIONS, or `None`. Before Django 3.0 the default is `None`.
	FileUploadPermissions *string `envconfig:"FILE_UPLOAD_PERMISSIONS" otherwise:"0o644" form:"octal"`
	// FILE_UPLOAD_DIRECTORY_PERMISSIONS, or `None`.
	FileUploadDirPerms *string `envconfig:"FILE_UPLOAD_DIRECTORY_PERMISSIONS" otherwise:"None" example:"0o2775" form:"octal"`

	// # Limits of uploads

	// DATA_UPLOAD_MAX_NUMBER_FILES: files of a form. `None`: no limit.
	MaxNumberFiles *string `envconfig:"DATA_UPLOAD_MAX_NUMBER_FILES" otherwise:"100" form:"number or None"`
	// DATA_UPLOAD_MAX_NUMBER_FIELDS: fields of a form. `None`: no limit.
	MaxNumberFields *string `envconfig:"DATA_UPLOAD_MAX_NUMBER_FIELDS" otherwise:"1000" form:"number or None"`
	// DATA_UPLOAD_MAX_MEMORY_SIZE: bytes of a form's fields, its files left out. `None`: no limit.
	MaxMemorySize *string `envconfig:"DATA_UPLOAD_MAX_MEMORY_SIZE" otherwise:"2621440" form:"number or None"`

	// # Uploads from pages
	//
	// Which web pages may upload. See [uploads](uploads.md#pages-of-other-sites).

	// USE_X_FORWARDED_HOST. `true`: the sidecar's own host is what X-Forwarded-Host says, whoever sends it. That
	// header of SIDECAR_TRUSTED_PROXIES always counts.
	UseForwardedHost *string `envconfig:"USE_X_FORWARDED_HOST" otherwise:"false" form:"flag"`
	// SECURE_PROXY_SSL_HEADER: a header and the value that it has for https. If the proxy says that a request came
	// by https, a page of the same host by http may not upload.
	SecureProxyHeader *string `envconfig:"SECURE_PROXY_SSL_HEADER" example:"HTTP_X_FORWARDED_PROTO,https" form:"list"`
	// CSRF_COOKIE_NAME, for SIDECAR_UPLOAD_CSRF_TOKEN, logins and the library.
	CSRFCookieName *string `envconfig:"CSRF_COOKIE_NAME" otherwise:"csrftoken"`
	// CSRF_HEADER_NAME, for the same, as Django's settings write it.
	CSRFHeaderName *string `envconfig:"CSRF_HEADER_NAME" otherwise:"HTTP_X_CSRFTOKEN"`

	// # The session's cookie
	//
	// For what writes this cookie: SIDECAR_WRITE.

	// SESSION_COOKIE_DOMAIN. By default, and with `None`, the cookie is of the host alone.
	SessionCookieDomain *string `envconfig:"SESSION_COOKIE_DOMAIN" example:".example.com" form:"name"`
	// SESSION_COOKIE_PATH. `None`: the cookie has none, as in Django also with an empty text. A browser then takes
	// the folder of the page that it came with.
	SessionCookiePath *string `envconfig:"SESSION_COOKIE_PATH" otherwise:"/" form:"path"`
	// SESSION_COOKIE_SECURE.
	SessionCookieSecure *string `envconfig:"SESSION_COOKIE_SECURE" otherwise:"false" form:"flag"`
	// SESSION_COOKIE_HTTPONLY.
	SessionCookieHTTPOnly *string `envconfig:"SESSION_COOKIE_HTTPONLY" otherwise:"true" form:"flag"`
	// SESSION_COOKIE_SAMESITE: `Lax`, `Strict`, `None`, or `False` for a cookie without the attribute. Before Django
	// 2.1 there is none.
	SessionCookieSameSite *string `envconfig:"SESSION_COOKIE_SAMESITE" otherwise:"Lax" form:"word"`
	// SESSION_EXPIRE_AT_BROWSER_CLOSE.
	SessionExpireAtBrowserClose *string `envconfig:"SESSION_EXPIRE_AT_BROWSER_CLOSE" otherwise:"false" form:"flag"`

	// SESSION_SAVE_EVERY_REQUEST. `true`, and SIDECAR_WRITE with `touch`: each question about a session of a user
	// counts as a request, and moves its expiry.
	SessionSaveEveryRequest *string `envconfig:"SESSION_SAVE_EVERY_REQUEST" otherwise:"false" form:"flag"`

	// # Logins

	// PASSWORD_HASHERS, for POST /login and the library. The first makes new hashes, and each of them is known. By
	// default that of the DJANGO_VERSION. A hasher of your own, also a subclass with other iterations, is refused.
	PasswordHashers *string `envconfig:"PASSWORD_HASHERS" example:"django.contrib.auth.hashers.Argon2PasswordHasher,django.contrib.auth.hashers.PBKDF2PasswordHasher" form:"list"`

	// PASSWORD_RESET_TIMEOUT, from Django 3.1 on: for the [library](library.md).
	PasswordResetTimeout *string `envconfig:"PASSWORD_RESET_TIMEOUT" otherwise:"259200" form:"seconds"`
	// PASSWORD_RESET_TIMEOUT_DAYS, to Django 3.2: the same in days.
	PasswordResetTimeoutDays *string `envconfig:"PASSWORD_RESET_TIMEOUT_DAYS" otherwise:"3" form:"number"`

	// # Messages
	//
	// For what shows and adds messages of django.contrib.messages: the [library](library.md).

	// MESSAGE_STORAGE: one of Django's three. A storage of your own is refused where messages are used.
	MessageStorage *string `envconfig:"MESSAGE_STORAGE" otherwise:"django.contrib.messages.storage.fallback.FallbackStorage" form:"dotted path"`
	// MESSAGE_LEVEL: what is less serious is not added. `0`: all is.
	MessageLevel *string `envconfig:"MESSAGE_LEVEL" otherwise:"20" form:"number"`

	// # The csrftoken cookie
	//
	// For what writes this cookie: logins, and the [library](library.md).

	// CSRF_COOKIE_AGE, in seconds. `None`: as long as the browser is open.
	CSRFCookieAge *string `envconfig:"CSRF_COOKIE_AGE" otherwise:"31449600" form:"number or None"`
	// CSRF_COOKIE_DOMAIN. By default, and with `None`, the cookie is of the host alone.
	CSRFCookieDomain *string `envconfig:"CSRF_COOKIE_DOMAIN" example:".example.com" form:"name"`
	// CSRF_COOKIE_PATH. `None`: as of SESSION_COOKIE_PATH.
	CSRFCookiePath *string `envconfig:"CSRF_COOKIE_PATH" otherwise:"/" form:"path"`
	// CSRF_COOKIE_SECURE.
	CSRFCookieSecure *string `envconfig:"CSRF_COOKIE_SECURE" otherwise:"false" form:"flag"`
	// CSRF_COOKIE_HTTPONLY.
	CSRFCookieHTTPOnly *string `envconfig:"CSRF_COOKIE_HTTPONLY" otherwise:"false" form:"flag"`
	// CSRF_COOKIE_SAMESITE: `Lax`, `Strict`, `None`, or `False` for a cookie without the attribute. Before Django 2.1
	// there is none.
	CSRFCookieSameSite *string `envconfig:"CSRF_COOKIE_SAMESITE" otherwise:"Lax" form:"word"`
	// CSRF_USE_SESSIONS. What needs tokens is refused if it is `true`.
	CSRFUseSessions *string `envconfig:"CSRF_USE_SESSIONS" otherwise:"false" form:"flag"`
}
