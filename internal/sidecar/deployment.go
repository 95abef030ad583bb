package sidecar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/djangosession/cookiestore"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/djangosession/filestore"
	"django-sidecar/internal/breaker"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/login"
	"django-sidecar/internal/observe"
	"django-sidecar/signing"
)

// Deployment is everything that a verdict on one Django deployment needs, made from its settings.
type Deployment struct {
	config   *config.Config
	version  djangosession.Version
	database *database.Database // nil where neither sessions nor users are in one
	batcher  *dbstore.Batcher   // of the database
	// sessionDatabase is where the session table is, and sessionBatcher its batcher: those above, or another
	// database's.
	sessionDatabase *database.Database
	sessionBatcher  *dbstore.Batcher
	replica         *replica             // of the database; nil where none is asked
	cache           *djangocache.Backend // nil where no sessions are in one
	keys            *keyring
	codec           *djangosession.Codec        // nil for engines that it does not read
	cookies         *cookiestore.Store          // nil for engines that keep sessions elsewhere
	sessions        djangosession.Store         // watched
	probeSessions   func(context.Context) error // asks what sessions would, for none: nil says that they can be had
	cached          *cachestore.Store           // of the cache
	rows            *dbstore.Sessions           // the session table, nil for engines that have none
	sessionRows     djangosession.Store         // rows, watched; for cached_db alone
	files           *filestore.Store            // the folder of sessions, nil for engines that have none
	users           *dbstore.Users              // nil with InsecureSkipUserCheck
	access          *dbstore.Permissions        // nil with InsecureSkipUserCheck
	rules           *djangosession.Verifier     // on no stores
	verifier        *djangosession.Verifier     // the rules, on the stores
	events          *signing.TimestampSigner    // of what Django is told about uploads; nil where it is told nothing
	writing         writing
	saver           *login.Saver   // nil where no session is saved
	login           *login.Service // nil where nobody logs in
	held            sync.RWMutex   // locked for reading by what may take long, and by who closes what was replaced
	replaced        chan struct{}  // closed when another deployment is in its place

	// What watches the tables of users and of permissions, so that one which does not answer holds nobody up.
	usersBreaker, accessBreaker *breaker.Breaker
	left                        sync.WaitGroup              // questions to silent stores that nobody waits for
	silent                      func(store string, is bool) // is told of each breaker; nil: nobody is
	spans                       Spans                       // nil: there are no traces
}

// Spans makes what begins the span of a question to a store, for observe.Watch.
type Spans func(question, store string) func(context.Context) (context.Context, func(error))

// span is nil where there are no traces.
func (d *Deployment) span(question, store string) func(context.Context) (context.Context, func(error)) {
	if d.spans == nil {
		return nil
	}
	return d.spans(question, store)
}

// Open makes the deployment that the settings describe. It connects to nothing yet. Close ends it.
func Open(c *config.Config) (*Deployment, error) { return newDeployment(c, nil, nil, nil) }

// newDeployment is Open with the stores timed, if there are metrics. silent, if not nil, is told when a store no longer
// answers, and when it does again.
func newDeployment(
	c *config.Config, metrics *observe.Metrics, spans Spans, silent func(store string, is bool),
) (*Deployment, error) {
	d := &Deployment{config: c, replaced: make(chan struct{}), silent: silent, spans: spans}
	if err := d.open(metrics); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Deployment) open(metrics *observe.Metrics) error {
	c := d.config
	if err := d.openKeys(); err != nil {
		return err
	}
	if err := errors.Join(d.openDatabases(), d.openSessions(metrics)); err != nil {
		return err
	}
	if c.AuthHash.Function != "" && d.database.Dialect == dbstore.SQLite {
		return errors.New("SIDECAR_AUTH_HASH_FUNCTION: SQLite makes no session auth hashes for the sidecar; " +
			"unset it, and let the sidecar read the password column of this database")
	}
	if !c.InsecureSkipUserCheck {
		d.users = d.usersIn(d.database, d.batcher)
		d.access = dbstore.NewPermissions(d.database.DB, dbstore.PermissionsConfig{
			Dialect: d.database.Dialect, Table: c.AuthUserTable,
			Columns: c.AuthUserColumns, Conditions: c.AuthUserConditions, Groups: c.AuthGroups,
			Prepare: d.database.Prepares, Batcher: d.batcher,
		})
	}
	if err := d.openReplica(); err != nil {
		return err
	}
	d.usersBreaker, d.accessBreaker = d.newBreaker("user table"), d.newBreaker("permission tables")
	if err := d.openWriting(metrics); err != nil {
		return err
	}
	d.verifier = d.rules.With(d.sessions, d.userStore(metrics))
	if metrics != nil {
		metrics.CountKeys(c.Fallbacks(), c.SessionEngineKind != config.EngineCache, d.users != nil)
	}
	return nil
}

