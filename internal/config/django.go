package config

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/databaseurl"
)

// readKeys reads the keys, and what decides how they are used.
func (c *Config) readKeys(r *reader) {
	c.DjangoVersion = r.version("DJANGO_VERSION")
	if c.ASGI = r.flag("DJANGO_ASGI"); c.ASGI && olderThan(c.DjangoVersion, 3, 0) {
		// django/core/asgi.py: 3.0 is the first that has it
		r.fault("DJANGO_ASGI", fmt.Sprintf("is true, and Django %s has no ASGI: leave it out, or set DJANGO_VERSION "+
			"to 3.0 or newer", c.DjangoVersion))
	}
	// django/core/checks/security/base.py, 3.2: check_default_hashing_algorithm
	c.DefaultHashingAlgorithm = r.oneOf("DJANGO_DEFAULT_HASHING_ALGORITHM", "sha256", "sha1")

	// django/conf/global_settings.py, 4.1: the first with SECRET_KEY_FALLBACKS
	const ignored = "%s ignored, as Django %s does: fallback keys came with 4.1"
	older := olderThan(c.DjangoVersion, 4, 1)
	if c.readSessionKeys(r) {
		if len(c.SessionKeys) > 1 && older {
			r.warn(ignored, "DJANGO_SESSION_KEYS: all items but the first are", c.DjangoVersion)
		}
		return
	}
	// django/conf/__init__.py, 5.2: "The SECRET_KEY setting must not be empty."
	if key, ok := r.required("DJANGO_SECRET_KEY", "the SECRET_KEY of your Django settings, or DJANGO_SESSION_KEYS "+
		"in its place"); ok {
		c.SecretKey = NewSecret(key)
		r.warnOfKey("DJANGO_SECRET_KEY", key)
	}
	c.SecretKeyFallbacks = r.fallbacks("DJANGO_SECRET_KEY_FALLBACKS")
	if len(c.SecretKeyFallbacks) > 0 && older {
		r.warn(ignored, "DJANGO_SECRET_KEY_FALLBACKS is", c.DjangoVersion)
		return
	}
	for i, key := range c.SecretKeyFallbacks {
		r.warnOfKey(fmt.Sprintf("DJANGO_SECRET_KEY_FALLBACKS, item %d,", i+1), key.Reveal())
	}
}

// readURLs reads where the stores are, as far as anything is kept there.
func (c *Config) readURLs(r *reader) {
	inCache := c.SessionEngineKind == EngineCache || c.SessionEngineKind == EngineCachedDB
	if inCache {
		text, _ := r.required("DJANGO_CACHE_URL", "the URL of the cache that the "+string(c.SessionEngineKind)+" engine keeps sessions in")
		c.CacheURL = NewSecret(strings.TrimSpace(text))
	} else if r.given("DJANGO_CACHE_URL") {
		text, _ := r.secret("DJANGO_CACHE_URL")
		c.CacheURL = NewSecret(strings.TrimSpace(text))
	}
	inTable := c.SessionEngineKind == EngineDB || c.SessionEngineKind == EngineCachedDB
	apart := r.named("DJANGO_SESSION_DATABASE_URL")
	switch {
	case apart && inTable:
		c.SessionDatabaseURL = r.databaseURL("DJANGO_SESSION_DATABASE_URL",
			"the URL of the database that holds Django's sessions")
	case apart && c.SessionEngineKind != "":
		r.warn("DJANGO_SESSION_DATABASE_URL is not used: the engine %s has no session table", c.SessionEngineKind)
	}
	inDatabase := inTable && !apart ||
		inCache && strings.HasPrefix(strings.ToLower(c.CacheURL.Reveal()), "db")
	if inDatabase || !c.InsecureSkipUserCheck || r.given("DATABASE_URL") {
		c.DatabaseURL = r.databaseURL("DATABASE_URL", "the URL of the database that holds Django's users and sessions")
	}
	if r.named("DATABASE_REPLICA_URL") {
		c.ReplicaURL = r.databaseURL("DATABASE_REPLICA_URL", "the URL of a replica of DATABASE_URL")
		c.checkReplica(r)
	}
}

// named reports whether a database that there need not be has a URL.
func (r *reader) named(name string) bool {
	return r.value(name+"_FILE").given || strings.TrimSpace(r.text(name)) != ""
}

