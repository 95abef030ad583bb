package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"django-sidecar/handlers"
	"django-sidecar/internal/answer"
	"django-sidecar/internal/config"
	"django-sidecar/internal/connections"
	"django-sidecar/internal/database"
	"django-sidecar/internal/extauthz"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/linger"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/upload/webhook"
	"django-sidecar/internal/verdictcache"
)

// watchInterval is how often secret files are looked at. They are small, and Kubernetes swaps them unannounced. What two looks
// have found counts, so that a change is in force within a second.
const watchInterval = 250 * time.Millisecond

func serve(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("serve"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	logger, flush := newLogger(c, s.err)
	limitMemory(ctx, logger)
	err := runSidecar(ctx, c, logger, nil)
	flush()
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	return exitYes
}

// limitMemory has the garbage collector keep within the container's memory, unless GOMEMLIMIT says otherwise. The number of
// processors follows the container without our doing.
func limitMemory(ctx context.Context, logger *slog.Logger) {
	if _, err := memlimit.Set(); err != nil {
		logger.DebugContext(ctx, "the container's memory limit is not known", "error", err.Error())
	}
}

// logBytes is how much of the log may wait for whoever reads it.
const logBytes = 1 << 20

// newLogger returns the operator's log, and what writes the last of it.
func newLogger(c *config.Config, w io.Writer) (logger *slog.Logger, flush func()) {
	lines := observe.NewLines(w, logBytes)
	return slog.New(observe.NewLogHandler(lines, c.LogFormat == "text", c.LogLevel)), lines.Close
}

// sidecar is a running `serve`.
type sidecar struct {
	config   *config.Config
	answers  *answer.Service
	cache    *verdictcache.Cache // nil where verdicts are not kept
	uploads  *uploads            // nil where they are off
	wrap     []func(http.Handler) http.Handler
	logger   *slog.Logger
	registry *prometheus.Registry
	metrics  *observe.Metrics
	current  currentDeployment
	closing  sync.WaitGroup // of deployments that have been replaced, and of collectEarly
	draining atomic.Bool
	// crowded says that a connection has been refused a moment ago, and collecting that collectEarly runs.
	crowded, collecting atomic.Bool
}

// runSidecar serves until ctx ends, and then finishes what is running. An error says why it could not start, or
// why a listener broke. listening, if given, is called once all listeners are open. wrap is put around the public handler.
func runSidecar(ctx context.Context, c *config.Config, logger *slog.Logger, listening func(listeners), wrap ...func(http.Handler) http.Handler) error {
	sc := newSidecar(c, logger, wrap...)
	defer sc.close(ctx)
	if faults := sc.prepare(ctx); len(faults) > 0 {
		return errors.Join(faults...)
	}
	for _, w := range sc.current.Load().warnings() {
		logger.WarnContext(ctx, "setting", "warning", w)
	}
	for _, h := range c.Hints {
		logger.InfoContext(ctx, "setting", "hint", h)
	}
	at, err := openListeners(ctx, c)
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "serving", append(at.addresses(), sc.current.Load().whatIsOn()...)...)
	if listening != nil {
		listening(at)
	}
	return sc.serve(ctx, at)
}

func newSidecar(c *config.Config, logger *slog.Logger, wrap ...func(http.Handler) http.Handler) *sidecar {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	sc := &sidecar{config: c, logger: logger, registry: registry, metrics: observe.NewMetrics(registry, version, commit), wrap: wrap}
	if h, ok := logger.Handler().(*observe.LogHandler); ok {
		sc.metrics.EventsDropped(h.Dropped)
	}
	return sc
}

// prepare makes everything that serving needs but the listeners; check does the same. It goes on after a fault, as far as it
// can, and returns all of them.
func (sc *sidecar) prepare(ctx context.Context) (faults []error) {
	c := sc.config
	add := func(setting string, err error) {
		if err != nil && setting != "" {
			err = fmt.Errorf("%s: %w", setting, err)
		}
		if err != nil {
			faults = append(faults, err)
		}
	}
	login, err := gateway.NewLoginURL(c.LoginURL, c.RedirectFieldName)
	add("DJANGO_LOGIN_URL", err)
	sc.answers = &answer.Service{
		Verifier: &sc.current, CookieNames: c.SessionCookieNames, Timeout: c.StoreTimeout, Access: &sc.current,
		Login: login, Observe: sc.metrics.Verdict, Now: time.Now,
	}
	d, err := newDeployment(c, sc.metrics)
	add("", err)
	if err == nil {
		sc.current.Store(d)
		sc.answers.NoPermissions = d.verifier.Permissions() // no file can change it
		add("", d.tryConditions(ctx))
		add("", sc.openCache())
	}
	if c.Cache.ListenURL.Reveal() != "" {
		_, err = database.NewListener(c.Cache.ListenURL.Reveal(), database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv})
		add("SIDECAR_CACHE_LISTEN_URL", err)
	}
	if err := sc.openUploads(ctx); err != nil {
		add("", uploadError{err})
	}
	return faults
}

