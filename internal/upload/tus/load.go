package tus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
)

// load returns the state of a user's upload, or what is to be answered.
func (h *Handler) load(id, owner string) (*state, error) {
	s, err := h.loadAny(id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, reply.NoUpload
	case err != nil:
		return nil, err
	case s.Owner != owner:
		return nil, reply.NoUpload
	case !h.Now().Before(s.Expires):
		return nil, reply.UploadExpired
	}
	return s, nil
}

func (h *Handler) loadAny(id string) (*state, error) {
	document, err := h.Media.LoadState(id)
	if err != nil {
		return nil, err
	}
	return decodeState(document)
}

// save stores the state. The upload lives on for Expiry.
func (h *Handler) save(id string, s *state) error {
	s.Expires = h.Now().Add(h.Expiry).UTC()
	document, err := s.encode()
	if err != nil {
		return err
	}
	if !s.Finished {
		h.open.add(s.Owner, id, max(s.Length, s.Offset), s.Expires)
	}
	return h.Media.SaveState(id, document)
}

// find is load for a request, by the token of its URL.
func (x *exchange) find(token string) (id string, s *state, err error) {
	if id, err = idOf(token, x.user); err != nil {
		return "", nil, err
	}
	s, err = x.load(id, x.user)
	if errors.Is(err, errState) { // nobody's, since it may not say whose
		x.report(err)
		err = reply.NoUpload
	}
	return id, s, err
}

// take finds an upload and takes it over from whatever request has it. The caller releases the lease.
func (x *exchange) take(ctx context.Context, token string) (id string, l *lease, s *state, err error) {
	if id, _, err = x.find(token); err != nil { // nobody has to end for that
		return "", nil, nil, err
	}
	l, err = x.leases.acquire(ctx, id)
	if err != nil {
		return "", nil, nil, err
	}
	if _, s, err = x.find(token); err == nil {
		err = x.settle(ctx, id, s)
	}
	if err != nil {
		x.leases.release(id, l)
		return "", nil, nil, err
	}
	return id, l, s, nil
}

// openPart opens the part of an upload, which begins with the bytes that count. The state is read again: another
// process, perhaps one that is being replaced by this one, may have had the part until now.
func (x *exchange) openPart(id string, s *state) (*media.PendingFile, *state, error) {
	x.Media.Claim(id, x.user, 0)
	f, missing := x.Media.OpenPart(id, -1, s.Length)
	if missing != nil && !errors.Is(missing, fs.ErrNotExist) {
		return nil, nil, missing
	}
	again, err := x.load(id, x.user)
	switch {
	case err != nil:
	case again.Name != s.Name || missing != nil && again.Name != "": // it may be published
		err = fmt.Errorf("%w: its state has changed", media.ErrBusy)
	case missing != nil:
		err = fmt.Errorf("%w: %w", media.ErrDamaged, missing)
	case f.Size() < again.Offset:
		err = fmt.Errorf("%w: %d of %d bytes are left", media.ErrDamaged, f.Size(), again.Offset)
	case f.Size() > again.Offset:
		err = f.Truncate(again.Offset)
	}
	if err == nil {
		return f, again, nil
	}
	if missing == nil {
		err = also(err, f.Close())
	}
	return nil, nil, err
}

// remove removes an upload if its state is still the one that was read; nil: there was none, or none that can be read.
// Another process may have gone on with it since, or published it.
func (h *Handler) remove(id string, s *state) error {
	return h.Media.RemoveIf(id, func() error {
		again, err := h.loadAny(id)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, errState):
			return nil
		case err != nil:
			return err
		case s == nil || again.Name != s.Name || !again.Expires.Equal(s.Expires):
			return fmt.Errorf("%w: its state has changed", media.ErrBusy)
		}
		return nil
	})
}