// CookieRules are those of the handler that Django runs under.
func CookieRules(c *config.Config) djangosession.CookieRules {
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil || !c.ASGI {
		return djangosession.CookieRules{}
	}
	return djangosession.ASGICookies(version)
}

// newRules makes the verifier, on no stores yet.
func (d *Deployment) newRules() (*djangosession.Verifier, error) {
	c := d.config
	var keys signing.Keys
	if !c.InsecureSkipUserCheck { // without users, no hash is looked at
		keys = d.keys.primary()
	}
	var stores struct {
		djangosession.Store
		djangosession.UserStore
	}
	return djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: d.version, SecretKey: keys, SecretKeyFallbacks: d.keys.fallbacks(),
		HashingAlgorithm: hashingAlgorithm(c), AuthenticationBackends: c.AuthenticationBackends,
		BackendRules: c.BackendRules, RequireActive: c.RequireActive, Middleware: c.Middleware,
		Timeouts: djangosession.Timeouts{
			SessionSecurity: c.SessionSecurityExpireAfter, SessionTimeout: c.SessionExpire,
			AutoLogout: c.AutoLogoutIdle,
			UseTZ:      c.UseTZ, TimeZone: c.TimeZone, Now: time.Now,
		},
		OwnAuthHash: ownAuthHash(c.AuthHash), InsecureSkipUserCheck: c.InsecureSkipUserCheck,
	}, stores, stores)
}

// usersIn finds users in a database.
func (d *Deployment) usersIn(db *database.Database, batcher *dbstore.Batcher) *dbstore.Users {
	c := d.config
	return dbstore.NewUsers(db.DB, dbstore.UsersConfig{
		Dialect: db.Dialect, Version: d.version, Table: c.AuthUserTable,
		Columns: c.AuthUserColumns, Conditions: c.AuthUserConditions,
		Hash:         dbstore.HashColumns{Names: c.AuthHash.Columns, Separator: c.AuthHash.Separator},
		HexID:        c.AuthUserHexID,
		HashFunction: dbstore.HashFunction{Name: c.AuthHash.Function, Keys: d.rules.AuthHashKeys()},
		Prepare:      db.Prepares, Batcher: batcher,
	})
}

// userStore is nil where users are not looked at: a nil *Users would be no nil UserStore. Nil metrics count nothing.
func (d *Deployment) userStore(metrics *observe.Metrics) djangosession.UserStore {
	if d.users == nil {
		return nil
	}
	return &observe.Users{
		Store: d.users,
		Watch: metrics.Watch("database", "user_by_id", observe.Watch{
			Now: time.Now, Breaker: d.usersBreaker, Span: d.span("load user", "database"),
		}),
	}
}

// tryConditions fails where the conditions of the settings are no SQL, or not on this table. That a database cannot
// be asked is no failure: it may come back.
func (d *Deployment) tryConditions(ctx context.Context) error {
	if d.users == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	if err := d.users.TryConditions(ctx); dbstore.IsMistake(err) {
		return fmt.Errorf("%s: %w; write an expression of the database's own SQL, with columns of table %s",
			d.config.ConditionNames(), err, d.config.AuthUserTable)
	}
	return nil
}

// UnknownRelations says which groups and permissions are not known, and what to do; "" if all are, or if nobody can
// tell now.
func (d *Deployment) UnknownRelations(ctx context.Context) string {
	if d.access == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	var unknown *dbstore.RelationError
	if !errors.As(d.access.Relations(ctx), &unknown) {
		return ""
	}
	return unknown.Error() + "; " + checkup.RelationRemedy(unknown)
}

func ownAuthHash(h config.AuthHash) *djangosession.OwnAuthHash {
	if !h.IsOwn() {
		return nil
	}
	own := &djangosession.OwnAuthHash{Salt: h.Salt, WithSecret: h.WithSecret}
	for _, algorithm := range []signing.Algorithm{signing.SHA1, signing.SHA256} {
		if h.Algorithm == algorithm.String() {
			own.Algorithms = []signing.Algorithm{algorithm}
		}
	}
	return own
}

// NewCodec makes what reads and writes the deployment's session data.
func NewCodec(c *config.Config) (djangosession.Version, *djangosession.Codec, error) {
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return version, nil, fmt.Errorf("DJANGO_VERSION: %w", err)
	}
	primary, fallbacks := c.Keys()
	codec, err := newCodec(c, version, primary, fallbacks)
	return version, codec, err
}

