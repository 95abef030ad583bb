package config

import (
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/signing"
)

// Config is what django-sidecar is told by its environment, read and checked. Every part of it can be printed: what is
// secret prints as "[redacted]".
type Config struct {
	SecretKey          Secret   // not empty, but where SessionKeys are in its place
	SecretKeyFallbacks []Secret // in order; none by default. As given: Django before 4.1 ignores them
	// SessionKeys are derived from SECRET_KEY and from each of its fallbacks; nil where these are given.
	SessionKeys []signing.DerivedKeys

	DjangoVersion           string // as djangosession.ParseVersion reads it; 5.2
	CSRF                    CSRF
	ASGI                    bool   // Django runs under ASGI; from 3.0 on
	DefaultHashingAlgorithm string // sha256 or sha1; sha256. As given: only Django 3.1 and 3.2 ask

	// required, unless no sessions and no users are in it; of a scheme that is known, the rest is not looked at
	DatabaseURL Secret
	// ReplicaURL is a replica of DatabaseURL's PostgreSQL, which is asked first while it is at most ReplicaMaxLag
	// behind; empty: none is. For the engine db, without cache and writing.
	ReplicaURL    Secret
	ReplicaMaxLag time.Duration // above zero; 1s
	// SessionDatabaseURL is where the session table is, if that is another database; empty: it is in DatabaseURL's.
	SessionDatabaseURL Secret

	CacheURL       Secret // required by engines that have a cache; not looked at
	CacheKeyPrefix string // KEY_PREFIX of the cache; ""
	CacheVersion   int    // VERSION of the cache; 1

	SessionEngine     string                   // dotted path
	SessionEngineKind Engine                   // which of Django's engines it is, or is like
	SessionSerializer djangosession.Serializer // how sessions are written
	SessionFilePath   string                   // the folder of the file engine
	SessionCookieName string                   // sessionid; the first of the names, which is Django's
	// SessionCookieNames are all of them, in order, at least one: the first that a request has a cookie of decides.
	SessionCookieNames []string
	SessionCookieAge   time.Duration // two weeks; zero is Django's "expires at once"
	SessionTable       string        // django_session, or that of a package that is known
	// SessionCacheKeyPrefix is cache_key_prefix of the store class; "" is that of Django's engine.
	SessionCacheKeyPrefix string
	SessionStoreClass     string // __qualname__ of the engine's SessionStore, part of the salt

	AuthenticationBackends     []string                             // dotted paths; an empty list accepts no session
	BackendRules               map[string]djangosession.BackendRule // of the project's own backends; none
	RequireActive              bool                                 // false: some backends know inactive users
	Middleware                 []string                             // MIDDLEWARE; nil: not known
	MiddlewareRead             []string                             // items of Middleware that change nothing; none
	SessionSecurityExpireAfter time.Duration                        // 10 minutes
	SessionExpire              time.Duration                        // SESSION_EXPIRE_SECONDS; SessionCookieAge
	AutoLogoutIdle             time.Duration                        // IDLE_TIME of AUTO_LOGOUT; zero: none
	AuthUserModel              string                               // app_label.ModelName; auth.User
	AuthUserTable              string                               // from the model, unless set
	AuthUserColumns            dbstore.Columns                      // all are named; only ID and Password cannot be NoColumn

	AuthUserConditions dbstore.Conditions // none; each is checked
	AuthHash           AuthHash           // Django's own
	AuthGroups         dbstore.GroupTables
	AuthUserHexID      bool // the primary key is a UUID that is written without hyphens

	LoginURL          string // /accounts/login/; not looked at
	RedirectFieldName string // next

	PasswordResetTimeout time.Duration // above zero; three days
	MessageStorage       string        // dotted path; Django's FallbackStorage
	MessageLevel         int           // 20; 0: all are added

	UseTZ    bool           // true
	TimeZone *time.Location // UTC; never nil

	Listen      string // host:port or unix:/path; 127.0.0.1:8100
	AdminListen string // the same; 127.0.0.1:8101
	GRPCListen  string // the same; empty: there is no gRPC listener
	TLS         *TLS   // of Listen and GRPCListen, but for unix sockets; nil: plain
	AdminTLS    *TLS   // of AdminListen; nil: plain
	// MaxConnections is how many connections the public listener has at a time, and each other one at most; 0: no
	// limit; 1024.
	MaxConnections int
	StoreTimeout   time.Duration // above zero; 2s
	DBConns        int           // 1 to 1000; 4
	DBPrepare      string        // auto, on or off; auto

	DrainDelay            time.Duration  // zero: none; 0
	Linger                time.Duration  // zero: off; 30s
	MaxSessionBytes       int64          // above zero, at most 1 GiB; 1 MiB
	InsecureSkipUserCheck bool           // false: the user is looked up, and must be active
	TrustedProxies        []netip.Prefix // masked; none: nobody's X-Forwarded-* are believed
	LogLevel              slog.Level     // info
	LogFormat             string         // json or text; json
	AuditLog              string         // stderr or an absolute path; empty: off
	Explain               bool           // false: answers do not carry the precise reason
	EndedStatus           int            // 401 or 200; 401

	Cache         VerdictCache
	Write         WriteSettings
	TouchInterval time.Duration // SIDECAR_TOUCH_INTERVAL
	SessionCookie SessionCookie
	Login         LoginSettings
	Uploads       UploadSettings
	Shadow        ShadowSettings
	Traces        TraceSettings

	KeyMissing bool // SecretKey is none of Django's; see AsFarAsItGoes

	Warnings []string // what is legal, but insecure or odd; one sentence each, no secrets
	Hints    []string // what is right, and may be news; the same

	// files are those that this was read from; nil where there are none. A pointer, which fmt prints as an address.
	files *readFiles
}

