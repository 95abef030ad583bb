package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

// djangoSettings are the settings that Django, or a library that feeds Django's settings, has too.
//
// envconfig reads a tagged field from DJANGO_<tag>, else from plain <tag>. Every field is a string: nothing can fail to
// parse, and so envconfig, whose ParseError quotes the value and stops at the first, never reports one. It is a pointer
// to tell an empty variable from none. Defaults are under `otherwise`, because envconfig's `default` would hide whether
// a variable was set. `known` is the name in our documentation where that is not DJANGO_<tag>.
type djangoSettings struct {
	SecretKey              *string `envconfig:"SECRET_KEY" secret:"true" desc:"SECRET_KEY of the Django settings; required"`
	SecretKeyFile          *string `envconfig:"SECRET_KEY_FILE" example:"/run/secrets/django-secret-key" desc:"a file that holds it, re-read when it changes"`
	SecretKeyFallbacks     *string `envconfig:"SECRET_KEY_FALLBACKS" secret:"true" otherwise:"[]" example:"[\"the-previous-secret-key\"]" desc:"tried in order, as Django 4.1+ does; ignored where DJANGO_VERSION is older"`
	SecretKeyFallbacksFile *string `envconfig:"SECRET_KEY_FALLBACKS_FILE" example:"/run/secrets/django-secret-key-fallbacks" desc:"a file that holds them: a JSON array, or one key a line"`
	HashingAlgorithm       *string `envconfig:"DEFAULT_HASHING_ALGORITHM" otherwise:"sha256" desc:"sha256 or sha1; only Django 3.1 and 3.2 have it"`
	DatabaseURL            *string `envconfig:"DATABASE_URL" known:"DATABASE_URL" secret:"true" example:"postgres://user:password@db.example:5432/name" desc:"the database that holds users, and sessions of a db engine; required"`
	DatabaseURLFile        *string `envconfig:"DATABASE_URL_FILE" known:"DATABASE_URL_FILE" example:"/run/secrets/database-url" desc:"a file that holds it"`
	SessionDatabaseURL     *string `envconfig:"SESSION_DATABASE_URL" secret:"true" example:"postgres://user:password@db.example:5432/sessions" desc:"the database that holds the session table, where a database router of Django keeps it in another than the users"`
	SessionDatabaseURLFile *string `envconfig:"SESSION_DATABASE_URL_FILE" example:"/run/secrets/session-database-url" desc:"a file that holds it"`
	CacheURL               *string `envconfig:"CACHE_URL" secret:"true" example:"redis://cache.example:6379/0" desc:"the cache of the engines cache and cached_db, which need it"`
	CacheURLFile           *string `envconfig:"CACHE_URL_FILE" example:"/run/secrets/cache-url" desc:"a file that holds it"`
	SessionEngine          *string `envconfig:"SESSION_ENGINE" otherwise:"django.contrib.sessions.backends.db" desc:"db, cached_db, cache, file or signed_cookies; of somebody else's engine, the last word says which it is like"`
	SessionSerializer      *string `envconfig:"SESSION_SERIALIZER" otherwise:"django.contrib.sessions.serializers.JSONSerializer" desc:"or PickleSerializer"`
	SessionCookieName      *string `envconfig:"SESSION_COOKIE_NAME" otherwise:"sessionid" desc:"the cookie that holds the session key; several names in the order in which they count"`
	SessionCookieAge       *string `envconfig:"SESSION_COOKIE_AGE" otherwise:"1209600" desc:"seconds"`
	SessionFilePath        *string `envconfig:"SESSION_FILE_PATH" example:"/var/lib/django/sessions" desc:"the folder of the file engine; the one that Python calls tempfile.gettempdir()"`
	CacheKeyPrefix         *string `envconfig:"CACHE_KEY_PREFIX" example:"shop" desc:"KEY_PREFIX of the cache; none"`
	SessionCacheKeyPrefix  *string `envconfig:"SESSION_CACHE_KEY_PREFIX" example:"qsessions.q_cached_db" desc:"cache_key_prefix of the store class, if it has one of its own"`
	CacheVersion           *string `envconfig:"CACHE_VERSION" otherwise:"1" desc:"VERSION of the cache"`
	SessionTable           *string `envconfig:"SESSION_TABLE" otherwise:"django_session" desc:"a custom session model's table"`
	SessionStoreClass      *string `envconfig:"SESSION_STORE_CLASS" otherwise:"SessionStore" desc:"the store class's __qualname__: it is part of the salt"`
	AuthBackends           *string `envconfig:"AUTHENTICATION_BACKENDS" otherwise:"django.contrib.auth.backends.ModelBackend" desc:"a session of another backend is anonymous"`
	SecurityExpireAfter    *string `envconfig:"SESSION_SECURITY_EXPIRE_AFTER" otherwise:"600" desc:"seconds; of django-session-security, where DJANGO_MIDDLEWARE lists it"`
	ExpireSeconds          *string `envconfig:"SESSION_EXPIRE_SECONDS" example:"3600" desc:"seconds; of django-session-timeout, where DJANGO_MIDDLEWARE lists it; DJANGO_SESSION_COOKIE_AGE"`
	AuthUserModel          *string `envconfig:"AUTH_USER_MODEL" otherwise:"auth.User" desc:"gives the default table"`
	AuthUserTable          *string `envconfig:"AUTH_USER_TABLE" example:"auth_user" desc:"the users' table; from the model"`
	IDColumn               *string `envconfig:"AUTH_USER_ID_COLUMN" otherwise:"id" desc:"the primary key"`
	UsernameColumn         *string `envconfig:"AUTH_USER_USERNAME_COLUMN" otherwise:"username" desc:"USERNAME_FIELD"`
	PasswordColumn         *string `envconfig:"AUTH_USER_PASSWORD_COLUMN" otherwise:"password" desc:"the password hash"`
	EmailColumn            *string `envconfig:"AUTH_USER_EMAIL_COLUMN" otherwise:"email" desc:"- where there is none"`
	LoginURL               *string `envconfig:"LOGIN_URL" otherwise:"/accounts/login/" desc:"where gateways send a browser to log in"`
	RedirectFieldName      *string `envconfig:"REDIRECT_FIELD_NAME" otherwise:"next" desc:"the query field with the page to return to"`
	MediaURL               *string `envconfig:"MEDIA_URL" otherwise:"/media/" desc:"what goes before a file's name in url"`
	FileUploadPermissions  *string `envconfig:"FILE_UPLOAD_PERMISSIONS" otherwise:"0o644" desc:"in octal, or None, which is the default before Django 3.0"`
	FileUploadDirPerms     *string `envconfig:"FILE_UPLOAD_DIRECTORY_PERMISSIONS" otherwise:"None" example:"0o2775" desc:"of directories that are made"`
	UseForwardedHost       *string `envconfig:"USE_X_FORWARDED_HOST" otherwise:"false" desc:"true: an upload's own host is what X-Forwarded-Host says, whoever sends it; that of SIDECAR_TRUSTED_PROXIES always counts"`
	SecureProxyHeader      *string `envconfig:"SECURE_PROXY_SSL_HEADER" example:"HTTP_X_FORWARDED_PROTO,https" desc:"a header and its value: the proxy says so of requests by https, and an upload from a page of the same host by http is refused"`
	MaxNumberFiles         *string `envconfig:"DATA_UPLOAD_MAX_NUMBER_FILES" otherwise:"100" desc:"in a form; None is no limit"`
	MaxNumberFields        *string `envconfig:"DATA_UPLOAD_MAX_NUMBER_FIELDS" otherwise:"1000" desc:"in a form; None is no limit"`
	MaxMemorySize          *string `envconfig:"DATA_UPLOAD_MAX_MEMORY_SIZE" otherwise:"2621440" desc:"bytes of a form's fields; None is no limit"`
	CSRFCookieName         *string `envconfig:"CSRF_COOKIE_NAME" otherwise:"csrftoken" desc:"the cookie of SIDECAR_UPLOAD_CSRF_TOKEN"`
	CSRFHeaderName         *string `envconfig:"CSRF_HEADER_NAME" otherwise:"HTTP_X_CSRFTOKEN" desc:"its header, as Django's settings write it"`
	UseTZ                  *string `envconfig:"USE_TZ" otherwise:"true" desc:"with TIME_ZONE, decides how SQLite expiry is read"`
	TimeZone               *string `envconfig:"TIME_ZONE" otherwise:"UTC" example:"Europe/Berlin" desc:"an IANA name"`
}

