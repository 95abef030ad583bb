package djangocache

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// undialled is a connection that could not be made. All that is done with it fails for that reason.
//
// A pool of the library counts connections that fail to be made. After as many as it may have, it tries one a second, each
// for the whole of DialTimeout, and fails all questions meanwhile: a server that is back is found only after two seconds.
// A connection that fails when it is used is not counted, so that each question that a Breaker lets through tries for itself.
type undialled struct{ reason hidden }

// hidden is an error that is compared as ever, and whose kind the library does not see: it would dial two times more at
// once for the same question.
type hidden struct{ error }

// Is has errors.Is find what is hidden, but for the nothing that a Sentinel may have answered: the server would have
// answered that it has no such key.
func (h hidden) Is(target error) bool { return target != redis.Nil && errors.Is(h.error, target) }

// As has errors.As find that a time was over, as a Breaker asks. The library tries again after any other error of a
// network.
func (h hidden) As(target any) bool {
	var reason net.Error
	network, ok := target.(*net.Error)
	if !ok || !errors.As(h.error, &reason) || !reason.Timeout() {
		return false
	}
	*network = reason
	return true
}

// hiddenIn is what is hidden in an error, or nil.
func hiddenIn(err error) error {
	var h hidden
	if errors.As(err, &h) {
		return h.error
	}
	return nil
}

// laterFailing has a client be told that it cannot connect when it asks.
func (d dialFunc) laterFailing() dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d(ctx, network, addr)
		if err != nil {
			return undialled{hidden{err}}, nil //nolint:nilerr // it is told later
		}
		return conn, nil
	}
}

// failingNow is laterFailing taken back.
func (d dialFunc) failingNow() dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := d(ctx, network, addr)
		if u, ok := conn.(undialled); ok {
			return nil, u.reason.error
		}
		return conn, err
	}
}

// Read implements net.Conn.
func (u undialled) Read([]byte) (int, error) { return 0, u.reason }

// Write implements net.Conn.
func (u undialled) Write([]byte) (int, error) { return 0, u.reason }

// SyscallConn implements syscall.Conn. Where a connection comes when its question has given up, the library keeps it for
// the next one, looks here whether it is still good, and makes another.
func (u undialled) SyscallConn() (syscall.RawConn, error) { return nil, u.reason }

// Close implements net.Conn.
func (u undialled) Close() error { return nil }

// LocalAddr implements net.Conn.
func (u undialled) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (u undialled) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline implements net.Conn.
func (u undialled) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (u undialled) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (u undialled) SetWriteDeadline(time.Time) error { return nil }
