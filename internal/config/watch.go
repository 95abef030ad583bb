package config

import (
	"context"
	"time"
)

// Watch looks at the files that the environment names at each tick, until ctx is done. It calls onChange with a new
// Config when they hold something else, and with an error when that cannot be taken: once for each different failure,
// during which the last good Config stays right. Where a failure ends without a change, onChange gets a Config all
// the same. It starts no goroutine, and calls onChange in its own.
//
// Files are read by path anew, so a swapped symbolic link is seen. What they hold counts when two ticks have found
// the same: a file that is written in place can be seen half written. Whoever takes longer than a tick to write it
// replaces it by renaming.
func (c *Config) Watch(ctx context.Context, tick <-chan time.Time, onChange func(*Config, error)) {
	if c.files == nil { // nothing can change
		<-ctx.Done()
		return
	}
	w := &watched{files: c.files, seen: c.files.sum, read: c.files.sum}
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-tick:
			if !open {
				tick = nil // nothing to wait for but ctx
				continue
			}
		}
		if w.changed() {
			w.readAgain(onChange)
		}
	}
}

// watched is what Watch knows of the files.
type watched struct {
	files      *readFiles  // what the Config in force was read from
	seen, read fingerprint // what the last look found, and what has been made a Config, or a failure
	failure    string      // of the last reading
}

// changed looks at the files, and reports whether they hold something else and have come to rest.
func (w *watched) changed() bool {
	before := w.seen
	w.seen = w.files.look()
	return w.seen == before && w.seen != w.read
}

// readAgain reads everything.
func (w *watched) readAgain(onChange func(*Config, error)) {
	again := FromProcess
	if w.files.again != nil {
		again = w.files.again
	}
	next, err := again()
	if now := w.files.look(); now != w.seen { // they are being written: what was read may be of either time
		w.seen = now
		return
	}
	w.read = w.seen
	if err != nil {
		if err.Error() != w.failure {
			w.failure = err.Error()
			onChange(nil, err)
		}
		return
	}
	if next.files == nil || next.files.sum == w.files.sum && w.failure == "" {
		return
	}
	// A URL of a cache can say that there is no database, and the other way round: there may be other files now.
	w.files, w.failure = next.files, ""
	w.seen, w.read = next.files.sum, next.files.sum
	onChange(next, nil)
}
