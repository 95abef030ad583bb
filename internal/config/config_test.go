package config_test

import (
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/internal/setcookie"
)

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Config{}), cmpopts.EquateComparable(netip.Prefix{}),
		cmp.Comparer(func(a, b *time.Location) bool {
			return (a == nil) == (b == nil) && (a == nil || a.String() == b.String())
		}))
}

// defaults is what the contract says of an environment that sets only what it must.
func defaults() *config.Config {
	return &config.Config{
		SecretKey:               config.NewSecret(goodKey),
		DatabaseURL:             config.NewSecret(goodURL),
		DjangoVersion:           "5.2",
		DefaultHashingAlgorithm: "sha256",
		SessionCookie:           config.SessionCookie{Attributes: setcookie.Attributes{Path: "/", HTTPOnly: true, SameSite: "Lax"}},
		TouchInterval:           time.Minute,
		Login:                   config.LoginSettings{Tries: 10, TriesPerAddress: 100, Per: 5 * time.Minute, AtOnce: 2},
		CSRF:                    config.CSRF{CookieName: "csrftoken", HeaderName: "X-CSRFTOKEN", Cookie: setcookie.Attributes{Path: "/", SameSite: "Lax"}, CookieAge: setcookie.Seconds(31449600)},
		SecretKeyFallbacks:      []config.Secret{},
		SessionEngine:           "django.contrib.sessions.backends.db",
		SessionSerializer:       djangosession.JSON, SessionEngineKind: config.EngineDB, SessionFilePath: os.TempDir(), CacheVersion: 1,
		SessionCookieName: "sessionid", SessionCookieNames: []string{"sessionid"},
		SessionCookieAge: 14 * 24 * time.Hour,
		SessionExpire:    14 * 24 * time.Hour, SessionSecurityExpireAfter: 10 * time.Minute,
		SessionTable:           "django_session",
		SessionStoreClass:      "SessionStore",
		AuthenticationBackends: []string{"django.contrib.auth.backends.ModelBackend"},
		AuthUserModel:          "auth.User",
		AuthUserTable:          "auth_user",
		AuthGroups:             dbstore.GroupTables{Group: "auth_group", GroupID: "id", GroupName: "name", Permission: "auth_permission"},
		AuthUserColumns: dbstore.Columns{
			ID: "id", Username: "username", Password: "password", Email: "email",
			Active: "is_active", Staff: "is_staff", Superuser: "is_superuser",
		},
		LoginURL: "/accounts/login/", RedirectFieldName: "next", PasswordResetTimeout: 72 * time.Hour,
		MessageStorage: "django.contrib.messages.storage.fallback.FallbackStorage", MessageLevel: 20,
		UseTZ:           true,
		TimeZone:        time.UTC,
		Listen:          "127.0.0.1:8100",
		AdminListen:     "127.0.0.1:8101",
		StoreTimeout:    2 * time.Second,
		ReplicaMaxLag:   time.Second,
		DBConns:         4,
		DBPrepare:       "auto",
		Linger:          30 * time.Second,
		MaxSessionBytes: 1 << 20,
		MaxConnections:  1024,
		LogLevel:        slog.LevelInfo,
		LogFormat:       "json",
		EndedStatus:     401,
		Cache:           config.VerdictCache{Entries: 100000, Listen: true, MaxAge: 5 * time.Minute},
		Uploads:         defaultUploads(),
		Shadow:          config.ShadowSettings{Share: 0.01},
	}
}

func defaultUploads() config.UploadSettings {
	mode := uint32(0o644)
	return config.UploadSettings{
		MediaURL: "/media/", FilePermissions: &mode, UploadTo: "uploads/%Y/%m/%d/", MaxNameLength: 100, MaxBytes: 100 << 20,
		MaxFiles: 100, MaxFields: 1000, MaxFieldBytes: 2621440, Digest: true, Expiry: 24 * time.Hour, Drain: time.Minute, MinRate: 240, MaxAtOnce: 1000, MaxAtOncePerUser: 10,
		MaxFormBytes: 1 << 30, MaxUnfinishedFiles: 100, MaxUnfinishedBytes: 1 << 30,
	}
}