// ownSettings are those with one name only: the tag is the whole name, and there is nothing to fall back to.
//
// DJANGO_VERSION is one of them, because a plain VERSION is too common a variable to be believed. So is what opens a door or
// writes: an environment that is shared with Django must not turn uploads on, let other sites' pages send them, or have
// deactivated users taken for active ones. DJANGO_BACKEND_RULES is no setting of Django's.
type ownSettings struct {
	DjangoVersion         *string `envconfig:"DJANGO_VERSION" otherwise:"5.2" desc:"the deployment's Django: decides which formats and hashes are accepted"`
	ActiveColumn          *string `envconfig:"DJANGO_AUTH_USER_ACTIVE_COLUMN" otherwise:"is_active" desc:"- where the model has no is_active at all; a property needs DJANGO_AUTH_USER_ACTIVE_WHERE"`
	StaffColumn           *string `envconfig:"DJANGO_AUTH_USER_STAFF_COLUMN" otherwise:"is_staff" desc:"- where there is none"`
	SuperuserColumn       *string `envconfig:"DJANGO_AUTH_USER_SUPERUSER_COLUMN" otherwise:"is_superuser" desc:"- where there is none"`
	Middleware            *string `envconfig:"DJANGO_MIDDLEWARE" example:"django.contrib.sessions.middleware.SessionMiddleware,django.contrib.auth.middleware.AuthenticationMiddleware" desc:"MIDDLEWARE of the Django settings: says which packages decide who the user is"`
	AutoLogout            *string `envconfig:"DJANGO_AUTO_LOGOUT" example:"{\"IDLE_TIME\": 600}" desc:"of django-auto-logout, where DJANGO_MIDDLEWARE lists it: a JSON object, times in seconds"`
	MediaRoot             *string `envconfig:"DJANGO_MEDIA_ROOT" example:"/srv/media" desc:"where uploads go; not set: uploads are off"`
	CSRFTrustedOrigins    *string `envconfig:"DJANGO_CSRF_TRUSTED_ORIGINS" otherwise:"[]" example:"https://app.example.com,https://*.example.org" desc:"other origins whose pages may upload"`
	BackendRules          *string `envconfig:"DJANGO_BACKEND_RULES" otherwise:"{}" example:"{\"shop.auth.Backend\": \"active\"}" desc:"whom backends of your own know: active or any, with +permissions where they give ModelBackend's"`
	Listen                *string `envconfig:"SIDECAR_LISTEN" otherwise:"127.0.0.1:8100" desc:"host:port or unix:/path"`
	AdminListen           *string `envconfig:"SIDECAR_ADMIN_LISTEN" otherwise:"127.0.0.1:8101" desc:"health and metrics"`
	GRPCListen            *string `envconfig:"SIDECAR_GRPC_LISTEN" otherwise:"off" example:"127.0.0.1:8102" desc:"Envoy's ext_authz over gRPC: host:port or unix:/path"`
	MaxConnections        *string `envconfig:"SIDECAR_MAX_CONNECTIONS" otherwise:"1024" desc:"connections to SIDECAR_LISTEN at a time; 0: no limit"`
	StoreTimeout          *string `envconfig:"SIDECAR_STORE_TIMEOUT" otherwise:"2s" desc:"one store answer; past it 503"`
	DBConns               *string `envconfig:"SIDECAR_DB_CONNS" otherwise:"4" desc:"connections to the database"`
	DBPrepare             *string `envconfig:"SIDECAR_DB_PREPARE" otherwise:"auto" desc:"prepared statements: auto, on, off (off suits transaction pooling)"`
	MaxSessionBytes       *string `envconfig:"SIDECAR_MAX_SESSION_BYTES" otherwise:"1MiB" desc:"stored and inflated size; larger is unreadable"`
	InsecureSkipUserCheck *string `envconfig:"SIDECAR_INSECURE_SKIP_USER_CHECK" otherwise:"false" desc:"true: only the session is judged"`
	RequireActive         *string `envconfig:"SIDECAR_REQUIRE_ACTIVE" otherwise:"false" desc:"true: inactive users are refused whatever their backend says"`
	TrustedProxies        *string `envconfig:"SIDECAR_TRUSTED_PROXIES" otherwise:"none" example:"10.0.0.0/8,192.0.2.7" desc:"CIDRs whose X-Forwarded-* are believed"`
	DrainDelay            *string `envconfig:"SIDECAR_DRAIN_DELAY" otherwise:"0" example:"5s" desc:"how long everything is still served after SIGTERM, while /readyz says 503"`
	Linger                *string `envconfig:"SIDECAR_LINGER" otherwise:"30s" desc:"how long the rest of a body is read after an early answer, so that the answer arrives; 0: off"`
	LogLevel              *string `envconfig:"SIDECAR_LOG_LEVEL" otherwise:"info" desc:"debug, info, warn, error"`
	LogFormat             *string `envconfig:"SIDECAR_LOG_FORMAT" otherwise:"json" desc:"json or text"`
	Explain               *string `envconfig:"SIDECAR_EXPLAIN" otherwise:"false" desc:"puts the precise reason into answers, for development"`
	EndedStatus           *string `envconfig:"SIDECAR_ENDED_STATUS" otherwise:"401" desc:"200 for old clients that read only result"`

	UserWhere       *string `envconfig:"DJANGO_AUTH_USER_WHERE" example:"deleted_at IS NULL" desc:"SQL on a user's row: the rows that the model's manager does not hide"`
	ActiveWhere     *string `envconfig:"DJANGO_AUTH_USER_ACTIVE_WHERE" example:"status = 'active'" desc:"SQL on a user's row, for an is_active that is a property"`
	StaffWhere      *string `envconfig:"DJANGO_AUTH_USER_STAFF_WHERE" example:"role IN ('staff', 'admin')" desc:"the same for is_staff"`
	SuperuserWhere  *string `envconfig:"DJANGO_AUTH_USER_SUPERUSER_WHERE" example:"role = 'admin'" desc:"the same for is_superuser"`
	IDFormat        *string `envconfig:"DJANGO_AUTH_USER_ID_FORMAT" otherwise:"str" desc:"or hex: the primary key is a UUID whose str() has no hyphens"`
	GroupTable      *string `envconfig:"DJANGO_AUTH_GROUP_TABLE" otherwise:"auth_group" example:"accounts_group" desc:"the groups' table, if it is not Django's"`
	GroupIDColumn   *string `envconfig:"DJANGO_AUTH_GROUP_ID_COLUMN" otherwise:"id" desc:"its primary key"`
	GroupNameColumn *string `envconfig:"DJANGO_AUTH_GROUP_NAME_COLUMN" otherwise:"name" desc:"its names"`
	PermissionTable *string `envconfig:"DJANGO_AUTH_PERMISSION_TABLE" otherwise:"auth_permission" desc:"the permissions' table"`
	UserGroupsTable *string `envconfig:"DJANGO_AUTH_USER_GROUPS_TABLE" example:"accounts_user_groups" desc:"of the user model's groups, or of its through model; from the users' table"`
	UserGroupsUser  *string `envconfig:"DJANGO_AUTH_USER_GROUPS_USER_COLUMN" example:"user_id" desc:"its column of users; found"`
	UserGroupsGroup *string `envconfig:"DJANGO_AUTH_USER_GROUPS_GROUP_COLUMN" example:"group_id" desc:"its column of groups; found"`
	UserPermsTable  *string `envconfig:"DJANGO_AUTH_USER_PERMISSIONS_TABLE" example:"accounts_user_user_permissions" desc:"of the user model's user_permissions; from the users' table"`
	UserPermsUser   *string `envconfig:"DJANGO_AUTH_USER_PERMISSIONS_USER_COLUMN" example:"user_id" desc:"its column of users; found"`
	UserPermsPerm   *string `envconfig:"DJANGO_AUTH_USER_PERMISSIONS_PERMISSION_COLUMN" example:"permission_id" desc:"its column of permissions; found"`
	GroupPermsTable *string `envconfig:"DJANGO_AUTH_GROUP_PERMISSIONS_TABLE" example:"auth_group_permissions" desc:"of the groups' permissions"`
	GroupPermsGroup *string `envconfig:"DJANGO_AUTH_GROUP_PERMISSIONS_GROUP_COLUMN" example:"group_id" desc:"its column of groups; found"`
	GroupPermsPerm  *string `envconfig:"DJANGO_AUTH_GROUP_PERMISSIONS_PERMISSION_COLUMN" example:"permission_id" desc:"its column of permissions; found"`
	HashSalt        *string `envconfig:"DJANGO_AUTH_HASH_SALT" example:"shop.models.User.get_session_auth_hash" desc:"key_salt of an overridden get_session_auth_hash"`
	HashColumns     *string `envconfig:"DJANGO_AUTH_HASH_COLUMNS" example:"password,email,session_token" desc:"the columns whose values an overridden get_session_auth_hash puts together"`
	HashSeparator   *string `envconfig:"DJANGO_AUTH_HASH_SEPARATOR" example:":" desc:"what an overridden get_session_auth_hash puts between them; nothing"`
	HashAlgorithm   *string `envconfig:"DJANGO_AUTH_HASH_ALGORITHM" otherwise:"any" desc:"sha1 or sha256 of an overridden get_session_auth_hash; any accepts both"`
	HashMethod      *string `envconfig:"DJANGO_AUTH_HASH_METHOD" otherwise:"get_session_auth_hash" desc:"or _get_session_auth_hash, if that is the method that is overridden"`

	UploadTo               *string `envconfig:"SIDECAR_UPLOAD_TO" otherwise:"uploads/%Y/%m/%d/" desc:"FileField(upload_to), strftime in TIME_ZONE"`
	UploadMaxBytes         *string `envconfig:"SIDECAR_UPLOAD_MAX_BYTES" otherwise:"100MiB" desc:"one file"`
	UploadMaxNameLength    *string `envconfig:"SIDECAR_UPLOAD_MAX_NAME_LENGTH" otherwise:"100" desc:"FileField(max_length), upload_to included"`
	UploadStateDir         *string `envconfig:"SIDECAR_UPLOAD_STATE_DIR" example:"/srv/.django-sidecar" desc:"unfinished uploads: on MEDIA_ROOT's file system and not inside it; .django-sidecar beside it"`
	UploadExpiry           *string `envconfig:"SIDECAR_UPLOAD_EXPIRY" otherwise:"24h" desc:"an unfinished resumable upload lives this long after its last byte"`
	UploadWebhook          *string `envconfig:"SIDECAR_UPLOAD_WEBHOOK" secret:"true" otherwise:"off" example:"http://127.0.0.1:8000/webhooks/upload" desc:"where Django is told of each published file"`
	UploadDigest           *string `envconfig:"SIDECAR_UPLOAD_DIGEST" otherwise:"sha256" desc:"or none, where the disk is faster than the hash"`
	UploadExtensions       *string `envconfig:"SIDECAR_UPLOAD_EXTENSIONS" otherwise:"any" example:".jpg,.png,.pdf" desc:"the endings that names may have"`
	UploadCheckType        *string `envconfig:"SIDECAR_UPLOAD_CHECK_TYPE" otherwise:"false" desc:"true: a file's first bytes must be what its name promises"`
	UploadMinRate          *string `envconfig:"SIDECAR_UPLOAD_MIN_RATE" otherwise:"240" desc:"bytes a second, after 10 s; a slower body is cut; 0: off"`
	UploadDrain            *string `envconfig:"SIDECAR_UPLOAD_DRAIN" otherwise:"60s" desc:"how long uploads may go on after SIGTERM"`
	UploadCSRFToken        *string `envconfig:"SIDECAR_UPLOAD_CSRF_TOKEN" otherwise:"false" desc:"true: uploads must have Django's CSRF token"`
	UploadMaxAtOnce        *string `envconfig:"SIDECAR_UPLOAD_MAX_AT_ONCE" otherwise:"1000" desc:"uploads at a time; 0: no limit"`
	UploadMaxAtOncePerUser *string `envconfig:"SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER" otherwise:"10" desc:"of one user; 0: no limit"`

	UploadMaxFormBytes       *string `envconfig:"SIDECAR_UPLOAD_MAX_FORM_BYTES" otherwise:"1GiB" desc:"all files of a form; 0: no limit"`
	UploadMaxUnfinishedFiles *string `envconfig:"SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER" otherwise:"100" desc:"unfinished resumable uploads of one user; 0: no limit"`
	UploadMaxUnfinishedBytes *string `envconfig:"SIDECAR_UPLOAD_MAX_UNFINISHED_BYTES_PER_USER" otherwise:"1GiB" desc:"of them together, as announced; 0: no limit"`
	UploadMinFree            *string `envconfig:"SIDECAR_UPLOAD_MIN_FREE" otherwise:"0" example:"1GiB" desc:"bytes of the disk that no upload takes"`

	CacheTTL           *string `envconfig:"SIDECAR_CACHE_TTL" otherwise:"0" example:"5s" desc:"how old a verdict may be when nothing invalidates it; 0: every verdict is asked for"`
	CacheEntries       *string `envconfig:"SIDECAR_CACHE_ENTRIES" otherwise:"100000" desc:"verdicts that are kept"`
	CacheInvalidation  *string `envconfig:"SIDECAR_CACHE_INVALIDATION" otherwise:"auto" desc:"auto: PostgreSQL tells of changes, where the triggers of django-sidecar sql are there; off: nothing does"`
	CacheMaxAge        *string `envconfig:"SIDECAR_CACHE_MAX_AGE" otherwise:"5m" desc:"how old a verdict may be while every change is told"`
	CacheListenURL     *string `envconfig:"SIDECAR_CACHE_LISTEN_URL" secret:"true" example:"postgres://user:password@db.example:5432/name" desc:"where changes are told, if DATABASE_URL is that of a pooler"`
	CacheListenURLFile *string `envconfig:"SIDECAR_CACHE_LISTEN_URL_FILE" example:"/run/secrets/listen-url" desc:"a file that holds it"`
}