func newCodec(
	c *config.Config, version djangosession.Version, primary signing.Keys, fallbacks []signing.Keys,
) (*djangosession.Codec, error) {
	return djangosession.NewCodec(djangosession.CodecConfig{
		Version: version, SecretKey: primary, SecretKeyFallbacks: fallbacks,
		HashingAlgorithm: hashingAlgorithm(c), StoreClass: c.SessionStoreClass, MaxBytes: int(c.MaxSessionBytes),
		Serializer: c.SessionSerializer,
	})
}

// openDatabases makes the databases ready that the settings name.
func (d *Deployment) openDatabases() (err error) {
	c := d.config
	if c.DatabaseURL.Reveal() != "" {
		d.database, err = openDatabase("DATABASE_URL", c.DatabaseURL, c, nil)
		d.batcher = dbstore.NewBatcher(c.DBConns)
	}
	d.sessionDatabase, d.sessionBatcher = d.database, d.batcher
	if c.SessionDatabaseURL.Reveal() != "" {
		var sessionErr error
		d.sessionDatabase, sessionErr = openDatabase("DJANGO_SESSION_DATABASE_URL", c.SessionDatabaseURL, c, nil)
		d.sessionBatcher, err = dbstore.NewBatcher(c.DBConns), errors.Join(err, sessionErr)
	}
	return err
}

func (d *Deployment) newBreaker(store string) *breaker.Breaker {
	return breaker.New(store, time.Now, func(open bool) {
		select {
		case <-d.replaced: // another one watches the store
			return
		default:
		}
		if d.silent != nil {
			d.silent(store, open)
		}
	}, &d.left)
}

// databases are those that are read.
func (d *Deployment) databases() (all []*database.Database) {
	if d.replica != nil {
		all = append(all, d.replica.database)
	}
	if d.database != nil {
		all = append(all, d.database)
	}
	if d.sessionDatabase != nil && d.apart() {
		all = append(all, d.sessionDatabase)
	}
	return all
}

// apart reports whether the session table is in another database than the users.
func (d *Deployment) apart() bool { return d.sessionDatabase != d.database }

// openDatabase opens what a setting names: a replica of that primary, if it is not nil.
func openDatabase(
	setting string, url config.Secret, c *config.Config, primary *database.Primary,
) (*database.Database, error) {
	prepare := map[string]database.Prepare{
		"auto": database.PrepareAuto, "off": database.PrepareOff, "on": database.PrepareOn,
	}[c.DBPrepare]
	d, err := database.Open(url.Reveal(), database.Options{
		Timeout: c.StoreTimeout, Conns: c.DBConns, Prepare: prepare, LookupEnv: os.LookupEnv, Primary: primary,
		URLNow: func() (string, bool) { return c.DatabaseURLNow(setting) },
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return d, nil
}

func hashingAlgorithm(c *config.Config) signing.Algorithm {
	if c.DefaultHashingAlgorithm == signing.SHA1.String() {
		return signing.SHA1
	}
	return signing.SHA256
}

// Config is what the settings say. Nobody changes it.
func (d *Deployment) Config() *config.Config { return d.config }

// Version is the deployment's Django.
func (d *Deployment) Version() djangosession.Version { return d.version }

// ChecksUsers reports whether the user's row is looked at.
func (d *Deployment) ChecksUsers() bool { return d.users != nil }

// Tables are those that verdicts are read from.
func (d *Deployment) Tables() (names []string) {
	if d.rows != nil {
		names = append(names, d.config.SessionTable)
	}
	if d.users != nil {
		names = append(names, d.config.AuthUserTable)
	}
	return names
}

// SignEvent signs what Django is told about uploads.
func (d *Deployment) SignEvent(payload []byte, at time.Time) string {
	return d.events.Dumps(payload, false, at)
}

// Codec reads and writes the deployment's session data; nil where the engine keeps sessions in a cache or in cookies.
func (d *Deployment) Codec() *djangosession.Codec { return d.codec }

// Verifier asks the deployment's stores.
func (d *Deployment) Verifier() *djangosession.Verifier { return d.verifier }

// Close closes the database and the cache.
func (d *Deployment) Close() error {
	d.left.Wait()
	errs := []error{d.writing.close()}
	for _, db := range d.databases() {
		errs = append(errs, db.Close())
	}
	if d.cache != nil {
		errs = append(errs, d.cache.Close())
	}
	return errors.Join(errs...)
}

// Readiness is whether a store answers; a nil Err says that it does.
type Readiness struct {
	Name string
	Err  error
}

// Ready asks the stores what a verdict would.
func (d *Deployment) Ready(ctx context.Context) []Readiness {
	ctx, cancel := context.WithTimeout(ctx, d.config.StoreTimeout)
	defer cancel()
	checks := []Readiness{{Name: "sessions", Err: d.probeSessions(ctx)}}
	if d.users != nil {
		checks = append(checks, Readiness{Name: "users", Err: d.users.Probe(ctx)})
	}
	return checks
}
