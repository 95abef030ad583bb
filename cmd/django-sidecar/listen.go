package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// The bounds of a connection. A verdict takes no body, so that a request is short.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = 120 * time.Second
	writeGrace        = 10 * time.Second // beyond the time that a verdict may take
	maxHeaderBytes    = 64 << 10         // what gunicorn and nginx take together is less
	stopTimeout       = 20 * time.Second // for what is running when the stop comes
)

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
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("%s exists and is no socket", path)
	}
	if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
		return errors.Join(fmt.Errorf("another process listens on %s", path), c.Close())
	}
	return os.Remove(path)
}

func newServer(h http.Handler, verifyTimeout time.Duration, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      verifyTimeout + writeGrace,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