// leastWithReplica is what a replica that hangs and then the primary need: a replica's half may be overrun by half a
// second, until the server has been told to stop.
const leastWithReplica = 2 * time.Second

// checkReplica refuses a replica where its answers could not be bounded, or would be of no use.
func (c *Config) checkReplica(r *reader) {
	const remedy = ": unset one of them"
	postgres := func(url Secret) bool {
		if url.Reveal() == "" {
			return true // there is a fault already
		}
		vendor, err := databaseurl.Of(url.Reveal())
		return err == nil && vendor == databaseurl.Postgres
	}
	for _, wrong := range []struct {
		is  bool
		why string
	}{
		{!postgres(c.ReplicaURL) || !postgres(c.DatabaseURL), "needs PostgreSQL, here and in DATABASE_URL: PostgreSQL " +
			"alone tells how far a replica is; unset it"},
		{c.SessionEngineKind != EngineDB, "is for the engine db, and DJANGO_SESSION_ENGINE is another one: unset it"},
		{c.SessionDatabaseURL.Reveal() != "", "does not go with DJANGO_SESSION_DATABASE_URL, which names another " +
			"database" + remedy},
		{c.InsecureSkipUserCheck, "does not go with SIDECAR_INSECURE_SKIP_USER_CHECK" + remedy},
		{c.Cache.TTL > 0, "does not go with SIDECAR_CACHE_TTL, whose cache would keep what the replica does not know " +
			"yet" + remedy},
		{c.StoreTimeout < leastWithReplica, "needs a SIDECAR_STORE_TIMEOUT of 2s or more, so that the primary has time " +
			"where the replica does not answer: raise it"},
		{c.Write.Any(), "does not go with SIDECAR_WRITE: what is written is at the replica a moment later" + remedy},
	} {
		if wrong.is {
			r.fault("DATABASE_REPLICA_URL", wrong.why)
		}
	}
}

// version is a version that djangosession knows, or a newer one, which is worth a warning.
func (r *reader) version(name string) string {
	text := r.text(name)
	version, err := djangosession.ParseVersion(text)
	newest := djangosession.NewestVersion()
	if err != nil {
		r.refuse(name, fmt.Sprintf("a release of Django from %s on, such as %s or 5.2.19",
			djangosession.OldestVersion(), newest))
		return ""
	}
	if version.Newer() {
		r.warn("%s is %s, which is newer than the newest Django that is known here: sessions are judged as Django "+
			"%s judges them. Look for a newer django-sidecar, and try a login of the upgraded site with "+
			"django-sidecar verify", name, text, newest)
	}
	return text
}

// olderThan compares a version that has been read with a line; what was refused is not older.
func olderThan(version string, major, minor int) bool {
	v, err := djangosession.ParseVersion(version)
	return err == nil && !v.AtLeast(major, minor)
}

// fallbacks are a JSON array, or in the environment items between commas, and in a file items on lines.
func (r *reader) fallbacks(name string) []Secret {
	text, fromFile := r.secret(name)
	if text == "" {
		return nil // there was a fault
	}
	source, separator := name, ","
	if fromFile {
		source, separator = name+"_FILE", "\n"
	}
	items, problem := parseList(text, separator)
	if problem != "" {
		r.fault(source, problem)
		return nil
	}
	keys := make([]Secret, len(items))
	for i, item := range items {
		keys[i] = NewSecret(item)
	}
	return keys
}

// databaseURL looks at the scheme only: what the URL says else is for the package that opens it.
func (r *reader) databaseURL(name, what string) Secret {
	text, ok := r.required(name, what)
	if !ok {
		return Secret{}
	}
	text = strings.TrimSpace(text)
	if _, err := databaseurl.Of(text); err != nil {
		r.fault(name, err.Error())
		return Secret{}
	}
	return NewSecret(text)
}

