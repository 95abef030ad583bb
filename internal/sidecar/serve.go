package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"django-sidecar/handlers"
	"django-sidecar/internal/config"
	"django-sidecar/internal/connections"
	"django-sidecar/internal/extauthz"
	"django-sidecar/internal/linger"
)

// WatchInterval is how often secret files are looked at. They are small, and Kubernetes swaps them unannounced. What
// two looks have found counts, so that a change is in force within a second.
const WatchInterval = 250 * time.Millisecond

// serve runs the servers and the watch until ctx ends or a server breaks.
func (sc *sidecar) serve(ctx context.Context, at Listeners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// What runs beside the servers goes on while they drain.
	beside, stopBeside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeside()
	// The admin listener stops last, and says meanwhile that the sidecar is draining.
	stopping := make(chan struct{})
	public := sc.publicHandler(stopping) //nolint:contextcheck // a request has a context of its own
	if sc.wrap != nil {
		public = sc.wrap(public)
	}
	main := newServer(public, sc.config.StoreTimeout, sc.logger)
	sc.encrypt(main, sc.config.Listen, publicTLS, "http/1.1")
	servers := []boundServer{sc.bind(main, at.Public, "public", 0)}
	if at.GRPC != nil {
		grpc := newServer(sc.grpcHandler(), sc.config.StoreTimeout, sc.logger)
		extauthz.Configure(grpc)
		sc.encrypt(grpc, sc.config.GRPCListen, publicTLS, "h2")
		servers = append(servers, sc.bind(grpc, at.GRPC, "grpc", maxGRPCConns))
	}
	//nolint:contextcheck // a request has a context of its own
	admin := newServer(sc.adminHandler(), sc.config.StoreTimeout, sc.logger)
	sc.encrypt(admin, sc.config.AdminListen, adminTLS, "http/1.1")
	servers = append(servers, sc.bind(admin, at.Admin, "admin", maxAdminConns))

	var running sync.WaitGroup
	broken := make(chan error, len(servers))
	for _, s := range servers {
		running.Go(func() {
			if err := s.serve(); !errors.Is(err, http.ErrServerClosed) {
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
	running.Go(func() { sc.watchRows(beside) })
	if sc.cache != nil && sc.config.Cache.Listen {
		running.Go(func() { sc.watchChanges(beside) })
	}
	if sc.shadow != nil {
		running.Go(func() { sc.shadow.Run(beside) })
	}
	if sc.uploads != nil {
		running.Go(func() { sc.uploads.run(beside, sc.logger) })
	}

	<-ctx.Done()
	sc.draining.Store(true)
	for _, s := range servers[:len(servers)-1] { // all but the admin listener
		s.listener.Drain()
	}
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

func (sc *sidecar) grpcHandler() http.Handler {
	return extauthz.New(extauthz.Options{
		Answers: sc.answers, Logger: sc.logger, Tracer: sc.tracer, Serving: func() bool { return !sc.draining.Load() }, Now: time.Now,
		Whole: connections.Known, Answered: connections.Answered, Ended: sc.refusedBy("grpc"),
	})
}

func (sc *sidecar) publicHandler(stopping <-chan struct{}) http.Handler {
	h := handlers.New(handlers.Options{
		Answers: sc.answers, Logger: sc.logger, Tracer: sc.tracer,
		EndedStatus: sc.config.EndedStatus, Explain: sc.config.Explain, TrustedProxies: sc.config.TrustedProxies,
		OnSocket: config.IsSocket(sc.config.Listen), Uploads: sc.uploadsHandler(), Audit: sc.audit,
	})
	return linger.Handler(h, linger.Options{
		Limit: sc.config.Linger, Stopping: stopping, Answered: connections.Over,
		Undelivered: sc.metrics.AnswerUndelivered, Now: time.Now,
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
		Version: sc.build.Version, Commit: sc.build.Commit, Go: runtime.Version(),
	})
}

// watch follows the files that secrets were read from, so that a rotated key works without a restart.
func (sc *sidecar) watch(ctx context.Context) {
	tick := time.NewTicker(WatchInterval)
	defer tick.Stop()
	sc.config.Watch(ctx, tick.C, func(c *config.Config, err error) {
		if err == nil {
			err = sc.replace(ctx, c)
		}
		sc.metrics.Reloaded(err == nil)
		sc.auditReload(err)
		if err != nil {
			sc.logger.WarnContext(ctx, "reading the settings again; the old ones stay in force", "error", err.Error())
			return
		}
		sc.logger.InfoContext(ctx, "the settings have been read again")
		sc.tellKeys(ctx, sc.current.Load().keys)
		sc.tellCertificates(ctx, c)
	})
}

// replace puts a new deployment in place of the current one, and has that closed once nobody can be using it.
func (sc *sidecar) replace(ctx context.Context, c *config.Config) error {
	d, err := newDeployment(c, sc.metrics, sc.tracer, sc.reportSilent)
	if err != nil {
		return err
	}
	old := sc.current.Swap(d)
	close(old.replaced)
	sc.metrics.NoStoreSilent() // as far as the new one knows
	sc.use(d)
	if old.database != nil {
		old.database.SetMaxIdleConns(0) // at once: where secrets change often, there would be many
	}
	sc.closing.Go(func() {
		<-time.After(old.config.StoreTimeout + time.Second) // a verdict ends before, also while we stop
		logIfError(ctx, sc.logger, "closing the old database connections", old.Close())
	})
	return nil
}

// reportSilent logs that a store does not answer, and that it does again.
func (sc *sidecar) reportSilent(store string, silent bool) {
	sc.metrics.StoreSilent(store, silent)
	if silent {
		sc.logger.Warn("a store does not answer; it is asked four times a second, and all other requests are "+
			"answered without it", "store", store)
		return
	}
	sc.logger.Info("the store answers again", "store", store)
}

// logIfError is for errors on the way out, which change nothing any more.
func logIfError(ctx context.Context, logger *slog.Logger, doing string, err error) {
	if err != nil {
		logger.WarnContext(ctx, "on the way out", "doing", doing, "error", err.Error())
	}
}
