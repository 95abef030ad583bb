// Package checkup looks at a deployment as a careful engineer would on the first
// day: settings, connection, tables, privileges, clock, and whether the sessions
// that are there can be read. Each finding is a line, and says what to change.
package checkup

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
)

// Grade says how bad a finding is.
type Grade uint8

// The grades. The zero Grade is the worst one.
const (
	Fail Grade = iota // requests will get wrong answers, or none
	Warn              // worth a look
	OK
)

// String returns the word that a line begins with.
func (g Grade) String() string {
	switch g {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	case Fail:
	}
	return "FAIL"
}

// Finding is one line of a checkup. It holds nothing secret.
type Finding struct {
	Grade  Grade
	Name   string
	Found  string
	Remedy string // what to change; "" where there is nothing to do
}

// String is the line.
func (f Finding) String() string {
	line := fmt.Sprintf("%-5s %-16s %s", f.Grade, f.Name, f.Found)
	if f.Remedy != "" {
		line += "; " + f.Remedy
	}
	return line
}

// A SessionPlace is somewhere outside the database where sessions are kept.
type SessionPlace struct {
	// Name is what findings are called: "cache" or "sessions".
	Name string
	// Location says where it is, for messages.
	Location string
	// Probe asks whether it can be read.
	Probe func(context.Context) error
	// Setting is the setting with its URL, "" for a place without one.
	Setting string
	// Remedy says what to look at if Probe fails, whatever the reason.
	Remedy string
}

// A NamedDatabase has sessions in it, or users, or both.
type NamedDatabase struct {
	Name     string // what findings are called: "database" or "session database"
	Setting  string // what names it
	DB       *sql.DB
	Dialect  *dbstore.Dialect
	Location string // where it is, for messages
}

// A Replica is asked before the database.
type Replica struct {
	Location string // where it is, for messages
	// Probe asks it what a verdict would; the error says why it is of no use.
	Probe func(context.Context) error
}

// Checkup is one look at a deployment: what is looked at, and with what.
type Checkup struct {
	Config  *config.Config
	Version djangosession.Version
	// UserDatabase and SessionDatabase are where users and sessions are, nil where they are in no database. The two are
	// equal if both are in one.
	UserDatabase, SessionDatabase *NamedDatabase
	// Places are where sessions are kept besides the database, or instead of it.
	Places []SessionPlace
	// Replica is what verdicts are asked of first, nil for none.
	Replica *Replica
	// Store is where the engine keeps sessions.
	Store djangosession.Store
	// Sessions is the session table, nil where the engine has none.
	Sessions *dbstore.Sessions
	// Recent lists live sessions to look at, nil where they cannot be listed.
	Recent   func(ctx context.Context, n int) ([]djangosession.StoredSession, error)
	Users    *dbstore.Users       // nil: users are not looked at
	Access   *dbstore.Permissions // their groups and permissions; nil: not looked at
	Verifier *djangosession.Verifier
	// Writing asks the database whether it would let be written what SIDECAR_WRITE names; nil: that names nothing.
	Writing func(context.Context) error
	// Try makes ready what the deployment would be with other settings, on the same stores.
	Try func(*config.Config) (Trial, error)
	// Timeout bounds each question to the database.
	Timeout time.Duration
	// Now is the clock; required.
	Now func() time.Time
}

// Run looks at everything, and reports each finding as it comes. It goes on after a Fail, and leaves out only what
// cannot be looked at because of it.
func (d *Checkup) Run(ctx context.Context, report func(Finding)) {
	step := func(look func(context.Context) []Finding) bool {
		ctx, cancel := context.WithTimeout(ctx, d.Timeout)
		defer cancel()
		fine := true
		for _, f := range look(ctx) {
			fine = fine && f.Grade != Fail
			report(f)
		}
		return fine
	}
	reached := map[*NamedDatabase]bool{nil: true}
	for _, db := range d.databases() {
		reached[db] = step(db.connection)
		if reached[db] {
			step(func(ctx context.Context) []Finding { return d.clock(ctx, db) })
		}
	}
	if d.Replica != nil {
		step(d.replica)
	}
	sessions := step(d.places)
	if d.Sessions != nil {
		sessions = reached[d.SessionDatabase] && step(d.sessionTable) && sessions
	}
	if d.Writing != nil && reached[d.SessionDatabase] {
		step(d.writing)
	}
	users := reached[d.UserDatabase] && step(d.userTable)
	if users && d.Access != nil {
		step(d.groups)
	}
	if sessions && !d.Config.KeyMissing { // without it, nothing that is signed can be judged
		step(func(ctx context.Context) []Finding { return d.recentSessions(ctx, users) })
	}
}

// databases are those that there are, each once.
func (d *Checkup) databases() (all []*NamedDatabase) {
	if d.UserDatabase != nil {
		all = append(all, d.UserDatabase)
	}
	if d.SessionDatabase != nil && d.SessionDatabase != d.UserDatabase {
		all = append(all, d.SessionDatabase)
	}
	return all
}

func (db *NamedDatabase) connection(ctx context.Context) []Finding {
	if err := db.DB.PingContext(ctx); err != nil {
		return []Finding{{Fail, db.Name, fmt.Sprintf("%s: %v", db.Location, err), db.connectionRemedy(err)}}
	}
	return []Finding{{OK, db.Name, db.Location + " answers", ""}}
}

// maxSkew is how far two clocks may be apart. Django and the sidecar each judge expire_date by their own.
const maxSkew = 5 * time.Second

func (d *Checkup) clock(ctx context.Context, db *NamedDatabase) []Finding {
	before := d.Now()
	server, ok, err := dbstore.ServerTime(ctx, db.DB, db.Dialect)
	switch {
	case err != nil:
		return []Finding{{Warn, "clock", err.Error(), ""}}
	case !ok:
		return nil
	}
	// The server looked at its clock at some time during the question.
	after := d.Now()
	skew := max(before.Sub(server), server.Sub(after), 0)
	if skew > maxSkew {
		return []Finding{{
			Fail, "clock", fmt.Sprintf("differs from the database server's by %s", skew.Round(time.Millisecond)),
			"sessions will end too early or too late: synchronise the clocks (NTP) of both machines",
		}}
	}
	return []Finding{{OK, "clock", "agrees with the database server's", ""}}
}

// replica is worth a warning where it is of no use: the database is asked in its place.
func (d *Checkup) replica(ctx context.Context) []Finding {
	if err := d.Replica.Probe(ctx); err != nil {
		return []Finding{{
			Warn, "replica", fmt.Sprintf("%s: %v", d.Replica.Location, err),
			"until it can be asked, all verdicts come from DATABASE_URL: see DATABASE_REPLICA_URL and " +
				"SIDECAR_REPLICA_MAX_LAG",
		}}
	}
	return []Finding{{OK, "replica", d.Replica.Location + " is near enough to its primary", ""}}
}

func (d *Checkup) places(ctx context.Context) (findings []Finding) {
	for _, p := range d.Places {
		f := Finding{OK, p.Name, p.Location + " can be read", ""}
		if err := p.Probe(ctx); err != nil {
			f = Finding{Fail, p.Name, fmt.Sprintf("%s: %v", p.Location, err), p.remedy(err)}
		}
		findings = append(findings, f)
	}
	return findings
}
