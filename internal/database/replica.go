package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lib/pq"
)

// ErrBehind says that a replica was not asked, because it may show what is older than the bound. It is no answer.
var ErrBehind = errors.New("the replica was not asked")

// Primary bounds how old the answers of its replicas are.
//
// The primary is asked how far its log has come, and the instant before that question is noted with it: a mark. Whoever
// has replayed as much shows everything that was committed before that instant. So a connection to a replica is asked
// how much its server has replayed, before it is asked anything else; the newest mark within that says how old it may
// be. What a replica says of its own age is not believed: on an idle primary, or without one, it is wrong.
//
// That holds for replicas of this primary alone. Another server may have the same names for its log: one that follows a
// server which was promoted, or a primary that was set back from a backup. It is found out where it is further than the
// primary, which is asked again afterwards.
type Primary struct {
	db    *sql.DB
	bound time.Duration
	now   func() time.Time

	making sync.Mutex // is held by whoever makes the next mark
	mu     sync.Mutex
	marks  []mark   // the last ones
	forked timeline // of which a replica was further than the primary; the zero value: none was
}

// mark is how far the log had come at an instant.
type mark struct {
	logPosition
	at time.Time
}

// logPosition is a place in the log.
type logPosition struct {
	timeline
	byte     int64
	database int64 // the one that is asked: a replica has it under the same number
}

// timeline is the log of a cluster since a promotion. Positions of two cannot be compared: after a failover the new
// primary may be less far than a replica that follows the old one.
type timeline struct{ system, number int64 }

// marksInBound is how many marks a replica is compared with.
const marksInBound = 8

// NewPrimary returns the Primary of a database that is read at replicas too, whose answers may be as old as bound.
func NewPrimary(d *Database, bound time.Duration, now func() time.Time) *Primary {
	return &Primary{db: d.DB, bound: bound, now: now}
}

// primaryPosition fails on a server in recovery. The names are those of PostgreSQL 10 and newer; pg_walfile_name begins
// with the timeline, which pg_control_checkpoint tells too late after a promotion.
const primaryPosition = `SELECT s.system_identifier, ('x' || substr(pg_walfile_name(l.at), 1, 8))::bit(32)::bigint,
	pg_wal_lsn_diff(l.at, '0/0')::bigint, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
	current_setting('wal_block_size')::bigint
FROM (SELECT pg_current_wal_insert_lsn() AS at) l, pg_control_system() s`

// ask makes a mark. before is a position that a replica had before.
func (p *Primary) ask(ctx context.Context, before logPosition) error {
	m := mark{at: p.now()}
	var block int64
	row := p.db.QueryRowContext(ctx, primaryPosition)
	if err := row.Scan(&m.system, &m.number, &m.byte, &m.database, &block); err != nil {
		// The cause is the primary's, and says nothing about the connection to the replica.
		return fmt.Errorf("%w: asking the primary how far its log has come: %s", ErrBehind, err.Error())
	}
	forked := before.timeline == m.timeline && before.byte > m.byte
	if over := m.byte % block; over <= pageHeader {
		m.byte -= over // nothing has been written behind the header of this page
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if forked {
		p.forked = m.timeline
	}
	p.marks = append(p.marks[max(0, len(p.marks)-marksInBound):], m)
	return nil
}

// pageHeader is the longest header of a page of the log: SizeOfXLogLongPHD of access/xlog_internal.h. The place where
// the next record will begin is behind it, and what has been replayed ends before it.
const pageHeader = 40

// mark makes a mark where the last one is not new any more, and nobody else is making one.
func (p *Primary) mark(ctx context.Context) error {
	if !p.making.TryLock() {
		return nil
	}
	defer p.making.Unlock()
	if !p.due() {
		return nil
	}
	return p.ask(ctx, logPosition{})
}

func (p *Primary) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.marks) == 0 || p.now().Sub(p.marks[len(p.marks)-1].at) >= p.bound/marksInBound
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
				"says so for some minutes, until its next restartpoint", ErrBehind, replayed.number, m.number)
		case m.timeline == p.forked:
			return time.Time{}, fmt.Errorf("%w: a replica was further than the primary, so that it follows another one, "+
				"or the primary was set back; make the replica anew, and start the sidecar again", ErrBehind)
		case m.database != replayed.database:
			return time.Time{}, fmt.Errorf("%w: it is another database than that of DATABASE_URL", ErrBehind)
		case m.byte <= replayed.byte:
			return m.at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: it has not replayed enough yet", ErrBehind)
}

// replicaPosition: a checkpoint's timeline is one that the replica has replayed a part of. What has been replayed is
// what a query after this one shows; the snapshot of this one is older.
const replicaPosition = `SELECT s.system_identifier, c.timeline_id::bigint,
	CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint END,
	(SELECT oid::bigint FROM pg_database WHERE datname = current_database())
FROM pg_control_system() s, pg_control_checkpoint() c`

// replayed asks a replica how much it has replayed.
func replayed(ctx context.Context, conn driver.QueryerContext) (at logPosition, err error) {
	values := make([]driver.Value, 4)
	rows, err := conn.QueryContext(ctx, replicaPosition, nil)
	if err == nil {
		err = errors.Join(rows.Next(values), rows.Close())
	}
	if err != nil {
		if pq.As(err) != nil { // the server has answered, and not to the question that was meant
			err = fmt.Errorf("%w: asking it how much it has replayed: %s", ErrBehind, err.Error())
		}
		return at, err
	}
	for i, to := range []*int64{&at.system, &at.number, &at.byte, &at.database} {
		var ok bool
		if *to, ok = values[i].(int64); !ok {
			return at, fmt.Errorf("%w: it follows no primary", ErrBehind)
		}
	}
	return at, nil
}

// replicaSession is what is known of a connection to a replica.
type replicaSession struct {
	shows  time.Time // since when it may lack what was committed
	looked time.Time // when that was asked
	behind error     // what was wrong then
}

// fresh fails with ErrBehind where what the connection shows may be older than the bound of the primary, if it is one
// to a replica.
func (s *pqSession) fresh(ctx context.Context) error {
	p, r := s.connector.primary, &s.replica
	switch {
	case p == nil:
		return nil
	case !s.fixed():
		return fmt.Errorf("%w: the connection is not seen to be direct, and behind a pooler the next query may reach "+
			"another server; see SIDECAR_DB_PREPARE", ErrBehind)
	case p.now().Sub(r.shows) <= p.bound/2:
		return nil
	}
	err := p.mark(ctx)
	now := p.now()
	switch {
	case now.Sub(r.shows) <= p.bound:
		return nil
	case err != nil:
		return err
	case r.behind != nil && now.Sub(r.looked) < p.bound/marksInBound:
		return r.behind
	}
	r.looked = now
	at, err := replayed(ctx, s.driverConn)
	if err == nil {
		err = p.ask(ctx, at)
	}
	if err == nil {
		r.shows, err = p.shows(at)
	}
	if err == nil && p.now().Sub(r.shows) > p.bound {
		err = fmt.Errorf("%w: it is further behind than %v", ErrBehind, p.bound)
	}
	r.behind = err
	return err
}

// fixed reports whether each query reaches the same server.
func (s *pqSession) fixed() bool {
	return s.connector.mode == PrepareOn || s.direct && s.connector.prepares.Load() != pooled
}