// readSession reads where sessions are, and how they are written.
func (c *Config) readSession(r *reader) {
	c.SessionEngine, c.SessionEngineKind = r.engine("DJANGO_SESSION_ENGINE")
	c.SessionSerializer = r.serializer("DJANGO_SESSION_SERIALIZER", c.DjangoVersion)
	c.SessionFilePath = r.text("DJANGO_SESSION_FILE_PATH")
	if c.SessionFilePath == "" {
		c.SessionFilePath = pythonTempDir()
	}
	c.CacheKeyPrefix = r.text("DJANGO_CACHE_KEY_PREFIX")
	c.CacheVersion = int(r.number("DJANGO_CACHE_VERSION", math.MinInt32, math.MaxInt32))
	if c.SessionCookieNames = r.cookieNames("DJANGO_SESSION_COOKIE_NAME"); len(c.SessionCookieNames) > 0 {
		c.SessionCookieName = c.SessionCookieNames[0]
	}
	c.SessionCookieAge = r.seconds("DJANGO_SESSION_COOKIE_AGE")
	c.SessionTable = r.identifier("DJANGO_SESSION_TABLE")
	c.SessionCacheKeyPrefix = r.text("DJANGO_SESSION_CACHE_KEY_PREFIX")
	if p, ok := packages[c.SessionEngine]; ok {
		if !r.value("DJANGO_SESSION_TABLE").given {
			c.SessionTable = p.table
		}
		if c.SessionCacheKeyPrefix == "" {
			c.SessionCacheKeyPrefix = p.cacheKeyPrefix
		}
	}
	c.SessionStoreClass = r.identifier("DJANGO_SESSION_STORE_CLASS")
}

// engines is the package of Django's own engines; a name without a dot is taken for one of them.
const engines = "django.contrib.sessions.backends."

// packages are engines of others that are known: django-user-sessions 2.0.0 and django-qsessions 2.1.0, whose store
// classes have Django's own name.
var packages = map[string]struct{ table, cacheKeyPrefix string }{
	"user_sessions.backends.db":    {"user_sessions_session", ""},
	"qsessions.backends.db":        {"qsessions_session", ""},
	"qsessions.backends.cached_db": {"qsessions_session", "qsessions.q_cached_db"},
}

// engine is one of Django's engines, or somebody's own. Whose name ends in db, cached_db, cache, file or signed_cookies
// is like Django's of that name, and any other is like db.
func (r *reader) engine(name string) (string, Engine) {
	text := r.text(name)
	if !strings.Contains(text, ".") {
		text = engines + text
	}
	kind := Engine(text[strings.LastIndexByte(text, '.')+1:])
	known := slices.Contains([]Engine{EngineDB, EngineCachedDB, EngineCache, EngineFile, EngineSignedCookies}, kind)
	own := strings.HasPrefix(text, engines)
	switch {
	case own && known:
		return text, kind
	case own || !dottedPath.MatchString(text):
		r.refuse(name, engines+"db, cached_db, cache, file or signed_cookies, or the dotted path of an engine "+
			"like one of them")
		return "", ""
	case !known:
		kind = EngineDB
	}
	if _, ok := packages[text]; ok {
		return text, kind
	}
	if (kind == EngineDB || kind == EngineCachedDB) && !r.value("DJANGO_SESSION_STORE_CLASS").given &&
		!r.value("DJANGO_SESSION_TABLE").given {
		r.refuse(name, engines+"db; for a subclass of it, set DJANGO_SESSION_STORE_CLASS or DJANGO_SESSION_TABLE too")
		return "", ""
	}
	return text, kind
}

// cookieNames are one name, or several in the order in which they count.
func (r *reader) cookieNames(name string) []string {
	faults := len(r.faults)
	names := r.list(name)
	for i, n := range names {
		if !cookieName.MatchString(n) {
			r.refuse(name, "the name of a cookie, or a list of names")
			return nil
		}
		if slices.Contains(names[:i], n) {
			r.fault(name, "has the item "+quote(n, quotedValue)+" twice")
			return nil
		}
	}
	if len(names) == 0 && len(r.faults) == faults {
		r.refuse(name, "the name of a cookie, or a list of names")
	}
	return names
}