// An Engine is one of the session engines that come with Django.
type Engine string

// The engines, by the last word of their dotted paths.
const (
	EngineDB            Engine = "db"
	EngineCachedDB      Engine = "cached_db"
	EngineCache         Engine = "cache"
	EngineFile          Engine = "file"
	EngineSignedCookies Engine = "signed_cookies"
)

// FromProcess reads the process's environment and the files that it names. The error is an *Error with every fault,
// unless the package itself is broken.
func FromProcess() (*Config, error) { return fromProcess(true) }

// WithoutDatabase is FromProcess for a command that reads no database: DATABASE_URL may be missing, or wrong.
func WithoutDatabase() (*Config, error) { return fromProcess(false) }

// ForSQL is FromProcess for a command that needs the tables' names alone: whoever writes a migration need not have
// the deployment's keys, its cache or its database. What is given for these is not read, but for DATABASE_URL, which
// says what kind of database it is.
func ForSQL() (*Config, error) {
	return withoutKeys(func(r *reader) {
		if !r.given("DATABASE_URL") {
			r.stand("DATABASE_URL", "postgres://")
		}
	})
}

// ForClearing is FromProcess for a command that needs the session table and its database alone. The deployment's keys
// and its cache are not read.
func ForClearing() (*Config, error) {
	return withoutKeys(func(r *reader) {
		if r.given("DJANGO_SESSION_DATABASE_URL") {
			r.stand("DATABASE_URL", "postgres://") // where users are is no matter
		}
	})
}

// withoutKeys reads the settings with others in the place of the keys and of the cache, and whatever stand puts there.
func withoutKeys(stand func(*reader)) (*Config, error) {
	values := environment()
	for i, v := range values {
		if v.Name == "DJANGO_CACHE_URL" && strings.HasPrefix(v.text, "db://") {
			continue // a table, and nothing secret
		}
		switch v.Name {
		case "DJANGO_SECRET_KEY", "DJANGO_SECRET_KEY_FILE", "DJANGO_SECRET_KEY_FALLBACKS", "DJANGO_SECRET_KEY_FALLBACKS_FILE",
			"DJANGO_SESSION_KEYS", "DJANGO_SESSION_KEYS_FILE", "DJANGO_CACHE_URL", "DJANGO_CACHE_URL_FILE",
			"SIDECAR_TLS_CERT_FILE", "SIDECAR_TLS_KEY_FILE", "SIDECAR_TLS_CLIENT_CA_FILE",
			"SIDECAR_ADMIN_TLS_CERT_FILE", "SIDECAR_ADMIN_TLS_KEY_FILE", "SIDECAR_ADMIN_TLS_CLIENT_CA_FILE":
			values[i] = settingValue{Setting: v.Setting, variable: v.Name, text: v.Default}
		}
	}
	r := &reader{values: values}
	r.stand("DJANGO_SECRET_KEY", "nothing is signed here")
	if !r.value("DJANGO_CACHE_URL").given {
		r.stand("DJANGO_CACHE_URL", "locmem://")
	}
	stand(r)
	return r.config(true)
}

