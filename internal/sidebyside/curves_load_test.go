//go:build bench

package sidebyside

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// drive is load at a rate, which wrk cannot make.
type drive struct {
	addrs       []string
	connections int     // in all; they are shared out over the addresses
	rate        float64 // requests a second, in all; 0: as many as can be
	count       int     // requests; 0: until the context ends
	key         func(i int) string
}

// driven is what came of a drive.
type driven struct {
	requests  int
	seconds   float64
	latencies []time.Duration // sorted; from when a request was due
}

func (d *driven) percentile(percent float64) time.Duration { return percentile(d.latencies, percent) }

// percentile of what is sorted.
func percentile(sorted []time.Duration, percent float64) time.Duration {
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*percent/100))]
}

// run returns when all is answered, or with the first answer that is no yes.
func (d *drive) run(ctx context.Context) (*driven, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	latencies, failures := make([][]time.Duration, d.connections), make([]error, d.connections)
	start := time.Now()
	for w := range d.connections {
		running.Go(func() {
			if latencies[w], failures[w] = d.work(ctx, w, start); failures[w] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	result := &driven{seconds: time.Since(start).Seconds(), latencies: slices.Concat(latencies...)}
	result.requests = len(result.latencies)
	slices.Sort(result.latencies)
	return result, errors.Join(failures...)
}

// work makes every request whose number is that of the connection, modulo connections.
func (d *drive) work(ctx context.Context, w int, start time.Time) ([]time.Duration, error) {
	c, err := dial(ctx, d.addrs[w%len(d.addrs)])
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // it was read to the end of an answer
	var latencies []time.Duration
	for i := w; d.count == 0 || i < d.count; i += d.connections {
		due := time.Now()
		if d.rate > 0 {
			due = start.Add(time.Duration(float64(i) / d.rate * float64(time.Second)))
		}
		if !until(ctx, due) {
			break
		}
		status, err := c.ask(d.key(i))
		if err != nil {
			return nil, err
		}
		if status != http.StatusOK {
			return nil, fmt.Errorf("request %d was answered with %d", i, status)
		}
		latencies = append(latencies, time.Since(due))
	}
	return latencies, nil
}

// until waits for a time, and says whether the context is still alive.
func until(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// asker is a connection to a sidecar.
type asker struct {
	net.Conn

	reader *bufio.Reader
}

func dial(ctx context.Context, addr string) (*asker, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &asker{conn, bufio.NewReader(conn)}, nil
}

// ask returns the status of the answer.
func (a *asker) ask(key string) (int, error) {
	err := a.SetDeadline(time.Now().Add(10 * time.Second))
	_, writeErr := io.WriteString(a, "GET "+sidecarPath+" HTTP/1.1\r\nHost: sidecar\r\nCookie: sessionid="+key+"\r\n\r\n")
	if err := cmp.Or(err, writeErr); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(a.reader, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}
