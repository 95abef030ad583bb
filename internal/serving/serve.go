package serving

import (
	"context"
	"errors"
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

// serve runs the servers and the watch until ctx ends or a server breaks.
func (sv *server) serve(ctx context.Context, at Listeners) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// What runs beside the servers goes on while they drain.
	beside, stopBeside := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBeside()
	// The admin listener stops last, and says meanwhile that the sidecar is draining.
	stopping := make(chan struct{})
	public := sv.publicHandler(stopping) //nolint:contextcheck // a request has a context of its own
	if sv.wrap != nil {
		public = sv.wrap(public)
	}
	main := newHTTPServer(public, sv.Config.StoreTimeout, sv.Logger)
	sv.encrypt(main, sv.Config.Listen, publicTLS, "http/1.1")
	servers := []boundServer{sv.bind(main, at.Public, "public", 0)}
	if at.GRPC != nil {
		grpc := newHTTPServer(sv.grpcHandler(), sv.Config.StoreTimeout, sv.Logger)
		extauthz.Configure(grpc)
		sv.encrypt(grpc, sv.Config.GRPCListen, publicTLS, "h2")
		servers = append(servers, sv.bind(grpc, at.GRPC, "grpc", maxGRPCConns))
	}
	//nolint:contextcheck // a request has a context of its own
	admin := newHTTPServer(sv.adminHandler(), sv.Config.StoreTimeout, sv.Logger)
	sv.encrypt(admin, sv.Config.AdminListen, adminTLS, "http/1.1")
	servers = append(servers, sv.bind(admin, at.Admin, "admin", maxAdminConns))

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
	running.Go(func() { sv.Watch(beside) })
	running.Go(func() {
		if unknown := sv.Current().UnknownRelations(beside); unknown != "" {
			sv.Logger.WarnContext(beside, "groups and permissions", "warning", unknown)
		}
	})
	running.Go(func() { sv.tellUnready(beside) })
	running.Go(func() { sv.WatchRows(beside, sv.rowsEvery) })
	running.Go(func() { sv.WatchChanges(beside) })
	if sv.shadow != nil {
		running.Go(func() { sv.shadow.Run(beside) })
	}
	if sv.uploads != nil {
		running.Go(func() { sv.uploads.run(beside, sv.Logger) })
	}

	<-ctx.Done()
	sv.draining.Store(true)
	for _, s := range servers[:len(servers)-1] { // all but the admin listener
		s.listener.Drain()
	}
	if len(broken) == 0 {
		sv.drain(ctx, servers)
	}
	close(stopping)
	sv.Logger.InfoContext(ctx, "stopping")
	err := sv.stop(ctx, servers)
	stopBeside()
	running.Wait()
	select {
	case brokenErr := <-broken:
		return brokenErr
	default:
	}
	sv.LogIfError(ctx, "stopping", err)
	sv.Logger.InfoContext(ctx, "stopped")
	return nil
}

func (sv *server) grpcHandler() http.Handler {
	return extauthz.New(extauthz.Options{
		Answers: sv.Answers, Logger: sv.Logger, Tracer: sv.tracer, Serving: func() bool { return !sv.draining.Load() }, Now: time.Now,
		Whole: connections.Known, Answered: connections.Answered, Ended: sv.refusedBy("grpc"),
	})
}

func (sv *server) publicHandler(stopping <-chan struct{}) http.Handler {
	h := handlers.New(handlers.Options{
		Answers: sv.Answers, Logger: sv.Logger, Tracer: sv.tracer,
		EndedStatus: sv.Config.EndedStatus, Explain: sv.Config.Explain, TrustedProxies: sv.Config.TrustedProxies,
		OnSocket: config.IsSocket(sv.Config.Listen), Uploads: sv.uploadsHandler(), Audit: sv.Audit, Login: sv.loginHandler(),
		Writes: sv.writesHandler(),
	})
	return linger.Handler(h, linger.Options{
		Limit: sv.Config.Linger, Stopping: stopping, Answered: connections.Over,
		Undelivered: sv.Metrics.AnswerUndelivered, Now: time.Now,
	})
}

func (sv *server) adminHandler() http.Handler {
	return handlers.NewAdmin(handlers.AdminOptions{
		Ready: func(ctx context.Context) []handlers.Check {
			if sv.draining.Load() {
				return []handlers.Check{{Name: "serving", Err: errors.New("draining")}}
			}
			var checks []handlers.Check
			for _, r := range sv.Current().Ready(ctx) {
				checks = append(checks, handlers.Check(r))
			}
			return checks
		},
		Metrics: promhttp.HandlerFor(sv.registry, promhttp.HandlerOpts{}),
		Version: sv.build.Version, Commit: sv.build.Commit, Go: runtime.Version(),
	})
}

// tellUnready logs what does not answer as the sidecar starts: it serves all the same, and says 503 until it does.
func (sv *server) tellUnready(ctx context.Context) {
	for _, r := range sv.Current().Ready(ctx) {
		if r.Err != nil && ctx.Err() == nil {
			sv.Logger.WarnContext(ctx, "not ready", "what", r.Name, "error", r.Err.Error(),
				"hint", "django-sidecar check says what to do")
		}
	}
}
