package djangotest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"django-sidecar/internal/flock"
)

// freePort returns a loopback port that nothing listens on, another one each time until they are used up. It lies below
// the range from which kernels take the ports of outgoing connections, so that a server which is down for a while finds
// it free again.
func freePort() (int, error) {
	own, err := ownPorts()
	if err != nil {
		return 0, err
	}
	for range portsOfOne {
		port := own.first + int(portsTried.Add(1))%portsOfOne
		listener, err := listen(context.Background(), loopback(port))
		if err != nil {
			continue
		}
		return port, listener.Close()
	}
	return 0, errors.New("no free loopback port")
}

const portsOfOne = 500 // how many ports are one process's

var portsTried atomic.Int64

// ports are one process's own as long as the file is locked, which is until the process ends.
type ports struct {
	first int
	lock  *os.File
}

// ownPorts are this process's. Packages are tested at the same time, and a port is free between the look at it and the
// start of its server.
var ownPorts = sync.OnceValues(func() (own ports, err error) {
	for first := 15_000; first < 32_000; first += portsOfOne {
		var f *os.File
		f, err = os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("djangotest-ports-%d", first)), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			continue // another user's
		}
		if err = flock.Try(f); err == nil {
			return ports{first, f}, nil
		}
		_ = f.Close()
	}
	return ports{}, fmt.Errorf("no ports are left for this process: %w", err)
})