func TestDefaults(t *testing.T) {
	if d := diff(defaults(), mustLoad(t, required())); d != "" {
		t.Errorf("unexpected Config (-want +got):\n%s", d)
	}
}

func TestEmptyCountsAsUnset(t *testing.T) {
	e := env{}
	for _, s := range config.Settings() {
		e[s.Name] = ""
		e[strings.TrimPrefix(s.Name, "DJANGO_")] = " "
	}
	delete(e, "SECRET_KEY") // where a space is a key
	e["DJANGO_SECRET_KEY"], e["DATABASE_URL"] = goodKey, goodURL
	delete(e, "SECRET_KEY_FALLBACKS")
	delete(e, "SESSION_KEYS")
	delete(e, "CACHE_URL")
	delete(e, "VERSION")
	if d := diff(defaults(), mustLoad(t, e)); d != "" {
		t.Errorf("unexpected Config (-want +got):\n%s", d)
	}
}

func TestEverythingSet(t *testing.T) {
	got := mustLoad(t, env{
		"DJANGO_SECRET_KEY": goodKey, "DJANGO_SECRET_KEY_FALLBACKS": `["a,b"," c "]`, "DJANGO_VERSION": "3.2.25",
		"DJANGO_DEFAULT_HASHING_ALGORITHM": "sha1", "DATABASE_URL": "sqlite:////srv/db.sqlite3",
		"DJANGO_CACHE_URL": "redis://:pa55@cache/1", "DJANGO_SESSION_ENGINE": "shop.sessions",
		"DJANGO_SESSION_SERIALIZER": "shop.serializers.JSONSerializer", "DJANGO_SESSION_COOKIE_NAME": "__Host-sid",
		"DJANGO_SESSION_FILE_PATH": "/srv/sessions", "DJANGO_CACHE_KEY_PREFIX": "shop", "DJANGO_CACHE_VERSION": "2",
		"DJANGO_SESSION_COOKIE_AGE": "3600", "DJANGO_SESSION_TABLE": "shop_session", "DJANGO_SESSION_STORE_CLASS": "Store",
		"DJANGO_AUTHENTICATION_BACKENDS": "shop.auth.Backend , django.contrib.auth.backends.ModelBackend",
		"DJANGO_BACKEND_RULES":           `{"shop.auth.Backend": "any+permissions"}`, "DJANGO_MIDDLEWARE": `["shop.Ban"]`, "SIDECAR_MIDDLEWARE_READ": "shop.Ban", "SIDECAR_REQUIRE_ACTIVE": "true",
		"DJANGO_SESSION_SECURITY_EXPIRE_AFTER": "60", "DJANGO_SESSION_EXPIRE_SECONDS": "70", "DJANGO_AUTO_LOGOUT": `{"MESSAGE": "Bye", "IDLE_TIME": 80}`,
		"DJANGO_AUTH_USER_MODEL": "shop.Customer", "DJANGO_AUTH_USER_TABLE": "customers",
		"DJANGO_AUTH_USER_ID_COLUMN": "uuid", "DJANGO_AUTH_USER_USERNAME_COLUMN": "login",
		"DJANGO_AUTH_USER_PASSWORD_COLUMN": "pwd", "DJANGO_AUTH_USER_EMAIL_COLUMN": "-", "DJANGO_AUTH_USER_ACTIVE_COLUMN": "-",
		"DJANGO_AUTH_USER_STAFF_COLUMN": "-", "DJANGO_AUTH_USER_SUPERUSER_COLUMN": "-",
		"DJANGO_LOGIN_URL": "/login/", "DJANGO_REDIRECT_FIELD_NAME": "back", "DJANGO_USE_TZ": "False", "DJANGO_TIME_ZONE": "Europe/Berlin",
		"SIDECAR_LISTEN": "unix:/run/sidecar.sock", "SIDECAR_ADMIN_LISTEN": "[::1]:9000", "SIDECAR_STORE_TIMEOUT": "750ms",
		"SIDECAR_DB_CONNS": "1000", "SIDECAR_DB_PREPARE": "off", "SIDECAR_MAX_SESSION_BYTES": "64KiB", "SIDECAR_LINGER": "0",
		"SIDECAR_TRUSTED_PROXIES": "10.1.2.3/8,192.0.2.7,::1", "SIDECAR_LOG_LEVEL": "WARN", "SIDECAR_LOG_FORMAT": "text",
		"SIDECAR_ENDED_STATUS": "200", "SIDECAR_CACHE_TTL": "5s", "SIDECAR_CACHE_ENTRIES": "7", "SIDECAR_CACHE_MAX_AGE": "1h",
		"SIDECAR_CACHE_INVALIDATION": "off", "SIDECAR_CACHE_LISTEN_URL": "postgres://direct/x",
	})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		SecretKey: config.NewSecret(goodKey), SecretKeyFallbacks: []config.Secret{config.NewSecret("a,b"), config.NewSecret(" c ")},
		CSRF: defaults().CSRF, Login: defaults().Login, TouchInterval: time.Minute,
		SessionCookie: defaults().SessionCookie, DjangoVersion: "3.2.25", DefaultHashingAlgorithm: "sha1", DatabaseURL: config.NewSecret("sqlite:////srv/db.sqlite3"),
		CacheURL: config.NewSecret("redis://:pa55@cache/1"), SessionEngine: "shop.sessions",
		SessionEngineKind: config.EngineDB, SessionFilePath: "/srv/sessions", CacheKeyPrefix: "shop", CacheVersion: 2,
		SessionSerializer: djangosession.JSON, SessionCookieName: "__Host-sid", SessionCookieNames: []string{"__Host-sid"}, SessionCookieAge: time.Hour,
		SessionTable: "shop_session", SessionStoreClass: "Store",
		AuthenticationBackends: []string{"shop.auth.Backend", "django.contrib.auth.backends.ModelBackend"},
		BackendRules: map[string]djangosession.BackendRule{
			"shop.auth.Backend": {Users: djangosession.AnyUsers, Permissions: true},
		},
		RequireActive: true, Middleware: []string{"shop.Ban"}, MiddlewareRead: []string{"shop.Ban"},
		SessionSecurityExpireAfter: time.Minute, SessionExpire: 70 * time.Second, AutoLogoutIdle: 80 * time.Second,
		AuthUserModel: "shop.Customer", AuthUserTable: "customers",
		AuthGroups: dbstore.GroupTables{Group: "auth_group", GroupID: "id", GroupName: "name", Permission: "auth_permission"},
		AuthUserColumns: dbstore.Columns{
			ID: "uuid", Username: "login", Password: "pwd",
			Email: dbstore.NoColumn, Active: dbstore.NoColumn, Staff: dbstore.NoColumn, Superuser: dbstore.NoColumn,
		},
		LoginURL: "/login/", RedirectFieldName: "back", PasswordResetTimeout: 72 * time.Hour,
		MessageStorage: "django.contrib.messages.storage.fallback.FallbackStorage", MessageLevel: 20, TimeZone: berlin, Listen: "unix:/run/sidecar.sock", AdminListen: "[::1]:9000", StoreTimeout: 750 * time.Millisecond, ReplicaMaxLag: time.Second,
		MaxConnections: 1024, DBConns: 1000, DBPrepare: "off", MaxSessionBytes: 64 << 10,
		TrustedProxies: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("::1/128"),
		},
		LogLevel: slog.LevelWarn, LogFormat: "text", EndedStatus: 200, Uploads: defaultUploads(),
		Shadow: config.ShadowSettings{Share: 0.01},
		Cache:  config.VerdictCache{TTL: 5 * time.Second, Entries: 7, MaxAge: time.Hour, ListenURL: config.NewSecret("postgres://direct/x")},
		Warnings: []string{
			"DJANGO_SECRET_KEY_FALLBACKS is ignored, as Django 3.2.25 does: fallback keys came with 4.1",
			"SIDECAR_REQUIRE_ACTIVE refuses nobody: DJANGO_AUTH_USER_ACTIVE_COLUMN is -, which says that all users are active",
		},
	}
	if d := diff(want, got); d != "" {
		t.Errorf("unexpected Config (-want +got):\n%s", d)
	}
}

