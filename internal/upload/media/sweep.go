package media

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Entry is what the state directory holds under an id.
type Entry struct {
	ID string
	// HasPart and HasState say which of the two there is; see the package's documentation for what follows from it.
	HasPart, HasState bool
	// Published says that the part is a file under MEDIA_ROOT too: its process died before it could remove it here.
	Published bool
	// Size is how many bytes the part has.
	Size int64
	// ModTime is when the part was last written to, or the state of one that is gone.
	ModTime time.Time
}

// Entries lists parts and states, in no order. It is no snapshot.
func (d *Dir) Entries() ([]Entry, error) {
	state, err := d.state()
	if err != nil {
		return nil, err
	}
	defer state.Close() //nolint:errcheck // it was only read
	names, err := state.Readdirnames(-1)
	if err != nil {
		return nil, fault("listing the state directory", err)
	}
	found := map[string]*Entry{}
	for _, name := range names {
		id, isPart := strings.CutSuffix(name, partSuffix)
		id, isState := strings.CutSuffix(id, stateSuffix)
		if isPart == isState || checkID(id) != nil {
			continue
		}
		info, err := state.stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault("listing the state directory", err)
		}
		if found[id] == nil {
			found[id] = &Entry{ID: id}
		}
		found[id].add(info, isPart, d.linked(info))
	}
	entries := make([]Entry, 0, len(found))
	for _, e := range found {
		entries = append(entries, *e)
	}
	return entries, nil
}

// linked reports whether a part has a second name, which is its name under Root. Where links are not what gives it
// that name, the number of links says nothing: a file system without links may tell any.
func (d *Dir) linked(part unix.Stat_t) bool { return d.way == byLink && part.Nlink > 1 }

func (e *Entry) add(info unix.Stat_t, isPart, linked bool) {
	if isPart {
		e.HasPart, e.Published, e.Size = true, linked, info.Size
	} else {
		e.HasState = true
	}
	if isPart || !e.HasPart {
		e.ModTime = time.Unix(info.Mtim.Unix())
	}
}

// Sweep removes what processes that are gone have left in the state directory: files that nobody locks, and parts that
// are published. It returns how many. It may be called at any time; whoever resumes uploads asks Published first.
func (d *Dir) Sweep() (int, error) {
	state, err := d.state()
	if err != nil {
		return 0, err
	}
	defer state.Close() //nolint:errcheck // a name that comes back after a power cut is swept again
	names, err := state.Readdirnames(-1)
	if err != nil {
		return 0, fault("listing the state directory", err)
	}
	swept := 0
	var faults []error
	for _, name := range names {
		id, isPart := strings.CutSuffix(name, partSuffix)
		if !strings.HasSuffix(name, tempSuffix) && !strings.HasSuffix(name, noteSuffix) &&
			!strings.HasSuffix(name, probeSuffix) && (!isPart || checkID(id) != nil) {
			continue // not ours
		}
		gone, err := d.sweep(state, name)
		if gone {
			swept++
		}
		faults = append(faults, fault("sweeping the state directory", err))
	}
	return swept, errors.Join(faults...)
}

// sweep removes a file if nobody locks it and, for a part, if it has a name under Root.
func (d *Dir) sweep(state folder, name string) (bool, error) {
	f, err := state.openToLock(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer d.closeLocked(name, f) //nolint:errcheck // it was only locked
	if info, err := statOf(f); err != nil || d.spares(name, info) {
		return false, err
	}
	err = d.lock(name, f)
	if errors.Is(err, ErrBusy) {
		return false, nil
	}
	info, err2 := statOf(f)
	if err := errors.Join(err, err2); err != nil {
		return false, err
	}
	if info.Mode&unix.S_IFMT != unix.S_IFREG || !state.holds(name, f) || d.spares(name, info) {
		return false, nil
	}
	switch {
	case strings.HasSuffix(name, partSuffix):
		// Its process did not come to write its name under Root to the disk. This one must not be the first to go.
		if err := syncAll(state); err != nil && !unknown(err) {
			return false, err
		}
	case !d.abandoned(time.Unix(info.Mtim.Unix())):
		return false, nil
	case strings.HasSuffix(name, noteSuffix):
		err := d.unreserve(name, f)
		if errors.Is(err, ErrBusy) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, removed(state.unlink(name))
}

// spares reports whether a file stays. It is asked before the file is locked, too: a lock would be in the way of
// whoever opens a part, or of a process that finds out whether there are locks.
func (d *Dir) spares(name string, info unix.Stat_t) bool {
	if strings.HasSuffix(name, probeSuffix) {
		return !d.old(time.Unix(info.Mtim.Unix()))
	}
	return strings.HasSuffix(name, partSuffix) && !d.linked(info)
}
