package tus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"django-sidecar/internal/reply"
)

// step is what a PATCH asks for.
type step struct {
	offset   int64
	length   int64 // absent where it is not told
	checksum *checksum
}

// parseStep reads the headers of PATCH: Core protocol, Creation (of a length that comes later), Checksum.
func parseStep(h http.Header) (p step, err error) {
	if err := checkBody(h); err != nil {
		return p, err
	}
	if p.offset, err = length(h, "Upload-Offset"); err != nil {
		return p, err
	}
	if p.offset == absent {
		return p, reply.NoOffset
	}
	if p.length, err = length(h, "Upload-Length"); err != nil {
		return p, err
	}
	p.checksum, err = checksumOf(h)
	return p, err
}

// check holds a PATCH against the upload as it is, and tells the upload its length if that is new.
func (x *exchange) check(p step, s *state) error {
	if p.offset != s.Offset {
		return reply.OtherOffset
	}
	switch {
	case p.length == absent:
	case p.length > x.MaxBytes:
		return reply.UploadTooLarge
	case s.Length == absent && p.length >= s.Offset:
		s.Length = p.length
	case s.Length != p.length: // Creation: once set the length must not be changed
		return reply.OtherLength
	}
	return x.checkSize(s.Offset, s.Length)
}

// patch appends to an upload: Core protocol, PATCH.
func (x *exchange) patch(ctx context.Context, token string) error {
	p, err := parseStep(x.r.Header)
	if err != nil {
		return err
	}
	id, l, s, err := x.take(ctx, token)
	if err != nil {
		return err
	}
	defer x.leases.release(id, l)
	leave, err := x.visit.enter(x.user) // after the lease: the one that is taken over counts no more
	if err != nil {
		return err
	}
	defer leave()
	if s.Finished { // the client has not got the last answer, or finds its file's end only now
		if err = x.check(p, s); err == nil {
			err = x.expectNothing(l)
		}
	} else {
		s, err = x.append(ctx, id, l, p, s)
	}
	if err != nil {
		return err
	}
	x.describe(s)
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// expectNothing refuses a body that has a byte. One in chunks may have none: tus-java-client 0.5.1
// (TusUploader.uploadChunk) begins a request before it sees that its file has ended.
func (x *exchange) expectNothing(l *lease) error {
	if x.drained {
		return nil
	}
	if err := l.await(http.NewResponseController(x.w), x.Now().Add(x.Grace)); err != nil {
		return fmt.Errorf("setting the deadline of a body: %w", err)
	}
	n, err := io.ReadFull(x.r.Body, make([]byte, 1))
	if !l.finish() {
		x.w.Header().Set("Connection", "close")
	}
	switch {
	case n > 0:
		return reply.BeyondLength
	case errors.Is(err, io.EOF):
		x.drained = true
		return nil
	}
	return l.unread(err)
}

func (x *exchange) append(ctx context.Context, id string, l *lease, p step, s *state) (_ *state, err error) {
	if err := x.check(p, s); err != nil {
		return nil, err
	}
	if err := x.open.grow(x.user, id, s.Length); err != nil { // it may be known since now
		return nil, err
	}
	f, s, err := x.openPart(id, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = also(err, f.Close()) }()
	if err := x.check(p, s); err != nil { // another process may have gone on with it
		return nil, err
	}
	if err := x.receive(id, l, f, s, p.checksum); err != nil {
		return nil, err
	}
	if s.complete() {
		err = x.publish(ctx, id, f, s)
	}
	return s, err
}
