package config

import (
	"context"
	"time"
)

// Watch reads everything again at each tick, until ctx is done. It calls onChange with a new Config when a file that the
// environment names holds something else, and with an error when reading fails: once for each different failure, during
// which the last good Config stays right. It starts no goroutine, and calls onChange in its own.
//
// Files are read by path anew, so a swapped symbolic link is seen. A file that is written in place can be seen half
// written, until the next tick: replace it by renaming.
func (c *Config) Watch(ctx context.Context, tick <-chan time.Time, onChange func(*Config, error)) {
	if c.files == nil { // nothing can change
		<-ctx.Done()
		return
	}
	current, failure := c.files, ""
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
		next, err := FromProcess()
		switch {
		case err != nil:
			if err.Error() != failure {
				failure = err.Error()
				onChange(nil, err)
			}
		case next.files != nil && *next.files != *current: // which files there are cannot change: the environment does not
			current, failure = next.files, ""
			onChange(next, nil)
		default:
			failure = ""
		}
	}
}