// ForDemo reads the SIDECAR_ settings, and takes the defaults for all that is Django's: the deployment is one of our
// own, with this key and this database. Uploads go to mediaRoot, and what they leave beside it; "" turns them off.
func ForDemo(secretKey, databaseURL, mediaRoot string) (*Config, error) {
	values := environment()
	for i, v := range values {
		if !strings.HasPrefix(v.Name, "SIDECAR_") || v.Name == "SIDECAR_UPLOAD_STATE_DIR" {
			values[i] = settingValue{Setting: v.Setting, variable: v.Name, text: v.Default}
		}
		if v.Name == "DJANGO_MEDIA_ROOT" {
			values[i].text = mediaRoot
		}
	}
	r := &reader{values: values}
	c := &Config{SecretKey: NewSecret(secretKey), DatabaseURL: NewSecret(databaseURL)}
	c.DjangoVersion = r.version("DJANGO_VERSION")
	c.DefaultHashingAlgorithm = r.text("DJANGO_DEFAULT_HASHING_ALGORITHM")
	return c.finish(r, false)
}

func fromProcess(withDatabase bool) (*Config, error) {
	r := &reader{values: environment()}
	return r.config(withDatabase)
}

// config reads all settings.
func (r *reader) config(withStores bool) (*Config, error) {
	c := &Config{}
	c.readKeys(r)
	return c.finish(r, withStores)
}

// AsFarAsItGoes is what FromProcess would read if each setting that is at fault were not set, for a command that has
// reported the faults and looks at the rest. Where SECRET_KEY is missing, something stands for it, and KeyMissing
// says so. It is nil where too much is missing.
func AsFarAsItGoes() *Config {
	values, missing := environment(), false
	for range values { // each time, one setting at least is put aside
		r := &reader{values: slices.Clone(values), forgiving: true}
		c := &Config{KeyMissing: missing}
		c.readKeys(r)
		if c, err := c.finish(r, true); err == nil {
			return c
		}
		progress := false
		for i, v := range values {
			if !slices.ContainsFunc(r.faults, func(f Fault) bool { return f.Name == v.variable }) {
				continue
			}
			switch {
			case v.given:
				values[i].text, values[i].given, progress = v.Default, false, true
			case v.Name == "DJANGO_SECRET_KEY" && !missing:
				values[i].text, values[i].given, progress, missing = rand.Text()+rand.Text(), true, true, true
			}
		}
		if !progress {
			return nil
		}
	}
	return nil
}

// finish reads the rest, and reports every fault that has been found.
func (c *Config) finish(r *reader, withStores bool) (*Config, error) {
	c.readSession(r)
	c.readUsers(r)
	c.readService(r)
	c.readCache(r)
	c.readUploads(r)
	c.readCSRF(r)
	c.readLogin(r)
	c.readTokens(r)
	c.MessageStorage = r.identifier("DJANGO_MESSAGE_STORAGE")
	c.MessageLevel = int(r.number("DJANGO_MESSAGE_LEVEL", 0, 1e6))
	c.readWrite(r)
	c.readShadow(r)
	c.readTraces(r)
	if withStores {
		c.readURLs(r)
		c.readTLS(r)
	}
	if !r.forgiving {
		r.checkNames(r.names())
	}
	r.hintAtNames(r.names())
	if len(r.faults) > 0 {
		return nil, &Error{Faults: r.faults}
	}
	c.Warnings, c.Hints = r.warnings, r.hints
	if len(r.files) > 0 {
		c.files = &readFiles{list: r.files, sum: fingerprintOf(r.files)}
	}
	return c, nil
}