// Setting describes one setting, for documentation.
type Setting struct {
	Name    string // the name in our documentation, such as DJANGO_SESSION_TABLE
	Default string // as one would write it; "" where there is none
	Example string // a value; "" where the default is example enough
	Meaning string // a few words
	secret  bool
}

// Settings lists every setting that is known.
func Settings() []Setting {
	values, err := valuesOf(&djangoSettings{}, &djangoSettings{}, &ownSettings{})
	if err != nil {
		panic(err) // the structs above are at fault, which any test would have met
	}
	list := make([]Setting, len(values))
	for i, v := range values {
		list[i] = v.Setting
	}
	return list
}

// value is what the environment says of one setting.
type value struct {
	Setting
	variable string // the variable that it was read from, or Name
	text     string // what it says, or the default
	given    bool   // a variable has it, and is not empty
	empty    bool   // a variable has it, and is empty, which counts as unset
	whole    bool   // its name is read as a whole, and never without the prefix
}

// environment reads every setting from the process's environment, in the order of the structs.
func environment() ([]value, error) {
	var prefixed, plain djangoSettings
	var own ownSettings
	// Read twice, because envconfig's own fallback takes an empty DJANGO_<NAME> for an answer, and does not tell which
	// of the two variables it used.
	err := errors.Join(envconfig.Process("DJANGO", &prefixed), envconfig.Process("", &plain), envconfig.Process("", &own))
	if err != nil {
		return nil, errors.New("config: envconfig refused a struct of strings") // not %w: its errors quote values
	}
	return valuesOf(&prefixed, &plain, &own)
}

