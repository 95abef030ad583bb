package connections

import (
	"net"
	"sync"
)

// Queued returns l with a Close that loses nobody. The kernel takes connections before a program does, and resets
// those that wait for it when their listener closes: a request that a gateway has sent on one is lost. Close takes
// them in first, and Accept goes on until it has returned all of them.
func Queued(l net.Listener) net.Listener { return &queued{Listener: l} }

type queued struct {
	net.Listener

	mu   sync.Mutex
	late []net.Conn
}

// Close implements net.Listener.
func (l *queued) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := takeWaiting(l.Listener)
	err := l.Listener.Close() // at once: who comes in between is reset
	for _, w := range waiting {
		if c, err := w.conn(); err == nil {
			l.late = append(l.late, c)
		}
	}
	return err
}

// Accept implements net.Listener.
func (l *queued) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		return c, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.late) == 0 {
		return nil, err
	}
	c, l.late = l.late[0], l.late[1:]
	return c, nil
}
