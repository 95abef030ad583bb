package tus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"django-sidecar/internal/upload/media"
)

// publish publishes a complete upload, if its user may still do that.
func (x *exchange) publish(ctx context.Context, id string, f *media.PendingFile, s *state) error {
	if err := x.recheck(); err != nil {
		return err
	}
	names, err := x.Name(filename(s.metadata))
	if err != nil {
		return err
	}
	if err := x.examine(id, f, s); err != nil {
		return err
	}
	_, err = f.Publish(func() (string, error) {
		name, err := names()
		if err != nil {
			return "", err
		}
		s.Name = name
		return name, x.save(id, s)
	})
	if err != nil {
		return err
	}
	if err := x.announce(ctx, id, s); err != nil {
		return err
	}
	if x.visit.Stored != nil {
		x.visit.Stored(s.upload(id).Size)
	}
	return nil
}

// examine finds out what the file is.
func (x *exchange) examine(id string, f *media.PendingFile, s *state) (err error) {
	var head [512]byte // what DetectContentType looks at
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.DetectedType = http.DetectContentType(head[:n])
	if s.SHA256, err = x.sumOf(f, s); err != nil || x.Inspect == nil {
		return err
	}
	if err := x.Inspect(s.upload(id), f); err != nil {
		x.open.end(s.Owner, id)
		return also(err, f.Discard())
	}
	return nil
}

// announce tells of a published file, then notes that this has been done: in this order it is told at least once.
func (h *Handler) announce(ctx context.Context, id string, s *state) error {
	if err := h.Published(context.WithoutCancel(ctx), s.upload(id)); err != nil {
		return fmt.Errorf("telling of a published upload: %w", err)
	}
	s.Finished, s.Hash = true, nil
	if err := h.save(id, s); err != nil {
		return err
	}
	h.open.end(s.Owner, id)
	return nil
}

// settle finds out what became of an upload that was being published, in this process or in one that died of it.
func (h *Handler) settle(ctx context.Context, id string, s *state) error {
	if s.Finished || s.Name == "" {
		return nil
	}
	published, err := h.published(id, s)
	if err != nil || !published || s.Finished {
		return err
	}
	if err := h.Media.Persist(s.Name); err != nil {
		return err
	}
	return h.announce(ctx, id, s)
}

// published says whether a file is published that may be. Nobody else uses its part meanwhile. Where another process
// has published it, s becomes the state that this one has left.
func (h *Handler) published(id string, s *state) (bool, error) {
	f, err := h.Media.OpenPart(id, -1, -1)
	switch {
	case err == nil:
		return false, f.Close()
	case errors.Is(err, media.ErrPublished): // under the last name, it should be
		return h.Media.Published(id, s.Name)
	case errors.Is(err, fs.ErrNotExist):
		// The state is there and its part is not, which says that it is published under the last name that was saved;
		// but is the state still there, and is its name still the last?
		again, err := h.loadAny(id)
		if err != nil {
			return false, err
		}
		*s = *again
		return true, nil
	}
	return false, err
}