// serializer is one of Django's serializers, or a subclass that goes by the same name.
func (r *reader) serializer(name, version string) djangosession.Serializer {
	text := r.text(name)
	serializer, known := map[string]djangosession.Serializer{
		"JSONSerializer": djangosession.JSON, "PickleSerializer": djangosession.Pickle,
	}[text[strings.LastIndexByte(text, '.')+1:]]
	if !dottedPath.MatchString(text) || !known {
		r.refuse(name, "the dotted path of a JSONSerializer or PickleSerializer. If what your own writes is "+
			"JSON, leave "+name+" out: JSON is what is read then")
		return djangosession.JSON
	}
	// django/contrib/sessions/serializers.py, 4.2, is the last with PickleSerializer.
	if text == "django.contrib.sessions.serializers.PickleSerializer" && version != "" && !olderThan(version, 5, 0) {
		r.fault(name, "is PickleSerializer, which Django "+version+" does not have: it went with 5.0")
		return djangosession.JSON
	}
	return serializer
}

// pythonTempDir is tempfile.gettempdir() of a Python with the same environment: Lib/tempfile.py, 3.13,
// _candidate_tempdir_list. Python also looks whether it may write there, which we do not need.
func pythonTempDir() string {
	candidates := []string{os.Getenv("TMPDIR"), os.Getenv("TEMP"), os.Getenv("TMP"), "/tmp", "/var/tmp", "/usr/tmp"}
	for _, dir := range candidates {
		//nolint:gosec // G703: that the environment names the folder is the purpose
		if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
			return dir
		}
	}
	return "."
}

// readUsers reads where users are, and who may have logged them in.
func (c *Config) readUsers(r *reader) {
	c.readBackends(r)
	c.AuthUserModel, c.AuthUserTable = r.text("DJANGO_AUTH_USER_MODEL"), r.text("DJANGO_AUTH_USER_TABLE")
	app, model, _ := strings.Cut(c.AuthUserModel, ".")
	// django/contrib/auth/__init__.py get_user_model, 5.2: "must be of the form 'app_label.model_name'"
	if !dottedPath.MatchString(c.AuthUserModel) || strings.Contains(model, ".") {
		r.refuse("DJANGO_AUTH_USER_MODEL", "of the form app_label.ModelName")
	} else if c.AuthUserTable == "" {
		// django/db/models/options.py contribute_to_class, 5.2: "%s_%s" % (app_label, model_name); only model_name is
		// made lower case. What it cuts off names that are too long for the database is left to DJANGO_AUTH_USER_TABLE.
		c.AuthUserTable = app + "_" + strings.ToLower(model)
	}
	if unprintable.MatchString(c.AuthUserTable) {
		r.refuse("DJANGO_AUTH_USER_TABLE", "the name of a table")
	}
	c.AuthUserColumns = dbstore.Columns{
		ID:        r.column("DJANGO_AUTH_USER_ID_COLUMN"),
		Username:  r.identifier("DJANGO_AUTH_USER_USERNAME_COLUMN"),
		Password:  r.column("DJANGO_AUTH_USER_PASSWORD_COLUMN"),
		Email:     r.identifier("DJANGO_AUTH_USER_EMAIL_COLUMN"),
		Active:    r.identifier("DJANGO_AUTH_USER_ACTIVE_COLUMN"),
		Staff:     r.identifier("DJANGO_AUTH_USER_STAFF_COLUMN"),
		Superuser: r.identifier("DJANGO_AUTH_USER_SUPERUSER_COLUMN"),
	}
	c.readConditions(r)
	c.readAuthHash(r)
	c.readGroups(r)
	c.LoginURL, c.RedirectFieldName = r.text("DJANGO_LOGIN_URL"), r.identifier("DJANGO_REDIRECT_FIELD_NAME")
	c.UseTZ = r.flag("DJANGO_USE_TZ")
	c.TimeZone = r.timeZone("DJANGO_TIME_ZONE")
}

// identifier is the name of a table, column or class: quoting it is for the package that writes SQL.
func (r *reader) identifier(name string) string {
	text := r.text(name)
	if unprintable.MatchString(text) {
		r.refuse(name, "a name without control characters")
		return ""
	}
	return text
}

// column is the name of a column that every user model has.
func (r *reader) column(name string) string {
	text := r.identifier(name)
	if text == dbstore.NoColumn {
		r.refuse(name, "the name of a column: no user model is without it")
		return ""
	}
	return text
}

// timeZone is a zone of the IANA database; "Local", which Go knows too, is none.
func (r *reader) timeZone(name string) *time.Location {
	text := r.text(name)
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		r.refuse(name, "the IANA name of a time zone")
		return nil
	}
	return zone
}