// close ends what prepare has made.
func (sc *sidecar) close(ctx context.Context) {
	d := sc.current.Load()
	if d == nil {
		return
	}
	if sc.cache != nil {
		sc.cache.Wait() // for what it asks
	}
	logIfError(ctx, sc.logger, "closing the database", d.Close())
	sc.closing.Wait()
}

// whatIsOn is what the log says of a start.
func (d *deployment) whatIsOn() []any {
	c := d.config
	or := func(on bool, text string) string {
		if !on {
			return "off"
		}
		return text
	}
	var tables, proxies []string
	if d.rows != nil {
		tables = append(tables, c.SessionTable)
	}
	if d.users != nil {
		tables = append(tables, c.AuthUserTable)
	}
	for _, p := range c.TrustedProxies {
		proxies = append(proxies, p.String())
	}
	return []any{
		"sessions", d.location(), "engine", c.SessionEngine, "cookies", strings.Join(c.SessionCookieNames, ","),
		"tables", strings.Join(tables, ","), "users", or(d.users != nil, "checked"), "backends", strings.Join(c.AuthenticationBackends, ","),
		"uploads", or(c.Uploads.MediaRoot != "", c.Uploads.MediaRoot), "proxies", or(len(proxies) > 0, strings.Join(proxies, ",")),
		"cache", or(c.Cache.TTL > 0, c.Cache.TTL.String()), "grpc", or(c.GRPCListen != "", "on"),
		"django", d.version.String(), "version", version,
	}
}

// serve runs the servers and the watch until ctx ends or a server breaks.
func (sc *sidecar) serve(ctx context.Context, at listeners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// What runs beside the servers goes on while they drain.
	beside, stopBeside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeside()
	// The admin listener stops last: whoever asks it meanwhile learns that the sidecar is draining.
	stopping := make(chan struct{})
	public := sc.publicHandler(stopping) //nolint:contextcheck // a request has a context of its own
	for _, wrap := range sc.wrap {
		public = wrap(public)
	}
	servers := []boundServer{sc.bind(newServer(public, sc.config.StoreTimeout, sc.logger), at.public, "public", 0)}
	if at.grpc != nil {
		grpc := newServer(sc.grpcHandler(), sc.config.StoreTimeout, sc.logger)
		extauthz.Configure(grpc)
		servers = append(servers, sc.bind(grpc, at.grpc, "grpc", maxGRPCConns))
	}
	admin := newServer(sc.adminHandler(), sc.config.StoreTimeout, sc.logger) //nolint:contextcheck // a request has a context of its own
	servers = append(servers, sc.bind(admin, at.admin, "admin", maxAdminConns))

	var running sync.WaitGroup
	broken := make(chan error, len(servers))
	for _, s := range servers {
		running.Go(func() {
			if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
				broken <- err
			}
			cancel()
		})
	}
	running.Go(func() { sc.watch(beside) })
	running.Go(func() {
		if unknown := sc.current.Load().unknownRelations(beside); unknown != "" {
			sc.logger.WarnContext(beside, "groups and permissions", "warning", unknown)
		}
	})
	if sc.cache != nil && sc.config.Cache.Listen {
		running.Go(func() { sc.hearChanges(beside) })
	}
	if sc.uploads != nil {
		running.Go(func() { sc.uploads.run(beside, sc.logger) })
	}

	<-ctx.Done()
	sc.draining.Store(true)
	if len(broken) == 0 {
		sc.drain(ctx, servers)
	}
	close(stopping)
	sc.logger.InfoContext(ctx, "stopping")
	err := sc.stop(ctx, servers)
	stopBeside()
	running.Wait()
	select {
	case brokenErr := <-broken:
		return brokenErr
	default:
	}
	logIfError(ctx, sc.logger, "stopping", err)
	sc.logger.InfoContext(ctx, "stopped")
	return nil
}

