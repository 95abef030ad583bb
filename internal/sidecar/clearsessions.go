package sidecar

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
)

// ClearOptions say how [ClearSessions] works.
type ClearOptions struct {
	Batch  int           // rows in a transaction
	Pause  time.Duration // between two of them, at least; it is never shorter than the last one took
	DryRun bool          // count, and delete nothing
	// Progress is told now and then how far it has come.
	Progress func(Cleared)
	// Warn is told what may be wrong with the clock.
	Warn func(string)
}

// Cleared is what ClearSessions has done.
type Cleared struct {
	Found, Deleted int64 // expired rows that it has come to, and those of them that are gone
	Took           time.Duration
	Stopped        bool // before the end
	DryRun         bool
}

// String is the last line of the command.
func (c Cleared) String() string {
	text := fmt.Sprintf("deleted %s in %s", expired(c.Deleted), c.Took.Round(time.Millisecond))
	if c.DryRun {
		text = fmt.Sprintf("would delete %s; nothing has been deleted", expired(c.Found))
	} else if left := c.Found - c.Deleted; left > 0 {
		text += fmt.Sprintf("; %d more %s been renewed, deleted or locked by others meanwhile",
			left, checkup.Plural(left, "has", "have"))
	}
	if c.Stopped {
		text += "; stopped before the end"
	}
	return text
}

// Progress is a line of the command while it runs.
func (c Cleared) Progress() string {
	return fmt.Sprintf("%s so far, %d deleted", expired(c.Found), c.Deleted)
}

func expired(n int64) string { return checkup.Counted(n, "expired session") }

// MaxClearBatch is how many rows a transaction deletes at most: more, and the triggers of invalidation would have all
// verdicts forgotten, instead of those of these sessions.
const MaxClearBatch = 1000

const (
	clearTimeout   = 30 * time.Second // of a statement; a large table may be slow
	clearProgress  = 10 * time.Second
	clearClockSkew = time.Minute // from which on a difference of clocks is told
)

// ErrClearing says that somebody else clears the same sessions.
var ErrClearing = dbstore.ErrClearing

// ErrNothingToClear says why the deployment's sessions are not cleared here.
type ErrNothingToClear struct{ Why string } //nolint:errname // it says what it is about

// Error implements error.
func (e ErrNothingToClear) Error() string { return e.Why }

// clearable fails for engines whose expired sessions are not rows.
func clearable(c *config.Config) error {
	why := map[config.Engine]string{
		config.EngineCache:         "the engine cache keeps no session that is over: the cache drops them by itself",
		config.EngineSignedCookies: "the engine signed_cookies keeps no sessions: they are in the browsers' cookies",
		config.EngineFile: "the engine file is not cleared here: between the look at a file and its removal, Django may " +
			"have put a renewed session in its place, and the file system cannot remove it on a condition. " +
			"Run manage.py clearsessions",
	}[c.SessionEngineKind]
	if why != "" {
		return ErrNothingToClear{why}
	}
	return nil
}

// ClearSessions deletes the expired rows of the session table, as Django's command clearsessions does, in small
// transactions. When ctx ends it finishes the one that it is at.
func ClearSessions(ctx context.Context, c *config.Config, o ClearOptions) (done Cleared, err error) {
	done.DryRun = o.DryRun
	if err := clearable(c); err != nil {
		return done, err
	}
	setting, url := "DATABASE_URL", c.DatabaseURL
	if c.SessionDatabaseURL.Reveal() != "" {
		setting, url = "DJANGO_SESSION_DATABASE_URL", c.SessionDatabaseURL
	}
	db, err := database.Open(url.Reveal(), database.Options{
		Timeout: clearTimeout, Conns: 2, Prepare: database.PrepareOff, Write: !o.DryRun, LookupEnv: os.LookupEnv,
		URLNow: func() (string, bool) { return c.DatabaseURLNow(setting) },
	})
	if err != nil {
		return done, ErrNothingToClear{fmt.Sprintf("%s: %v", setting, err)}
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	started := time.Now()
	before, err := clearBefore(ctx, db, o.Warn)
	if err != nil {
		return done, err
	}
	lock := new(dbstore.ClearingLock)
	if !o.DryRun {
		if lock, err = dbstore.LockClearing(ctx, db.DB, db.Dialect, c.SessionTable); err != nil {
			return done, err
		}
	}
	defer func() { err = errors.Join(err, lock.Release(ctx)) }()
	w := clearing{done: done, ClearOptions: o, lock: lock, rows: dbstore.NewExpired(db.DB, dbstore.ExpiredConfig{
		Dialect: db.Dialect, Table: c.SessionTable, Zone: zoneOf(c), Before: before,
	})}
	err = w.run(ctx, started)
	w.done.Took = time.Since(started)
	return w.done, err
}

// clearBefore is now, by the clock that is behind: what is deleted must be over by this machine's clock and by the
// server's.
func clearBefore(ctx context.Context, db *database.Database, warn func(string)) (time.Time, error) {
	now := time.Now()
	server, ok, err := dbstore.ServerTime(ctx, db.DB, db.Dialect)
	if err != nil || !ok {
		return now, err
	}
	if apart := now.Sub(server).Abs(); apart > clearClockSkew {
		warn(fmt.Sprintf("the clocks of this machine and of the database differ by %s: the one that is behind counts",
			apart.Round(time.Second)))
	}
	if server.Before(now) {
		return server, nil
	}
	return now, nil
}

// clearing is a run of ClearSessions.
type clearing struct {
	ClearOptions

	rows *dbstore.Expired
	lock *dbstore.ClearingLock
	done Cleared
}

func (w *clearing) run(ctx context.Context, started time.Time) error {
	told := started
	for ctx.Err() == nil {
		began := time.Now()
		more, err := w.step(context.WithoutCancel(ctx)) // what has begun is finished
		if err != nil || !more {
			return err
		}
		now := time.Now()
		if now.Sub(told) >= clearProgress {
			told = now
			w.Progress(w.done)
		}
		pause := time.NewTimer(max(w.Pause, now.Sub(began)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	w.done.Stopped = true
	return nil
}

// step comes to one batch. It is false after the last.
func (w *clearing) step(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, clearTimeout)
	defer cancel()
	keys, err := w.rows.Next(ctx, w.Batch)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	w.done.Found += int64(len(keys))
	if w.DryRun {
		return len(keys) == w.Batch, nil
	}
	if err := w.lock.Held(ctx); err != nil {
		return false, err
	}
	n, err := w.rows.Delete(ctx, keys)
	w.done.Deleted += n
	return len(keys) == w.Batch, err
}
