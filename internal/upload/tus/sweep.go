package tus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"django-sidecar/internal/upload/media"
)

// Sweep tells of the files that processes have published that died before they could tell, removes what has expired,
// and counts what is unfinished. It is called at start and every now and then. What it meets in use is left for the
// next time.
func (h *Handler) Sweep(ctx context.Context) error {
	entries, err := h.Media.Entries()
	if err != nil {
		return err
	}
	var faults []error
	seen := map[string]bool{}
	for _, e := range entries {
		seen[e.ID] = true
		if err := ctx.Err(); err != nil {
			return errors.Join(append(faults, err)...)
		}
		err := h.sweep(ctx, e)
		if err != nil && !errors.Is(err, media.ErrBusy) && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, fmt.Errorf("sweeping upload %s: %w", e.ID, err))
		}
	}
	h.forget(seen)
	_, err = h.Media.Sweep()
	return errors.Join(append(faults, err)...)
}

func (h *Handler) sweep(ctx context.Context, e media.Entry) error {
	l := h.leases.try(e.ID)
	if l == nil {
		return nil
	}
	defer h.leases.release(e.ID, l)
	s, err := h.loadAny(e.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist): // given up
		return h.remove(e.ID, nil)
	case errors.Is(err, errState):
		if e.ModTime.Add(h.Expiry).After(h.Now()) {
			return err
		}
		return h.remove(e.ID, nil) // nobody will come for it
	case err != nil:
		return err
	}
	if err := h.settle(ctx, e.ID, s); err != nil {
		return err
	}
	if !h.Now().Before(s.Expires) {
		err := h.remove(e.ID, s)
		if err == nil {
			h.open.end(s.Owner, e.ID)
		}
		return err
	}
	if s.Expires.After(h.Now().Add(h.Expiry)) {
		if err := h.renew(e.ID, s); err != nil {
			return err
		}
	}
	if s.Finished { // by another process, perhaps
		h.open.end(s.Owner, e.ID)
		h.Media.Release(e.ID)
		return nil
	}
	h.open.add(s.Owner, e.ID, max(s.Length, e.Size), s.Expires)
	h.Media.Claim(e.ID, s.Owner, max(0, s.Length-e.Size))
	return nil
}

// renew has an upload live for Expiry from now, where it would live for longer: a clock was set back that had been
// ahead, or Expiry has become shorter. It must not keep its share of what its user may have until that time comes.
func (h *Handler) renew(id string, s *state) error {
	if s.Finished {
		return h.save(id, s)
	}
	f, err := h.Media.OpenPart(id, -1, -1) // nobody else writes its state meanwhile
	if err != nil {
		return err
	}
	again, err := h.loadAny(id)
	if err == nil {
		err = h.save(id, again)
		*s = *again
	}
	return also(err, f.Close())
}

// forget lets uploads count no more that another process has finished or removed.
func (h *Handler) forget(seen map[string]bool) {
	for id, owner := range h.open.except(seen) {
		l := h.leases.try(id)
		if l == nil {
			continue
		}
		if _, err := h.Media.LoadState(id); errors.Is(err, fs.ErrNotExist) { // it has not begun since
			h.open.end(owner, id)
			h.Media.Release(id)
		}
		h.leases.release(id, l)
	}
}
