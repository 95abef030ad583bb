package tus

import (
	"context"
	"net/http"

	"django-sidecar/internal/upload/media"
)

// post creates an upload, and takes the part of it that is in the body: Creation, Creation With Upload.
func (x *exchange) post(ctx context.Context) error {
	c, err := x.parseCreation()
	if err != nil {
		return err
	}
	if _, err := x.Name(filename(c.values)); err != nil {
		return err
	}
	token := newToken()
	id, err := idOf(token, x.user)
	if err != nil {
		return err
	}
	if c.hasBody {
		leave, err := x.visit.enter(x.user)
		if err != nil {
			return err
		}
		defer leave()
	}
	if err := x.open.begin(x.user, id, c.length, x.Now()); err != nil {
		return err
	}
	l, err := x.leases.acquire(ctx, id) // against Sweep: nobody else knows the id
	if err != nil {
		x.open.end(x.user, id)
		return err
	}
	defer x.leases.release(id, l)
	s := &state{Owner: x.user, Length: c.length, Metadata: c.metadata, metadata: c.values}
	if err := x.create(ctx, id, l, s, c); err != nil {
		x.open.end(x.user, id)
		return err
	}
	h := x.w.Header()
	h.Set("Location", x.BasePath+token)
	x.describe(s)
	x.w.WriteHeader(http.StatusCreated)
	return nil
}

// create makes the part and its state. If that or the body fails, nothing stays: the client does not know the URL.
func (x *exchange) create(ctx context.Context, id string, l *lease, s *state, c creation) (err error) {
	x.Media.Claim(id, x.user, 0)
	f, err := x.Media.CreatePart(id, s.Length)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = also(err, f.Discard()) // which leaves what is published
			return
		}
		err = f.Close()
	}()
	if err := x.save(id, s); err != nil {
		return err
	}
	return x.fill(ctx, id, l, f, s, c)
}

func (x *exchange) fill(ctx context.Context, id string, l *lease, f *media.PendingFile, s *state, c creation) error {
	err := c.checksum.verify // of no bytes
	if c.hasBody {
		err = func() error { return x.receive(id, l, f, s, c.checksum) }
	}
	if err := err(); err != nil || !s.complete() {
		return err
	}
	return x.publish(ctx, id, f, s)
}