func TestAllFaultsAreReportedTogether(t *testing.T) {
	_, err := load(t, env{
		"DJANGO_VERSION": "1.8", "SIDECAR_LISTEN": "nowhere", "SIDECAR_DB_CONNS": "0", "SIDECAR_CACHE_TTL": "5",
		"SIDECAR_LISTN": "x", "TIME_ZONE": "Mars/Olympus", "DATABASE_URL": "",
	})
	if err == nil {
		t.Fatal("no fault")
	}
	want := strings.Join([]string{
		`DJANGO_VERSION is "1.8": it must be a release of Django from 1.11 on, such as 6.1 or 5.2.19 (example: DJANGO_VERSION=5.2)`,
		`DJANGO_SECRET_KEY is not set: it must be the SECRET_KEY of your Django settings, or DJANGO_SESSION_KEYS in its place (example: DJANGO_SECRET_KEY_FILE=/run/secrets/django-secret-key)`,
		`TIME_ZONE is "Mars/Olympus": it must be the IANA name of a time zone (example: DJANGO_TIME_ZONE=Europe/Berlin)`,
		`SIDECAR_LISTEN is "nowhere": it must be host:port, or unix: and an absolute path of at most 107 bytes (example: SIDECAR_LISTEN=127.0.0.1:8100)`,
		`SIDECAR_DB_CONNS is "0": it must be a whole number from 1 to 1000 (example: SIDECAR_DB_CONNS=4)`,
		`SIDECAR_CACHE_TTL is "5": it must be 0, or a duration with its unit, such as 500ms or 5s (example: SIDECAR_CACHE_TTL=5s)`,
		`DATABASE_URL is empty: it must be the URL of the database that holds Django's users and sessions (example: DATABASE_URL=postgres://user:password@db.example:5432/name)`,
		`SIDECAR_LISTN is not a setting; did you mean SIDECAR_LISTEN? (example: SIDECAR_LISTEN=127.0.0.1:8100)`,
	}, "\n")
	if d := cmp.Diff(want, err.Error()); d != "" {
		t.Errorf("unexpected report (-want +got):\n%s", d)
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	list := config.Settings()
	if len(list) < 50 {
		t.Fatalf("only %d settings", len(list))
	}
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		if s.Default == "" && s.Example == "" && s.Name != "DJANGO_SECRET_KEY" && s.Name != "DJANGO_SESSION_KEYS" {
			t.Errorf("%s has neither a default nor an example", s.Name)
		}
	}
}

