package tus

import (
	"encoding"

	"django-sidecar/internal/reply"
)

// take writes some bytes, and does what is due every now and then.
func (in *intake) take(p []byte) error {
	if err := in.fits(int64(len(p))); err != nil {
		return err
	}
	if in.state.Length == absent {
		if err := in.open.grow(in.user, in.id, in.file.Size()+int64(len(p))); err != nil {
			return err
		}
	}
	n, err := in.file.Write(p)
	for _, h := range in.sums {
		h.Write(p[:n])
	}
	if err != nil {
		return err
	}
	now := in.Now()
	in.pace.Add(n, now)
	due := now.Sub(in.asked) >= in.RecheckInterval
	if due {
		if err := in.recheck(); err != nil {
			return err
		}
		in.asked = in.Now()
	}
	if in.checksum == nil && (due || in.file.Size()-in.state.Offset >= in.syncEvery) {
		return in.save() // it would otherwise expire too, however long it lasts
	}
	return nil
}

func (in *intake) fits(n int64) error {
	switch room := in.MaxBytes - in.file.Size(); {
	case in.state.Length != absent && n > in.state.Length-in.file.Size():
		return reply.BeyondLength
	case n > room:
		return reply.UploadTooLarge
	}
	return nil
}

// save makes count what has been written: first it is on the disk, then the state says so.
func (in *intake) save() error {
	if err := in.file.Sync(); err != nil {
		return err
	}
	in.state.Offset, in.state.Hash = in.file.Size(), nil
	if m, ok := in.digest.(encoding.BinaryMarshaler); ok {
		var err error
		if in.state.Hash, err = m.MarshalBinary(); err != nil {
			return err
		}
	}
	return in.Handler.save(in.id, in.state)
}
