package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrBehind says that a replica was not asked, because it may show what is older than the bound. It is no answer.
var ErrBehind = errors.New("the replica was not asked")

// Primary bounds how old the answers of its replicas are.
//
// The primary is asked how far its log has come, and the instant before that question is noted with it: a mark. Whoever
// has replayed as much shows everything that was committed before that instant. So a connection to a replica is asked
// how much its server has replayed, before it is asked anything else; the newest mark within that says how old it may
// be. What a replica says of its own age is not believed: on an idle primary, or without one, it is wrong.
type Primary struct {
	db    *sql.DB
	bound time.Duration
	now   func() time.Time

	asking chan struct{} // has a place for whoever asks the primary
	mu     sync.Mutex
	marks  []mark // the last ones, in the order of their instants
}

// mark is how far the log had come at an instant.
type mark struct {
	logPosition
	at time.Time
}

// logPosition is a place in the log of a cluster. Those of two timelines cannot be compared: after a failover the new
// primary may be less far than a replica that follows the old one.
type logPosition struct {
	system, timeline, byte int64
}

// marksInBound is how many marks a replica is compared with.
const marksInBound = 8

// NewPrimary returns the Primary of a database that is read at replicas too, whose answers may be as old as bound.
func NewPrimary(d *Database, bound time.Duration, now func() time.Time) *Primary {
	return &Primary{db: d.DB, bound: bound, now: now, asking: make(chan struct{}, 1)}
}

// primaryPosition fails on a server in recovery. The names are those of PostgreSQL 10 and newer; pg_walfile_name begins
// with the timeline, which pg_control_checkpoint tells too late after a promotion.
const primaryPosition = `SELECT s.system_identifier, ('x' || substr(pg_walfile_name(l.at), 1, 8))::bit(32)::bigint,
	pg_wal_lsn_diff(l.at, '0/0')::bigint, current_setting('wal_block_size')::bigint
FROM (SELECT pg_current_wal_insert_lsn() AS at) l, pg_control_system() s`

// mark asks the primary for a mark where the last one is not new any more, and nobody else is asking.
func (p *Primary) mark(ctx context.Context) error {
	select {
	case p.asking <- struct{}{}:
	default:
		return nil
	}
	defer func() { <-p.asking }()
	m := mark{at: p.now()}
	if !p.due(m.at) {
		return nil
	}
	var block int64
	row := p.db.QueryRowContext(ctx, primaryPosition)
	if err := row.Scan(&m.system, &m.timeline, &m.byte, &block); err != nil {
		return fmt.Errorf("%w: asking the primary how far its log has come: %w", ErrBehind, err)
	}
	if over := m.byte % block; over <= pageHeader {
		m.byte -= over // nothing has been written behind the header of this page
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks = append(p.marks[max(0, len(p.marks)-marksInBound):], m)
	return nil
}

// pageHeader is the longest header of a page of the log: SizeOfXLogLongPHD of access/xlog_internal.h. The place where
// the next record will begin is behind it, and what has been replayed ends before it.
const pageHeader = 40

func (p *Primary) due(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.marks) == 0 || now.Sub(p.marks[len(p.marks)-1].at) >= p.bound/marksInBound
}

// shows is since when a server that has replayed so much may lack what was committed.
func (p *Primary) shows(replayed logPosition) (time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.marks) - 1; i >= 0; i-- {
		switch m := p.marks[i]; {
		case m.system != replayed.system:
			return time.Time{}, fmt.Errorf("%w: it is of another cluster than the primary", ErrBehind)
		case m.timeline != replayed.timeline:
			return time.Time{}, fmt.Errorf("%w: it is on timeline %d, and the primary on %d; after a failover a replica "+
				"says so for some minutes, until its next restartpoint", ErrBehind, replayed.timeline, m.timeline)
		case m.byte <= replayed.byte:
			return m.at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: it has not replayed enough yet", ErrBehind)
}

// replicaPosition: a checkpoint's timeline is one that the replica has replayed a part of. What has been replayed is
// what a query after this one shows; the snapshot of this one is older.
const replicaPosition = `SELECT s.system_identifier, c.timeline_id::bigint,
	pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint
FROM pg_control_system() s, pg_control_checkpoint() c`

// replayed asks a replica how much it has replayed.
func replayed(ctx context.Context, conn driver.QueryerContext) (at logPosition, err error) {
	rows, err := conn.QueryContext(ctx, replicaPosition, nil)
	if err != nil {
		return at, err
	}
	values := make([]driver.Value, 3)
	if err = errors.Join(rows.Next(values), rows.Close()); err != nil {
		return at, err
	}
	for i, to := range []*int64{&at.system, &at.timeline, &at.byte} {
		var ok bool
		if *to, ok = values[i].(int64); !ok {
			return at, fmt.Errorf("%w: it follows no primary", ErrBehind)
		}
	}
	return at, nil
}

// fresh fails with ErrBehind where what the connection shows may be older than the bound of the primary, if it is one
// to a replica.
func (s *pqSession) fresh(ctx context.Context) error {
	p := s.connector.primary
	switch {
	case p == nil:
		return nil
	case !s.direct && s.connector.mode != PrepareOn:
		return fmt.Errorf("%w: the connection is not seen to be direct, and behind a pooler the next query may reach "+
			"another server; see SIDECAR_DB_PREPARE", ErrBehind)
	}
	err := p.mark(ctx)
	now := p.now()
	switch {
	case now.Sub(s.shows) <= p.bound:
		return nil
	case err != nil:
		return err
	case now.Sub(s.looked) < p.bound/marksInBound:
		return fmt.Errorf("%w: it was too far behind a moment ago", ErrBehind)
	}
	s.looked = now
	at, err := replayed(ctx, s.pqConn)
	if err == nil {
		s.shows, err = p.shows(at)
	}
	if err == nil && p.now().Sub(s.shows) > p.bound {
		err = fmt.Errorf("%w: it is further behind than %v", ErrBehind, p.bound)
	}
	return err
}
