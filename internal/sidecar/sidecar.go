package sidecar

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

	"django-sidecar/internal/check"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/shadow"
	"django-sidecar/internal/tracing"
	"django-sidecar/internal/verdictcache"
)

// Build is what the program says of itself.
type Build struct{ Version, Commit string }

// Options are what [Run] needs beside the settings. Logger is required.
type Options struct {
	Logger *slog.Logger
	Build  Build
	// Stderr takes the audit log where SIDECAR_AUDIT_LOG says so; nil is os.Stderr.
	Stderr io.Writer
	// Listening, if given, is called once all listeners are open.
	Listening func(Listeners)
	// RowsEvery is how often the statistics of the session table are read; 0 is five minutes.
	RowsEvery time.Duration
	// Wrap, if given, is put around the public handler.
	Wrap func(http.Handler) http.Handler
}

// Serve is [Run] with a log on w, and within the container's memory.
func Serve(ctx context.Context, c *config.Config, w io.Writer, o Options) error {
	lines := observe.NewAsyncWriter(w, logBytes)
	defer lines.Close() // which writes the last of it
	o.Stderr = w
	o.Logger = slog.New(observe.NewLogHandler(lines, c.LogFormat == "text", c.LogLevel))
	limitMemory(ctx, o.Logger)
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(ballast)
	return Run(ctx, c, o)
}

// ballastBytes has the garbage collector run less often where little is kept in memory, for it runs when the heap has
// doubled. A request that asks the stores costs a tenth less by it. Nobody writes to these bytes, so that they take no
// memory.
const ballastBytes = 8 << 20

// logBytes is how much of the log may wait for whoever reads it.
const logBytes = 1 << 20

// limitMemory has the garbage collector keep within the container's memory, unless GOMEMLIMIT says otherwise. The
// number of processors follows the container without our doing.
func limitMemory(ctx context.Context, logger *slog.Logger) {
	if _, err := memlimit.Set(); err != nil {
		logger.DebugContext(ctx, "the container's memory limit is not known", "error", err.Error())
	}
}

// sidecar is a running `serve`.
type sidecar struct {
	config   *config.Config
	build    Build
	answers  *check.Service
	shadow   *shadow.Shadow                  // nil where nothing is compared with Django
	cache    *verdictcache.Cache             // nil where verdicts are not kept
	uploads  *uploads                        // nil where they are off
	wrap     func(http.Handler) http.Handler // nil for nothing
	tracer   *tracing.Tracer                 // nil where there are no traces
	audit    *observe.Audit                  // nil where there is no audit log
	logger   *slog.Logger
	registry *prometheus.Registry
	metrics  *observe.Metrics
	current  atomic.Pointer[Deployment] // which a changed secret file replaces
	use      func(*Deployment)          // has questions asked of another one: see newChain
	closing  sync.WaitGroup             // of deployments that have been replaced, and of collectEarly
	draining atomic.Bool
	// rowsEvery is Options.RowsEvery.
	rowsEvery time.Duration
	// crowded says that a connection has been refused a moment ago, and collecting that collectEarly runs.
	crowded, collecting atomic.Bool
}

// Run serves until ctx ends, and then finishes what is running. An error says why it could not start, or why a
// listener broke.
func Run(ctx context.Context, c *config.Config, o Options) error {
	sc := newSidecar(c, o)
	if err := sc.openTracer(ctx); err != nil {
		return err
	}
	defer sc.closeTracer(ctx)
	if err := sc.openAudit(ctx, o.Stderr); err != nil {
		return fmt.Errorf("SIDECAR_AUDIT_LOG: %w", err)
	}
	defer func() { logIfError(ctx, sc.logger, "closing the audit log", sc.audit.Close()) }()
	defer sc.close(ctx)
	if faults := sc.prepare(ctx); len(faults) > 0 {
		return errors.Join(faults...)
	}
	for _, w := range sc.current.Load().warnings() {
		o.Logger.WarnContext(ctx, "setting", "warning", w)
	}
	for _, h := range c.Hints {
		o.Logger.InfoContext(ctx, "setting", "hint", h)
	}
	at, err := openListeners(ctx, c)
	if err != nil {
		return err
	}
	o.Logger.InfoContext(ctx, "serving", append(at.addresses(), sc.whatIsOn()...)...)
	sc.tellKeys(ctx, sc.current.Load().keys)
	sc.tellCertificates(ctx, c)
	if o.Listening != nil {
		o.Listening(at)
	}
	sc.auditStart(at)
	err = sc.serve(ctx, at)
	sc.audit.Record(observe.AuditEvent{Name: observe.AuditStopped, Err: err})
	return err
}

func newSidecar(c *config.Config, o Options) *sidecar {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	sc := &sidecar{
		config: c, build: o.Build, wrap: o.Wrap, logger: o.Logger, registry: registry, rowsEvery: o.RowsEvery,
		metrics: observe.NewMetrics(registry, o.Build.Version, o.Build.Commit),
	}
	if h, ok := o.Logger.Handler().(*observe.LogHandler); ok {
		sc.metrics.EventsDropped(h.Dropped)
	}
	return sc
}

// prepare makes everything that serving needs but the listeners; check does the same. It goes on after a fault, as
// far as it can, and returns all of them.
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
	d, err := newDeployment(c, sc.metrics, sc.tracer, sc.reportSilent)
	add("", err)
	if err == nil {
		sc.current.Store(d)
		add("", d.tryConditions(ctx))
		add("", sc.newChain(login))
	}
	if c.Cache.ListenURL.Reveal() != "" {
		_, err = database.NewSubscriber(c.Cache.ListenURL.Reveal(),
			database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv})
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
func (sc *sidecar) whatIsOn() []any {
	c, d := sc.config, sc.current.Load()
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
		"tables", strings.Join(tables, ","), "users", or(d.users != nil,
			"checked"), "backends", strings.Join(c.AuthenticationBackends, ","),
		"uploads", or(c.Uploads.MediaRoot != "", c.Uploads.MediaRoot), "proxies", or(len(proxies) > 0,
			strings.Join(proxies, ",")),
		"cache", or(c.Cache.TTL > 0, c.Cache.TTL.String()), "grpc", or(c.GRPCListen != "", "on"),
		"traces", or(c.Traces.URL != "", c.Traces.URL), "audit", or(c.AuditLog != "", c.AuditLog),
		"django", d.version.String(), "version", sc.build.Version,
	}
}
