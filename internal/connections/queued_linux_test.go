package connections_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"django-sidecar/internal/connections"
)

// TestQueued: whoever the kernel has let in before the listener closes is served.
func TestQueued(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			inner, err := new(net.ListenConfig).Listen(t.Context(), network, address)
			if err != nil {
				t.Fatal(err)
			}
			l := connections.Queued(inner)
			const many = 20
			var clients []net.Conn
			for range many {
				c, err := new(net.Dialer).DialContext(t.Context(), network, inner.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close() //nolint:errcheck // it has been read to its end
				if _, err := io.WriteString(c, "ping"); err != nil {
					t.Fatal(err)
				}
				clients = append(clients, c)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			for range many {
				c, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if err := errors.Join(c.SetDeadline(time.Now().Add(time.Minute)), copyFour(c), c.Close()); err != nil {
					t.Error(err)
				}
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("one more than came: %v", err)
			}
			for _, c := range clients {
				if got, err := io.ReadAll(c); string(got) != "ping" || err != nil {
					t.Errorf("the client has read %q, %v", got, err)
				}
			}
			if _, err := new(net.Dialer).DialContext(t.Context(), network, inner.Addr().String()); err == nil {
				t.Error("the door is open still")
			}
		})
	}
}

// copyFour sends four bytes back.
func copyFour(c net.Conn) error {
	_, err := io.CopyN(c, c, 4)
	return err
}
