package config

// ownSettings are those with one name only: the tag is the whole name, and there is nothing to fall back to.
//
// DJANGO_VERSION is one of them, because a plain VERSION is too common a variable to be believed. So is what opens a
// door or writes: an environment that is shared with Django must not turn uploads on, let other sites' pages send them,
// or have deactivated users taken for active ones. DJANGO_BACKEND_RULES and DJANGO_ASGI are no settings of Django's.
type ownSettings struct {
	// # Keys and version

	// The version of the deployment's Django, from `1.11` on. `4.1` is the newest release of its line. It decides which
	// formats and hashes are accepted: `4.1.7` takes no hash of a fallback key, and `4.1.8` does. A version above 6.1
	// is judged as 6.1, with a warning.
	DjangoVersion *string `envconfig:"DJANGO_VERSION" otherwise:"5.2" form:"version"`
	// `true` where Django runs under ASGI (uvicorn, daphne, hypercorn), from Django 3.0 on. It reads the Cookie header
	// in another way, which matters where a request has several of them: Django 6.0 and newer then find the cookies of
	// all.
	ASGI *string `envconfig:"DJANGO_ASGI" otherwise:"false" form:"flag"`

	// # Databases

	// Connections to each database, at most.
	DBConns *string `envconfig:"SIDECAR_DB_CONNS" otherwise:"4" form:"number"`
	// Prepared statements. `auto` uses them on connections that are seen to be direct. `off` suits pgbouncer in
	// transaction mode. `on` suits a direct unix socket.
	DBPrepare *string `envconfig:"SIDECAR_DB_PREPARE" otherwise:"auto" form:"word"`
	// How far behind its primary DATABASE_REPLICA_URL may be when it is asked. A logout, and whatever else takes a
	// right away, counts after this time at the latest.
	ReplicaMaxLag *string `envconfig:"SIDECAR_REPLICA_MAX_LAG" otherwise:"1s" form:"duration"`
	// How long a verdict may take. After that the answer is 503.
	StoreTimeout *string `envconfig:"SIDECAR_STORE_TIMEOUT" otherwise:"2s" form:"duration"`

	// # Sessions

	// The largest session data, stored and inflated. Larger data is `unreadable`, and does not leave the database,
	// the cache or the file.
	MaxSessionBytes *string `envconfig:"SIDECAR_MAX_SESSION_BYTES" otherwise:"1MiB" form:"size"`

	// # Backends and middleware

	// Whom backends of your own know: `active` or `any`, with `+permissions` if they give ModelBackend's
	// permissions. A backend that is neither known nor ruled is judged as `active`, with a warning.
	BackendRules *string `envconfig:"DJANGO_BACKEND_RULES" otherwise:"{}" example:"{\"shop.auth.Backend\": \"active\"}" form:"JSON object"`
	// MIDDLEWARE of the Django settings. It says which packages decide who the user is. `check` names those that are
	// not known.
	Middleware *string `envconfig:"DJANGO_MIDDLEWARE" example:"django.contrib.sessions.middleware.SessionMiddleware,django.contrib.auth.middleware.AuthenticationMiddleware" form:"list"`
	// Items of DJANGO_MIDDLEWARE whose code has been read and changes nothing of who is logged in. `check` no longer
	// names them as not known. `settings-script` writes what it has read.
	MiddlewareRead *string `envconfig:"SIDECAR_MIDDLEWARE_READ" example:"shop.middleware.Terms" form:"list"`
	// AUTO_LOGOUT of django-auto-logout, with times in seconds. It counts if DJANGO_MIDDLEWARE lists that package,
	// which requires it. SESSION_TIME is not followed: the sidecar does not start with it.
	AutoLogout *string `envconfig:"DJANGO_AUTO_LOGOUT" example:"{\"IDLE_TIME\": 600}" form:"JSON object"`
	// `true` refuses inactive users, whatever their backend says.
	RequireActive *string `envconfig:"SIDECAR_REQUIRE_ACTIVE" otherwise:"false" form:"flag"`

	// # Users

	// The column of `is_active`. `-`: the model has no `is_active` at all, and everybody is active. For a property,
	// set DJANGO_AUTH_USER_ACTIVE_WHERE instead. Without the column, `-` or a condition the sidecar answers nobody.
	ActiveColumn *string `envconfig:"DJANGO_AUTH_USER_ACTIVE_COLUMN" otherwise:"is_active" form:"name"`
	// The column of `is_staff`. `-`: the model has none.
	StaffColumn *string `envconfig:"DJANGO_AUTH_USER_STAFF_COLUMN" otherwise:"is_staff" form:"name"`
	// The column of `is_superuser`. `-`: the model has none.
	SuperuserColumn *string `envconfig:"DJANGO_AUTH_USER_SUPERUSER_COLUMN" otherwise:"is_superuser" form:"name"`
	// `hex`: the primary key is a UUID column, and `str(user.pk)` has no hyphens. Then `user.id` and Remote-User-Id
	// have none. Otherwise `str`.
	IDFormat *string `envconfig:"DJANGO_AUTH_USER_ID_FORMAT" otherwise:"str" form:"word"`
	// A condition on a user's row: the rows that the model's default manager does not hide. Other rows are
	// `user_not_found`.
	UserWhere *string `envconfig:"DJANGO_AUTH_USER_WHERE" example:"deleted_at IS NULL" form:"SQL condition"`
	// A condition on a user's row, for an `is_active` that is a property.
	ActiveWhere *string `envconfig:"DJANGO_AUTH_USER_ACTIVE_WHERE" example:"status = 'active'" form:"SQL condition"`
	// The same for `is_staff`.
	StaffWhere *string `envconfig:"DJANGO_AUTH_USER_STAFF_WHERE" example:"role IN ('staff', 'admin')" form:"SQL condition"`
	// The same for `is_superuser`.
	SuperuserWhere *string `envconfig:"DJANGO_AUTH_USER_SUPERUSER_WHERE" example:"role = 'admin'" form:"SQL condition"`
	// `true` judges the session alone. The sidecar does not see deactivated users and changed passwords, and knows
	// only `user.id`.
	InsecureSkipUserCheck *string `envconfig:"SIDECAR_INSECURE_SKIP_USER_CHECK" otherwise:"false" form:"flag"`

	// # The session auth hash
	//
	// For a user model that overrides `get_session_auth_hash()`. [User
	// models](user-models.md#an-own-get_session_auth_hash) has an example. Without these settings it is Django's own
	// hash.

	// The `key_salt` that the method gives to `salted_hmac`.
	HashSalt *string `envconfig:"DJANGO_AUTH_HASH_SALT" example:"shop.models.User.get_session_auth_hash"`
	// The columns whose values the method puts together, in their order.
	HashColumns *string `envconfig:"DJANGO_AUTH_HASH_COLUMNS" example:"password,email,session_token" form:"list"`
	// What the method puts between the values. By default nothing.
	HashSeparator *string `envconfig:"DJANGO_AUTH_HASH_SEPARATOR" example:":"`
	// `sha1`, which `salted_hmac` takes by itself, or `sha256`. `any` accepts both.
	HashAlgorithm *string `envconfig:"DJANGO_AUTH_HASH_ALGORITHM" otherwise:"any" form:"word"`
	// The method that the model overrides: `get_session_auth_hash` or `_get_session_auth_hash`.
	HashMethod *string `envconfig:"DJANGO_AUTH_HASH_METHOD" otherwise:"get_session_auth_hash" form:"word"`
	// A function of PostgreSQL, MySQL or MariaDB that makes the hash, so that the sidecar cannot read the password
	// column. `django-sidecar sql -what hidden-passwords` prints it under this name. Not set: the column is read. See
	// [hidden passwords](hidden-passwords.md).
	HashFunction *string `envconfig:"SIDECAR_AUTH_HASH_FUNCTION" example:"django_sidecar_auth_hash" form:"name"`

	// # Groups and permissions
	//
	// Only if they are not those of `django.contrib.auth`. The foreign keys of these tables must lead to each other;
	// otherwise requirements on groups and permissions are refused. See [user
	// models](user-models.md#groups-of-a-projects-own).

	// The table of the groups.
	GroupTable *string `envconfig:"DJANGO_AUTH_GROUP_TABLE" otherwise:"auth_group" example:"accounts_group" form:"name"`
	// Its primary key.
	GroupIDColumn *string `envconfig:"DJANGO_AUTH_GROUP_ID_COLUMN" otherwise:"id" form:"name"`
	// Its column of names.
	GroupNameColumn *string `envconfig:"DJANGO_AUTH_GROUP_NAME_COLUMN" otherwise:"name" form:"name"`
	// The table of the permissions.
	PermissionTable *string `envconfig:"DJANGO_AUTH_PERMISSION_TABLE" otherwise:"auth_permission" form:"name"`
	// The table of the user model's `groups`, or of its `through` model. By default it follows from the users'
	// table. A table that you name is believed without foreign keys too.
	UserGroupsTable *string `envconfig:"DJANGO_AUTH_USER_GROUPS_TABLE" example:"accounts_user_groups" form:"name"`
	// Its column of users. By default it is found by its foreign key.
	UserGroupsUser *string `envconfig:"DJANGO_AUTH_USER_GROUPS_USER_COLUMN" example:"user_id" form:"name"`
	// Its column of groups. By default it is found by its foreign key.
	UserGroupsGroup *string `envconfig:"DJANGO_AUTH_USER_GROUPS_GROUP_COLUMN" example:"group_id" form:"name"`
	// The table of the user model's `user_permissions`. By default it follows from the users' table.
	UserPermsTable *string `envconfig:"DJANGO_AUTH_USER_PERMISSIONS_TABLE" example:"accounts_user_user_permissions" form:"name"`
	// Its column of users. By default it is found by its foreign key.
	UserPermsUser *string `envconfig:"DJANGO_AUTH_USER_PERMISSIONS_USER_COLUMN" example:"user_id" form:"name"`
	// Its column of permissions. By default it is found by its foreign key.
	UserPermsPerm *string `envconfig:"DJANGO_AUTH_USER_PERMISSIONS_PERMISSION_COLUMN" example:"permission_id" form:"name"`
	// The table of the groups' `permissions`. By default `auth_group_permissions`.
	GroupPermsTable *string `envconfig:"DJANGO_AUTH_GROUP_PERMISSIONS_TABLE" example:"auth_group_permissions" form:"name"`
	// Its column of groups. By default it is found by its foreign key.
	GroupPermsGroup *string `envconfig:"DJANGO_AUTH_GROUP_PERMISSIONS_GROUP_COLUMN" example:"group_id" form:"name"`
	// Its column of permissions. By default it is found by its foreign key.
	GroupPermsPerm *string `envconfig:"DJANGO_AUTH_GROUP_PERMISSIONS_PERMISSION_COLUMN" example:"permission_id" form:"name"`

	// # Gateways

	// Addresses and networks (CIDR) whose X-Forwarded-* headers are believed. Whoever may open the unix socket of
	// SIDECAR_LISTEN is trusted too.
	TrustedProxies *string `envconfig:"SIDECAR_TRUSTED_PROXIES" otherwise:"none" example:"10.0.0.0/8,192.0.2.7" form:"list"`

	// # Listeners

	// The public listener: `host:port` or `unix:/path`.
	Listen *string `envconfig:"SIDECAR_LISTEN" otherwise:"127.0.0.1:8100" form:"address"`
	// The admin listener: health and metrics. Keep it away from the public.
	AdminListen *string `envconfig:"SIDECAR_ADMIN_LISTEN" otherwise:"127.0.0.1:8101" form:"address"`
	// Envoy's ext_authz over gRPC, for Envoy alone. `off`: no listener.
	GRPCListen *string `envconfig:"SIDECAR_GRPC_LISTEN" otherwise:"off" example:"127.0.0.1:8102" form:"address"`
	// Connections to SIDECAR_LISTEN at a time, idle ones included. gRPC has at most 128 and the admin listener 64.
	// `0`: no limit. See [operations](operations.md#many-connections).
	MaxConnections *string `envconfig:"SIDECAR_MAX_CONNECTIONS" otherwise:"1024" form:"number"`
	// How long everything is still served after SIGTERM, while `/readyz` says 503. A gateway needs that time to
	// notice.
	DrainDelay *string `envconfig:"SIDECAR_DRAIN_DELAY" otherwise:"0" example:"5s" form:"duration or 0"`
	// How long the rest of a body is read and thrown away after an early answer. Without it the answer is lost on
	// clients that write before they read. `0`: not at all.
	Linger *string `envconfig:"SIDECAR_LINGER" otherwise:"30s" form:"duration or 0"`

	// # TLS
	//
	// Files in PEM form, which the sidecar reads again when they change. See [TLS](tls.md).

	// The certificate of SIDECAR_LISTEN and SIDECAR_GRPC_LISTEN, with its chain. Both then speak TLS alone. A unix
	// socket has no TLS.
	TLSCertFile *string `envconfig:"SIDECAR_TLS_CERT_FILE" example:"/run/tls/tls.crt" form:"path"`
	// The certificate's key.
	TLSKeyFile *string `envconfig:"SIDECAR_TLS_KEY_FILE" example:"/run/tls/tls.key" form:"path"`
	// The authorities of clients. Who has no certificate of one of them gets no answer at all. Not set: clients need
	// no certificate.
	TLSClientCAFile *string `envconfig:"SIDECAR_TLS_CLIENT_CA_FILE" example:"/run/tls/ca.crt" form:"path"`
	// The certificate of SIDECAR_ADMIN_LISTEN. Not set: the admin listener speaks plain HTTP, whatever the others do.
	AdminTLSCertFile *string `envconfig:"SIDECAR_ADMIN_TLS_CERT_FILE" example:"/run/tls/tls.crt" form:"path"`
	// Its key.
	AdminTLSKeyFile *string `envconfig:"SIDECAR_ADMIN_TLS_KEY_FILE" example:"/run/tls/tls.key" form:"path"`
	// The authorities of the admin listener's clients. `django-sidecar healthcheck` needs none. The kubelet's HTTP
	// probes have no certificate.
	AdminTLSClientCAFile *string `envconfig:"SIDECAR_ADMIN_TLS_CLIENT_CA_FILE" example:"/run/tls/ca.crt" form:"path"`

	// # The cache of verdicts
	//
	// [Invalidation](invalidation.md) says how a kept verdict is forgotten when something changes.

	// How long an answer may be out of date when nothing tells of changes. `0`: no verdict is kept, and each request
	// asks the stores.
	CacheTTL *string `envconfig:"SIDECAR_CACHE_TTL" otherwise:"0" example:"5s" form:"duration or 0"`
	// Verdicts that are kept, at most. Each takes up to 400 bytes.
	CacheEntries *string `envconfig:"SIDECAR_CACHE_ENTRIES" otherwise:"100000" form:"number"`
	// `auto`: PostgreSQL tells of every logout and every change of a user, if the triggers of `django-sidecar sql`
	// are there. `off`: nothing does.
	CacheInvalidation *string `envconfig:"SIDECAR_CACHE_INVALIDATION" otherwise:"auto" form:"word"`
	// How long a verdict is kept while every change is told.
	CacheMaxAge *string `envconfig:"SIDECAR_CACHE_MAX_AGE" otherwise:"5m" form:"duration"`
	// The PostgreSQL server that tells of changes, if DATABASE_URL leads to a pooler.
	CacheListenURL *string `envconfig:"SIDECAR_CACHE_LISTEN_URL" secret:"true" example:"postgres://user:password@db.example:5432/name" form:"URL"`
	// A file that holds it.
	CacheListenURLFile *string `envconfig:"SIDECAR_CACHE_LISTEN_URL_FILE" example:"/run/secrets/listen-url"`

	// # Uploads

	// MEDIA_ROOT, where uploads go: an absolute path. Not set: uploads are off.
	MediaRoot *string `envconfig:"DJANGO_MEDIA_ROOT" example:"/srv/media" form:"path"`
	// `upload_to` of the FileField. Its dates are in DJANGO_TIME_ZONE.
	UploadTo *string `envconfig:"SIDECAR_UPLOAD_TO" otherwise:"uploads/%Y/%m/%d/" form:"strftime"`
	// `max_length` of the FileField: characters of a name, with `upload_to`.
	UploadMaxNameLength *string `envconfig:"SIDECAR_UPLOAD_MAX_NAME_LENGTH" otherwise:"100" form:"number"`
	// Where unfinished uploads and undelivered webhooks are: on MEDIA_ROOT's file system and not inside MEDIA_ROOT.
	// By default `.django-sidecar` beside MEDIA_ROOT. If a volume is mounted at MEDIA_ROOT itself, mount its parent
	// instead.
	UploadStateDir *string `envconfig:"SIDECAR_UPLOAD_STATE_DIR" example:"/srv/.django-sidecar" form:"path"`
	// How long an unfinished resumable upload lives after its last byte.
	UploadExpiry *string `envconfig:"SIDECAR_UPLOAD_EXPIRY" otherwise:"24h" form:"duration"`
	// Where the sidecar tells Django of each published file. `off`: it tells nobody. See
	// [uploads](uploads.md#telling-django).
	UploadWebhook *string `envconfig:"SIDECAR_UPLOAD_WEBHOOK" secret:"true" otherwise:"off" example:"http://127.0.0.1:8000/webhooks/upload" form:"URL"`
	// `sha256`, or `none` where the disk is faster than the hash.
	UploadDigest *string `envconfig:"SIDECAR_UPLOAD_DIGEST" otherwise:"sha256" form:"word"`
	// The endings that names may have. `any`: all.
	UploadExtensions *string `envconfig:"SIDECAR_UPLOAD_EXTENSIONS" otherwise:"any" example:".jpg,.png,.pdf" form:"list"`
	// `true` refuses a file whose first bytes are not what its name promises. A page is never a picture.
	UploadCheckType *string `envconfig:"SIDECAR_UPLOAD_CHECK_TYPE" otherwise:"false" form:"flag"`
	// How long uploads may go on after SIGTERM and SIDECAR_DRAIN_DELAY. Less than `20s` is 20 seconds. What is left is
	// cut; a resumable upload goes on elsewhere.
	UploadDrain *string `envconfig:"SIDECAR_UPLOAD_DRAIN" otherwise:"60s" form:"duration"`

	// # Limits of uploads

	// The largest file. Over it 413.
	UploadMaxBytes *string `envconfig:"SIDECAR_UPLOAD_MAX_BYTES" otherwise:"100MiB" form:"size"`
	// All files of one form together. Over it 413. The default is never below SIDECAR_UPLOAD_MAX_BYTES. `0`: no
	// limit.
	UploadMaxFormBytes *string `envconfig:"SIDECAR_UPLOAD_MAX_FORM_BYTES" otherwise:"1GiB" form:"size or 0"`
	// Bytes a second, after 10 s of grace. A slower body is cut (408). `0`: off.
	UploadMinRate *string `envconfig:"SIDECAR_UPLOAD_MIN_RATE" otherwise:"240" form:"number"`
	// Uploads that are going on, resumable ones included. Over it 429. `0`: no limit.
	UploadMaxAtOnce *string `envconfig:"SIDECAR_UPLOAD_MAX_AT_ONCE" otherwise:"1000" form:"number"`
	// The same of one user. `0`: no limit.
	UploadMaxAtOncePerUser *string `envconfig:"SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER" otherwise:"10" form:"number"`
	// Unfinished resumable uploads of one user. Over it 429. `0`: no limit.
	UploadMaxUnfinishedFiles *string `envconfig:"SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER" otherwise:"100" form:"number"`
	// What these have or announce together. Over it 413. The default is never below SIDECAR_UPLOAD_MAX_BYTES. `0`:
	// no limit.
	UploadMaxUnfinishedBytes *string `envconfig:"SIDECAR_UPLOAD_MAX_UNFINISHED_BYTES_PER_USER" otherwise:"1GiB" form:"size or 0"`
	// Bytes of MEDIA_ROOT's disk that no upload takes (507). Set it where a database shares the disk.
	UploadMinFree *string `envconfig:"SIDECAR_UPLOAD_MIN_FREE" otherwise:"0" example:"1GiB" form:"size or 0"`

	// # Uploads from pages

	// CSRF_TRUSTED_ORIGINS: other origins whose pages may upload and read the answers. Any scheme can be named:
	// `https://*.example.com`, `capacitor://localhost`. From Django 4.0 on each has a scheme, or the program does not
	// start. Before, Django compares hosts: for forms, those without a scheme count.
	CSRFTrustedOrigins *string `envconfig:"DJANGO_CSRF_TRUSTED_ORIGINS" otherwise:"[]" example:"https://app.example.com,https://*.example.org" form:"list"`
	// `true`: an upload must bring Django's CSRF token, in the header or in the form. CSRF_USE_SESSIONS is not
	// known.
	UploadCSRFToken *string `envconfig:"SIDECAR_UPLOAD_CSRF_TOKEN" otherwise:"false" form:"flag"`

	// # Writing
	//
	// [Writing](writing.md) says what is written, and how it is tried.

	// What may be written to Django's sessions and users: `none`, or a list of `touch`, `logout`, `login` and
	// `update`. Each needs its rights in the database: `django-sidecar sql -what role`. `update` is for `Site.Update`
	// of the library, and has no endpoint; `login` includes it.
	Write *string `envconfig:"SIDECAR_WRITE" otherwise:"none" example:"touch,logout" form:"list"`
	// How much the expiry of a session moves at least, so that this is also how often it is written, whatever the
	// number of requests and sidecars.
	TouchInterval *string `envconfig:"SIDECAR_TOUCH_INTERVAL" otherwise:"60s" form:"duration"`

	// # Tries to log in

	// Wrong passwords of one user name within SIDECAR_LOGIN_TRIES_PER. Over it 429. `0`: no limit.
	LoginTries *string `envconfig:"SIDECAR_LOGIN_TRIES" otherwise:"10" form:"number"`
	// Wrong passwords from one address within SIDECAR_LOGIN_TRIES_PER, whatever the names; of IPv6, its /64. Over it
	// 429. `0`: no limit. Behind a gateway, SIDECAR_TRUSTED_PROXIES must name it, or all clients have its address.
	LoginTriesPerAddress *string `envconfig:"SIDECAR_LOGIN_TRIES_PER_ADDRESS" otherwise:"100" form:"number"`
	// The time for both: tries come back one by one.
	LoginTriesPer *string `envconfig:"SIDECAR_LOGIN_TRIES_PER" otherwise:"5m" form:"duration"`
	// Passwords that are checked at a time: each takes a processor for up to a second. Who waits longer than
	// SIDECAR_STORE_TIMEOUT gets 503.
	LoginHashesAtOnce *string `envconfig:"SIDECAR_LOGIN_HASHES_AT_ONCE" otherwise:"2" form:"number"`

	// # Comparing with Django
	//
	// See [proof](proof.md#real-requests).

	// A view of the project, which says whom Django takes a request for. A share of the answers is compared with it,
	// in the background. `off`: none is.
	ShadowURL *string `envconfig:"SIDECAR_SHADOW_URL" secret:"true" otherwise:"off" example:"http://127.0.0.1:8000/django-sidecar/shadow" form:"URL"`
	// The share of requests that is compared: `0.01` is one in a hundred, `1` all.
	ShadowShare *string `envconfig:"SIDECAR_SHADOW_SHARE" otherwise:"0.01" form:"share"`
	// `true` lets cookies go by plain HTTP to a SIDECAR_SHADOW_URL on a public address. Otherwise `http://` is for
	// this machine and private networks.
	ShadowInsecureHTTP *string `envconfig:"SIDECAR_SHADOW_INSECURE_HTTP" otherwise:"false" form:"flag"`

	// # Traces
	//
	// See [traces](traces.md). Those that begin with `OTEL_` are OpenTelemetry's own, and are read only where
	// SIDECAR_TRACES is `otlp`.

	// `otlp` sends traces to an OpenTelemetry collector. They join the gateway's.
	Traces *string `envconfig:"SIDECAR_TRACES" otherwise:"off" example:"otlp" form:"word"`
	// The collector, for OTLP over HTTP. `/v1/traces` is added.
	TracesEndpoint *string `envconfig:"OTEL_EXPORTER_OTLP_ENDPOINT" otherwise:"http://localhost:4318" form:"URL"`
	// The whole URL for traces, in place of it.
	TracesOwnEndpoint *string `envconfig:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" example:"https://collector.example:4318/v1/traces" form:"URL"`
	// `http/protobuf` alone.
	TracesProtocol *string `envconfig:"OTEL_EXPORTER_OTLP_PROTOCOL" otherwise:"http/protobuf" form:"word"`
	// Headers for the collector, such as a token: `name=value` between commas, the values percent-encoded.
	TracesHeaders *string `envconfig:"OTEL_EXPORTER_OTLP_HEADERS" secret:"true" example:"authorization=Bearer%20TOKEN"`
	// How long the collector may take, in milliseconds.
	TracesTimeout *string `envconfig:"OTEL_EXPORTER_OTLP_TIMEOUT" otherwise:"10000" form:"number"`
	// Which requests have traces: `always_on`, `always_off`, `traceidratio`, or `parentbased_` before one of them,
	// which follows the gateway's decision where there is one.
	TracesSampler *string `envconfig:"OTEL_TRACES_SAMPLER" otherwise:"parentbased_always_on" form:"word"`
	// The share of requests for `traceidratio`.
	TracesSamplerArg *string `envconfig:"OTEL_TRACES_SAMPLER_ARG" otherwise:"1" example:"0.01" form:"share"`
	// `service.name` of the spans.
	TracesServiceName *string `envconfig:"OTEL_SERVICE_NAME" otherwise:"django-sidecar"`
	// More attributes of the service: `key=value` between commas, the values percent-encoded.
	TracesResource *string `envconfig:"OTEL_RESOURCE_ATTRIBUTES" example:"deployment.environment.name=production"`

	// # Answers and logs

	// `true` puts the reason into answers. For development: it tells strangers why a session was refused.
	Explain *string `envconfig:"SIDECAR_EXPLAIN" otherwise:"false" form:"flag"`
	// The status of "no user": `401`, or `200` for old clients that read only `result`.
	EndedStatus *string `envconfig:"SIDECAR_ENDED_STATUS" otherwise:"401" form:"word"`
	// `debug`, `info`, `warn` or `error`.
	LogLevel *string `envconfig:"SIDECAR_LOG_LEVEL" otherwise:"info" form:"word"`
	// `json` or `text`.
	LogFormat *string `envconfig:"SIDECAR_LOG_FORMAT" otherwise:"json" form:"word"`
	// The audit log: `stderr`, or a file. `off`: there is none. See [audit log](audit.md).
	AuditLog *string `envconfig:"SIDECAR_AUDIT_LOG" otherwise:"off" example:"/var/log/django-sidecar/audit.log" form:"path"`
}
