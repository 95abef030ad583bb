package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/shadow"
	"django-sidecar/internal/sidecar"
	"django-sidecar/internal/tracing"
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
	return Run(ctx, c, o)
}

// logBytes is how much of the log may wait for whoever reads it.
const logBytes = 1 << 20

// limitMemory has the garbage collector keep within the container's memory, unless GOMEMLIMIT says otherwise. The
// number of processors follows the container without our doing.
func limitMemory(ctx context.Context, logger *slog.Logger) {
	if _, err := memlimit.Set(); err != nil {
		logger.DebugContext(ctx, "the container's memory limit is not known", "error", err.Error())
	}
}

// server is a running `serve`.
type server struct {
	*sidecar.Live

	build    Build
	shadow   *shadow.Shadow                  // nil where nothing is compared with Django
	uploads  *uploads                        // nil where they are off
	wrap     func(http.Handler) http.Handler // nil for nothing
	tracer   *tracing.Tracer                 // nil where there are no traces
	registry *prometheus.Registry
	draining atomic.Bool
	// rowsEvery is Options.RowsEvery.
	rowsEvery time.Duration
	// crowded says that a connection has been refused a moment ago, and collecting that collectEarly runs.
	crowded, collecting atomic.Bool
	closing             sync.WaitGroup // of collectEarly
}

// Run serves until ctx ends, and then finishes what is running. An error says why it could not start, or why a
// listener broke.
func Run(ctx context.Context, c *config.Config, o Options) error {
	sv := newServer(c, o)
	if err := sv.openTracer(ctx); err != nil {
		return err
	}
	defer sv.closeTracer(ctx)
	if err := sv.openAudit(ctx, o.Stderr); err != nil {
		return fmt.Errorf("SIDECAR_AUDIT_LOG: %w; %s", err, auditRemedy)
	}
	defer func() { sv.LogIfError(ctx, "closing the audit log", sv.Audit.Close()) }()
	defer sv.close(ctx)
	if faults := sv.prepare(ctx); len(faults) > 0 {
		return errors.Join(faults...)
	}
	for _, w := range sv.Current().Warnings() {
		o.Logger.WarnContext(ctx, "setting", "warning", w)
	}
	for _, h := range c.Hints {
		o.Logger.InfoContext(ctx, "setting", "hint", h)
	}
	at, err := openListeners(ctx, c)
	if err != nil {
		return err
	}
	o.Logger.InfoContext(ctx, "serving", append(at.addresses(), sv.whatIsOn()...)...)
	sv.TellKeys(ctx)
	sv.tellCertificates(ctx, c)
	if o.Listening != nil {
		o.Listening(at)
	}
	sv.auditStart(at)
	err = sv.serve(ctx, at)
	sv.Audit.Record(observe.AuditEvent{Name: observe.AuditStopped, Err: err})
	return err
}

func newServer(c *config.Config, o Options) *server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := observe.NewMetrics(registry, o.Build.Version, o.Build.Commit)
	if h, ok := o.Logger.Handler().(*observe.LogHandler); ok {
		metrics.EventsDropped(h.Dropped)
	}
	sv := &server{build: o.Build, wrap: o.Wrap, registry: registry, rowsEvery: o.RowsEvery}
	sv.Live = sidecar.NewLive(c, o.Logger, metrics)
	sv.Reloaded = sv.tellReload
	return sv
}

// tellReload tells of changed certificates, and the audit log of all that has changed.
func (sv *server) tellReload(ctx context.Context, c *config.Config, err error) {
	if err == nil {
		sv.tellCertificates(ctx, c)
	}
	sv.auditReload(err)
}

// prepare makes the deployment and the uploads, for check too. Run opens traces and the audit log before it, and the
// listeners after it. It goes on after a fault, as far as it can, and returns all of them.
func (sv *server) prepare(ctx context.Context) []error {
	if sv.tracer != nil {
		sv.Spans = sv.tracer.Questions
	}
	sv.newShadow()
	faults := sv.Prepare(ctx)
	if err := sv.openUploads(ctx); err != nil {
		faults = append(faults, uploadError{err})
	}
	return faults
}

// close ends what prepare has made.
func (sv *server) close(ctx context.Context) {
	sv.Close(ctx)
	sv.closing.Wait()
}

// whatIsOn is what the log says of a start.
func (sv *server) whatIsOn() []any {
	c, d := sv.Config, sv.Current()
	or := func(on bool, text string) string {
		if !on {
			return "off"
		}
		return text
	}
	var proxies []string
	for _, p := range c.TrustedProxies {
		proxies = append(proxies, p.String())
	}
	return []any{
		"sessions", d.Location(), "engine", c.SessionEngine, "cookies", strings.Join(c.SessionCookieNames, ","),
		"tables", strings.Join(d.Tables(), ","), "users", or(d.ChecksUsers(), "checked"), "backends", strings.Join(c.AuthenticationBackends, ","),
		"uploads", or(c.Uploads.MediaRoot != "", c.Uploads.MediaRoot), "proxies", or(len(proxies) > 0,
			strings.Join(proxies, ",")),
		"cache", or(c.Cache.TTL > 0, c.Cache.TTL.String()), "grpc", or(c.GRPCListen != "", "on"),
		"traces", or(c.Traces.URL != "", c.Traces.URL), "audit", or(c.AuditLog != "", c.AuditLog),
		"django", d.Version().String(), "version", sv.build.Version,
	}
}
