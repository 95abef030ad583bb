package webhook

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	windowEntries = 1024 // how many events are known at a time, and so how much memory the queue takes
	namesAtOnce   = 1024
)

// listing is what one reading of the folder finds.
type listing struct {
	// due are the oldest of the events that are due; truncated says that there are more.
	due       []eventFile
	truncated bool
	// wait is how long it is until the next of the others is due; negative if there is none.
	wait time.Duration
	// pending is how many events there are, and foreign names a few files that should be events and have no such name.
	pending int
	foreign []string
}

// list reads the folder. It passes over the events that skip says are on their way.
func (d queueFolder) list(now time.Time, longest time.Duration, skip func(key string) bool) (listing, error) {
	l := listing{wait: -1}
	err := d.names(func(name string) {
		if !strings.HasSuffix(name, eventSuffix) {
			return
		}
		e, ok := parseName(name)
		if !ok {
			if len(l.foreign) < windowEntries {
				l.foreign = append(l.foreign, name)
			}
			return
		}
		l.pending++
		if skip(e.key()) {
			return
		}
		if wait := e.dueIn(now, longest); wait > 0 {
			if l.wait < 0 || wait < l.wait {
				l.wait = wait
			}
			return
		}
		if l.due = append(l.due, e); len(l.due) == 2*windowEntries {
			l.truncate()
		}
	})
	if len(l.due) > windowEntries {
		l.truncate()
	}
	slices.SortFunc(l.due, older)
	return l, err
}

func (l *listing) truncate() {
	slices.SortFunc(l.due, older)
	l.due, l.truncated = l.due[:windowEntries], true
}

// names calls yield with each name in the folder.
func (d queueFolder) names(yield func(name string)) (err error) {
	f, err := os.Open(d.path())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for {
		names, err := f.Readdirnames(namesAtOnce)
		for _, name := range names {
			yield(name)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// sweep removes what processes that were killed have left half written: nobody was told that it would be delivered.
func (d queueFolder) sweep(now time.Time) error {
	var stale []string
	err := d.names(func(name string) {
		if strings.HasSuffix(name, tempSuffix) && len(stale) < windowEntries {
			stale = append(stale, name)
		}
	})
	for _, name := range stale {
		info, statErr := os.Lstat(d.path(name))
		if statErr == nil && now.Sub(info.ModTime()) > staleAfter {
			statErr = os.Remove(d.path(name))
		}
		err = errors.Join(err, present(statErr))
	}
	return err
}