// openUploads makes what takes uploads, where they are on.
func (sc *sidecar) openUploads(ctx context.Context) error {
	u, err := openUploads(sc.config)
	if err != nil || u == nil {
		return err
	}
	sc.uploads = u
	return u.connect(sc.answers, sc.signEvent, func(a webhook.Attempt) {
		sc.metrics.Webhook(string(a.Outcome))
		level := slog.LevelWarn
		if a.Outcome == webhook.Delivered {
			level = slog.LevelInfo
		}
		attrs := []slog.Attr{slog.String("event", a.ID), slog.String("outcome", string(a.Outcome)), slog.Int("status", a.Status), slog.Int("tries", a.Tries)}
		if a.Err != nil {
			attrs = append(attrs, slog.String("error", a.Err.Error()))
		}
		sc.logger.LogAttrs(ctx, level, "webhook", attrs...)
	})
}

// signEvent signs with the current keys.
func (sc *sidecar) signEvent(payload []byte, at time.Time) (string, error) {
	return sc.current.Load().events.Dumps(payload, false, at), nil
}

// uploadsHandler is nil where uploads are off.
func (sc *sidecar) uploadsHandler() *handlers.Uploads {
	if sc.uploads == nil {
		return nil
	}
	return sc.uploads.handler(sc.metrics)
}

func (sc *sidecar) grpcHandler() http.Handler {
	return extauthz.New(extauthz.Options{
		Answers: sc.answers, Logger: sc.logger, Serving: func() bool { return !sc.draining.Load() }, Now: time.Now,
		Whole: connections.Known, Answered: connections.Answered, Ended: sc.refusedBy("grpc"),
	})
}

func (sc *sidecar) publicHandler(stopping <-chan struct{}) http.Handler {
	h := handlers.New(handlers.Options{
		Answers: sc.answers, Logger: sc.logger,
		EndedStatus: sc.config.EndedStatus, Explain: sc.config.Explain, TrustedProxies: sc.config.TrustedProxies,
		OnSocket: strings.HasPrefix(sc.config.Listen, "unix:"), Uploads: sc.uploadsHandler(),
	})
	return linger.Handler(h, linger.Options{
		Limit: sc.config.Linger, Stopping: stopping, Answered: connections.Over, Undelivered: sc.metrics.AnswerUndelivered, Now: time.Now,
	})
}

func (sc *sidecar) adminHandler() http.Handler {
	return handlers.NewAdmin(handlers.AdminOptions{
		Ready: func(ctx context.Context) []handlers.Check {
			if sc.draining.Load() {
				return []handlers.Check{{Name: "serving", Err: errors.New("draining")}}
			}
			return sc.current.Load().ready(ctx)
		},
		Metrics: promhttp.HandlerFor(sc.registry, promhttp.HandlerOpts{}),
		Version: version, Commit: commit, Go: runtime.Version(),
	})
}

// watch follows the files that secrets were read from, so that a rotated key works without a restart.
func (sc *sidecar) watch(ctx context.Context) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	sc.config.Watch(ctx, tick.C, func(c *config.Config, err error) {
		if err == nil {
			err = sc.replace(ctx, c)
		}
		sc.metrics.Reloaded(err == nil)
		if err != nil {
			sc.logger.WarnContext(ctx, "reading the settings again; the old ones stay in force", "error", err.Error())
			return
		}
		sc.logger.InfoContext(ctx, "the settings have been read again")
	})
}

// replace puts a new deployment in place of the current one, and has that closed once nobody can be using it.
func (sc *sidecar) replace(ctx context.Context, c *config.Config) error {
	d, err := newDeployment(c, sc.metrics)
	if err != nil {
		return err
	}
	old := sc.current.Swap(d)
	close(old.replaced)
	if sc.cache != nil {
		sc.cache.ForgetAll() // what the old keys have verified
	}
	if old.database != nil {
		old.database.SetMaxIdleConns(0) // at once: where secrets change often, there would be many
	}
	sc.closing.Go(func() {
		<-time.After(old.config.StoreTimeout + time.Second) // a verdict ends before, also while we stop
		logIfError(ctx, sc.logger, "closing the old database connections", old.Close())
	})
	return nil
}

// logIfError is for errors on the way out, which change nothing any more.
func logIfError(ctx context.Context, logger *slog.Logger, doing string, err error) {
	if err != nil {
		logger.WarnContext(ctx, "on the way out", "doing", doing, "error", err.Error())
	}
}
