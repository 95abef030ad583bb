package connections

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// maxWaiting is how many connections are taken in at most: more than net.core.somaxconn lets wait by default.
const maxWaiting = 4096

// waiting is the descriptor of a connection that the kernel has taken.
type waiting int

// takeWaiting takes the connections that wait for l to accept them, and closes the door in the next instant:
// net.Listener.Close does so only when the goroutine that accepts has woken up.
func takeWaiting(l net.Listener) (all []waiting) {
	s, ok := l.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) { // it fails where l is closed
		for len(all) < maxWaiting {
			accepted, _, err := syscall.Accept4(int(fd), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			switch {
			case err == nil:
				all = append(all, waiting(accepted))
			case !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.ECONNABORTED): // nobody waits
				_ = syscall.Shutdown(int(fd), syscall.SHUT_RD) // Close follows
				return
			}
		}
	})
	return all
}

// conn is the connection, which ends with an error.
func (w waiting) conn() (net.Conn, error) {
	file := os.NewFile(uintptr(w), "connection")
	defer file.Close() //nolint:errcheck // net.FileConn has a descriptor of its own
	return net.FileConn(file)
}
