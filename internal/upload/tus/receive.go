package tus

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/pace"
)

const (
	// bufferBytes is what an upload has in memory.
	bufferBytes = 256 << 10
	// syncBytes is how much a request may lose when the machine stops. It bounds how long the next request waits for
	// the disk when it takes over.
	syncBytes = 32 << 20
)

var buffers = sync.Pool{New: func() any { return new([bufferBytes]byte) }}

// intake is the body of one request on its way to the disk.
type intake struct {
	*exchange
	id       string
	lease    *lease
	file     *media.PendingFile
	state    *state
	checksum *checksum // nil: none
	digest   hash.Hash // nil: none
	sums     []hash.Hash
	pace     pace.Limit
	asked    time.Time // when Owner was last
}

// receive reads the body. All that came counts, also if it ends early, but for a body with a checksum: that counts as a
// whole or not at all, and so does one that is too long.
func (x *exchange) receive(id string, l *lease, f *media.PendingFile, s *state, c *checksum) error {
	digest, err := x.digestOf(f, s)
	if err != nil {
		return err
	}
	now := x.Now()
	in := &intake{
		exchange: x, id: id, lease: l, file: f, state: s, checksum: c, digest: digest, asked: now,
		pace: pace.New(x.MinRate, x.Grace, x.Idle, now),
	}
	if digest != nil {
		in.sums = append(in.sums, digest)
	}
	if c != nil {
		in.sums = append(in.sums, c)
	}
	err = in.read()
	if !l.finish() {
		x.w.Header().Set("Connection", "close")
	}
	switch {
	case errors.Is(err, reply.BeyondLength) || errors.Is(err, reply.UploadTooLarge) || errors.Is(err, reply.OpenTooLarge) ||
		err != nil && c != nil:
		return err
	case err == nil:
		err = c.verify()
		if err != nil {
			return err
		}
	}
	if err := in.save(); err != nil {
		return err
	}
	return err
}

// read reads the body to its end.
func (in *intake) read() error {
	buffer, ok := buffers.Get().(*[bufferBytes]byte)
	if !ok {
		panic("tus: internal error: the pool has something else")
	}
	defer buffers.Put(buffer)
	control := http.NewResponseController(in.w)
	for {
		if err := in.lease.await(control, in.pace.Until()); err != nil {
			return fmt.Errorf("setting the deadline of a body: %w", err)
		}
		n, err := in.r.Body.Read(buffer[:])
		if err := in.take(buffer[:n]); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			in.drained = true
			return nil
		case err != nil:
			return in.lease.unread(err)
		}
	}
}

// unread says why a body could not be read to its end.
func (l *lease) unread(err error) error {
	switch {
	case l.isTaken():
		return reply.TakenOver
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reply.BodyTooSlow
	}
	return reply.BodyEndedEarly // the client is gone, or its chunks are malformed
}