// readService reads the settings that are our own.
func (c *Config) readService(r *reader) {
	c.readListeners(r)
	c.MaxConnections = int(r.number("SIDECAR_MAX_CONNECTIONS", 0, 1e6))
	c.StoreTimeout = r.duration("SIDECAR_STORE_TIMEOUT")
	c.ReplicaMaxLag = r.duration("SIDECAR_REPLICA_MAX_LAG")
	c.DBConns = int(r.number("SIDECAR_DB_CONNS", 1, 1000))
	c.DBPrepare = r.oneOf("SIDECAR_DB_PREPARE", "auto", "on", "off")
	c.MaxSessionBytes = r.size("SIDECAR_MAX_SESSION_BYTES")
	if c.InsecureSkipUserCheck = r.flag("SIDECAR_INSECURE_SKIP_USER_CHECK"); c.InsecureSkipUserCheck {
		r.warn("SIDECAR_INSECURE_SKIP_USER_CHECK is on: deactivated users and changed passwords go unseen")
		if c.RequireActive {
			r.fault("SIDECAR_REQUIRE_ACTIVE", "is on, and so is SIDECAR_INSECURE_SKIP_USER_CHECK, with which no "+
				"user is looked at: turn one of them off")
		}
	}
	c.TrustedProxies = r.prefixes("SIDECAR_TRUSTED_PROXIES")
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			r.warn("SIDECAR_TRUSTED_PROXIES has %s: anybody's X-Forwarded-* headers are believed", p)
		}
	}
	c.DrainDelay = r.durationOrOff("SIDECAR_DRAIN_DELAY")
	c.Linger = r.durationOrOff("SIDECAR_LINGER")
	c.LogLevel = r.level("SIDECAR_LOG_LEVEL")
	c.LogFormat = r.oneOf("SIDECAR_LOG_FORMAT", "json", "text")
	c.AuditLog = r.auditLog()
	if c.Explain = r.flag("SIDECAR_EXPLAIN"); c.Explain {
		r.warn("SIDECAR_EXPLAIN is on: answers tell strangers why a session was refused")
	}
	if r.oneOf("SIDECAR_ENDED_STATUS", "401", "200") == "200" {
		c.EndedStatus = 200
	} else {
		c.EndedStatus = 401
	}
}

// level is the least level that is logged.
func (r *reader) level(name string) (level slog.Level) {
	text := strings.ToLower(r.text(name))
	if !slices.Contains([]string{"debug", "info", "warn", "warning", "error"}, text) {
		r.refuse(name, "debug, info, warn or error")
		return level
	}
	_ = level.UnmarshalText([]byte(strings.TrimSuffix(text, "ing"))) // it knows them all
	return level
}

// readFiles are the files that a Config was read from.
type readFiles struct {
	list []readFile // in the order of reading, which is always the same
	sum  fingerprint
	// again reads all settings once more; nil: from the process.
	again func() (*Config, error)
}

// look is the fingerprint of what the files hold now.
func (f *readFiles) look() fingerprint {
	list := slices.Clone(f.list)
	for i := range list {
		list[i].sum = sumOf(contentOf(list[i].path))
	}
	return fingerprintOf(list)
}

// fingerprint stands for the contents of all the files that a Config was read from, or for why they cannot be read.
type fingerprint [sha256.Size]byte

func fingerprintOf(files []readFile) fingerprint {
	hash := sha256.New()
	for _, f := range files {
		hash.Write([]byte(f.name))
		hash.Write(f.sum[:])
	}
	return fingerprint(hash.Sum(nil))
}

// DatabaseURLNow reads the file of DATABASE_URL, or of another database's setting, which name says, anew, for who has
// been refused with the URL of this Config. It is false where the URL comes from no file, or the file holds none that
// could be one.
func (c *Config) DatabaseURLNow(name string) (string, bool) {
	if c.files == nil {
		return "", false
	}
	i := slices.IndexFunc(c.files.list, func(f readFile) bool { return f.name == name })
	if i < 0 {
		return "", false
	}
	content, problem := contentOf(c.files.list[i].path)
	return strings.TrimSpace(content), problem == ""
}
