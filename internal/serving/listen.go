package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/connections"
	"django-sidecar/internal/warm"
)

// The bounds of a connection. A verdict takes no body, so that a request is short.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = 120 * time.Second
	writeGrace        = 10 * time.Second // beyond the time that a verdict may take
	maxHeaderBytes    = 64 << 10         // what gunicorn and nginx take together is less
	maxHeadersBytes   = 2 << 20          // what these have sent, beyond 4 KiB each
	maxGRPCConns      = 128              // Envoy keeps one or two for each of its threads
	maxAdminConns     = 64               // of Prometheus and the kubelet
)

// StopTimeout is how long a stop waits for verdicts that are being made.
const StopTimeout = 20 * time.Second

// Listeners are the open ones; GRPC is nil where it is off.
type Listeners struct{ Public, Admin, GRPC net.Listener }

// openListeners opens all of them or none.
func openListeners(ctx context.Context, c *config.Config) (at Listeners, err error) {
	into := map[string]*net.Listener{
		"SIDECAR_LISTEN": &at.Public, "SIDECAR_ADMIN_LISTEN": &at.Admin,
		"SIDECAR_GRPC_LISTEN": &at.GRPC,
	}
	for _, l := range listenerAddresses(c) {
		if *into[l.setting], err = listen(ctx, l.address); err != nil {
			return Listeners{}, errors.Join(fmt.Errorf("%s: %w", l.setting, err), at.close())
		}
	}
	return at, nil
}

// listenerAddress is where a listener listens, and what says so.
type listenerAddress struct{ setting, address string }

// listenerAddresses are those of the listeners that there are.
func listenerAddresses(c *config.Config) []listenerAddress {
	all := []listenerAddress{{"SIDECAR_LISTEN", c.Listen}, {"SIDECAR_ADMIN_LISTEN", c.AdminListen}}
	if c.GRPCListen != "" {
		all = append(all, listenerAddress{"SIDECAR_GRPC_LISTEN", c.GRPCListen})
	}
	return all
}

// errSocketInUse says that another process listens on a socket.
var errSocketInUse = errors.New("another process listens on")

// tryListen finds out whether listen would succeed, and leaves everything as it was: a socket that a killed sidecar
// has left behind, too.
func tryListen(ctx context.Context, address string) error {
	if path, isSocket := strings.CutPrefix(address, "unix:"); isSocket {
		if stale, err := staleSocket(ctx, path); stale || err != nil {
			return err
		}
	}
	l, err := listen(ctx, address)
	if err != nil {
		return err
	}
	return l.Close() // which removes a socket
}

// isBusy reports whether listening failed because somebody else listens there.
func isBusy(err error) bool {
	return errors.Is(err, errSocketInUse) || errors.Is(err, syscall.EADDRINUSE)
}

func (at Listeners) close() error {
	var errs []error
	for _, l := range []net.Listener{at.Public, at.Admin, at.GRPC} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// addresses are what the log says of them.
func (at Listeners) addresses() []any {
	list := []any{"listen", at.Public.Addr().String(), "admin_listen", at.Admin.Addr().String()}
	if at.GRPC != nil {
		list = append(list, "grpc_listen", at.GRPC.Addr().String())
	}
	return list
}

// boundServer is a server with what it listens on.
type boundServer struct {
	name     string
	server   *http.Server
	listener *connections.Listener
}

// serve answers until the server is shut down, or the listener breaks.
func (s boundServer) serve() error {
	if s.server.TLSConfig != nil {
		return s.server.ServeTLS(s.listener, "", "")
	}
	return s.server.Serve(s.listener)
}

// bind puts a server on a listener, within the bounds of SIDECAR_MAX_CONNECTIONS and most; 0 is none.
func (sv *server) bind(s *http.Server, l net.Listener, name string, most int) boundServer {
	all := sv.Config.MaxConnections
	if most > 0 && (all == 0 || most < all) {
		all = most
	}
	o := connections.Options{
		Connections: all, HeaderBytes: maxHeadersBytes, Refused: sv.refusedBy(name), Now: time.Now,
	}
	if s.HTTP2 != nil {
		o.HeaderBytes = 0 // the server bounds each connection by itself
	}
	b := boundServer{name, s, connections.New(warm.LazyDeadlines(connections.Queued(l)), o)}
	b.listener.Watch(s)
	return b
}

// refusedBy counts a connection of a listener that there was no room for. What such ones leave in memory is collected
// early: there may be very much of it.
func (sv *server) refusedBy(listener string) func() {
	count := sv.Metrics.ConnectionsRefused(listener)
	return func() {
		count()
		sv.crowded.Store(true)
		if sv.collecting.CompareAndSwap(false, true) {
			sv.closing.Go(sv.collectEarly)
		}
	}
}

// collectEarly has the collector run early until no connection has been refused for a second.
func (sv *server) collectEarly() {
	defer sv.collecting.Store(false)
	const early = 25 // percent of what lives
	before := debug.SetGCPercent(early)
	if before < early { // it runs earlier already, or by the memory's limit alone
		debug.SetGCPercent(before)
	}
	for sv.crowded.Swap(false) {
		<-time.After(time.Second)
	}
	debug.SetGCPercent(before)
}

// listen opens an address of the settings: host:port, or unix: and a path.
func listen(ctx context.Context, address string) (net.Listener, error) {
	path, isSocket := strings.CutPrefix(address, "unix:")
	if !isSocket {
		return new(net.ListenConfig).Listen(ctx, "tcp", address)
	}
	if err := removeStaleSocket(ctx, path); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// Who may connect is for the folder's permissions and the group to say.
	if err := os.Chmod(path, 0o660); err != nil { //nolint:gosec // the gateway runs as another user of the group
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStaleSocket removes what a killed sidecar left behind, and nothing else.
func removeStaleSocket(ctx context.Context, path string) error {
	if stale, err := staleSocket(ctx, path); !stale || err != nil {
		return err
	}
	return os.Remove(path)
}

// staleSocket reports whether path is a socket that nobody listens on. Anything else that is there is an error.
func staleSocket(ctx context.Context, path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode()&os.ModeSocket == 0:
		return false, fmt.Errorf("%s exists and is no socket", path)
	}
	if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		return false, errors.Join(fmt.Errorf("%w %s", errSocketInUse, path), c.Close())
	}
	return true, nil
}

func newHTTPServer(h http.Handler, verifyTimeout time.Duration, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      verifyTimeout + writeGrace,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true, // "OPTIONS *" would be a 200, which gateways take for a yes
	}
}