func TestCacheSettings(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": 0, "0s": 0, "off": 0, "OFF": 0, "": 0, "500ms": 500 * time.Millisecond, "1m": time.Minute} {
		if c := mustLoad(t, with(env{"SIDECAR_CACHE_TTL": text})); c.Cache.TTL != want || len(c.Warnings) > 0 {
			t.Errorf("%q: got %s and %q, want %s", text, c.Cache.TTL, c.Warnings, want)
		}
	}
	if c := mustLoad(t, with(env{"SIDECAR_CACHE_TTL": "2m"})); len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "2m0s") {
		t.Errorf("two minutes: %q", c.Warnings)
	}
	for _, tt := range []struct{ name, text, mustBe string }{
		{"SIDECAR_CACHE_TTL", "-1s", "0, or a duration"},
		{"SIDECAR_CACHE_TTL", "soon", "0, or a duration"},
		{"SIDECAR_CACHE_ENTRIES", "0", "from 1 to 100000000"},
		{"SIDECAR_CACHE_MAX_AGE", "0", "above 0"},
		{"SIDECAR_CACHE_INVALIDATION", "on", "auto or off"},
		{"SIDECAR_CACHE_LISTEN_URL", "mysql://db/x", "of a PostgreSQL server"},
		{"SIDECAR_CACHE_LISTEN_URL", "db.example", "of a PostgreSQL server"},
	} {
		wantFault(t, with(env{tt.name: tt.text}), tt.name, tt.mustBe, tt.name+"=")
	}
}