// valuesOf joins the tags of the structs with what envconfig put into them.
func valuesOf(prefixed, plain *djangoSettings, own *ownSettings) ([]value, error) {
	var values []value
	for _, source := range []struct {
		prefix       string
		first, other reflect.Value
	}{
		{"DJANGO_", reflect.ValueOf(prefixed).Elem(), reflect.ValueOf(plain).Elem()},
		{"", reflect.ValueOf(own).Elem(), reflect.ValueOf(own).Elem()},
	} {
		for i := range source.first.NumField() {
			field := source.first.Type().Field(i)
			first, ok1 := source.first.Field(i).Interface().(*string)
			other, ok2 := source.other.Field(i).Interface().(*string)
			if !ok1 || !ok2 {
				return nil, fmt.Errorf("config: field %s is not a string", field.Name)
			}
			v := valueOf(field.Tag, source.prefix, first, other)
			v.whole = source.prefix == ""
			values = append(values, v)
		}
	}
	return values, nil
}

// valueOf decides between what the prefixed variable says, which is what the plain one says where the prefixed is unset,
// and what the plain one says.
func valueOf(tag reflect.StructTag, prefix string, first, other *string) value {
	plain := tag.Get("envconfig")
	v := value{Setting: Setting{
		Name: prefix + plain, Default: tag.Get("otherwise"), Example: tag.Get("example"),
		Meaning: tag.Get("desc"), secret: tag.Get("secret") != "",
	}}
	if known := tag.Get("known"); known != "" {
		v.Name = known
	}
	v.variable = v.Name
	for _, from := range []struct {
		variable string
		text     *string
	}{{plain, other}, {prefix + plain, first}} {
		if from.text == nil {
			continue
		}
		text := *from.text
		if !v.secret {
			text = strings.TrimSpace(text) // of a secret, white space may be a part
		}
		switch {
		case text == "" && !v.given && !v.empty:
			v.variable, v.empty = from.variable, true
		case text != "" && (!v.given || text != v.text): // the same text twice is envconfig's own fallback
			v.variable, v.text, v.given, v.empty = from.variable, text, true, false
		}
	}
	if !v.given {
		v.text = v.Default
	}
	return v
}
