// Package checkup looks at a deployment as a careful engineer would on the first
// day: settings, connection, tables, privileges, clock, and whether the sessions
// that are there can be read. Each finding is a line, and says what to change.
package checkup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
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

// A Place is somewhere outside the database where sessions are kept.
type Place struct {
	// Name is what findings are called: "cache" or "sessions".
	Name string
	// Location says where it is, for messages.
	Location string
	// Probe asks whether it can be read.
	Probe func(context.Context) error
	// Remedy is what to look at when it cannot.
	Remedy string
}

// Deployment is what is looked at.
type Deployment struct {
	DB       *sql.DB // nil: neither sessions nor users are in a database
	Dialect  *dbstore.Dialect
	Location string // where the database is, for messages
	Version  djangosession.Version
	// Places are where sessions are kept besides the database, or instead of it.
	Places []Place
	// Sessions is the session table, nil where the engine has none.
	Sessions *dbstore.Sessions
	// Recent lists live sessions to look at, nil where they cannot be listed.
	Recent   func(ctx context.Context, n int) ([]dbstore.StoredSession, error)
	Users    *dbstore.Users  // nil: users are not looked at
	Access   *dbstore.Access // their groups and permissions; nil: not looked at
	Verifier *djangosession.Verifier
	// SessionTable and UserTable are the tables' names, for messages and the catalogue.
	SessionTable, UserTable string
	// CodecFor returns a codec with the deployment's keys for another Django.
	CodecFor func(djangosession.Version) (*djangosession.Codec, error)
	// Timeout bounds each question to the database.
	Timeout time.Duration
	// Now is the clock; required.
	Now func() time.Time
}

// Run looks at everything, reports each finding as it comes, and returns whether none is a Fail. What cannot be
// looked at because of an earlier finding is left out.
func (d *Deployment) Run(ctx context.Context, report func(Finding)) bool {
	healthy := true
	for _, step := range []func(context.Context) (findings []Finding, goOn bool){
		d.connection, d.clock, d.places, d.sessionTable, d.userTable, d.groups, d.recentSessions,
	} {
		findings, goOn := d.within(ctx, step)
		for _, f := range findings {
			healthy = healthy && f.Grade != Fail
			report(f)
		}
		if !goOn {
			return false
		}
	}
	return healthy
}

func (d *Deployment) within(ctx context.Context, step func(context.Context) ([]Finding, bool)) ([]Finding, bool) {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	return step(ctx)
}

func (d *Deployment) connection(ctx context.Context) ([]Finding, bool) {
	if d.DB == nil {
		return nil, true
	}
	if err := d.DB.PingContext(ctx); err != nil {
		return []Finding{{Fail, "database", fmt.Sprintf("%s: %v", d.Location, err), connectionRemedy(err)}}, false
	}
	return []Finding{{OK, "database", d.Location + " answers", ""}}, true
}

// maxSkew is how far two clocks may be apart. Django and the sidecar each judge expire_date by their own.
const maxSkew = 5 * time.Second

func (d *Deployment) clock(ctx context.Context) ([]Finding, bool) {
	if d.DB == nil {
		return nil, true
	}
	before := d.Now()
	server, ok, err := dbstore.ServerTime(ctx, d.DB, d.Dialect)
	switch {
	case err != nil:
		return []Finding{{Warn, "clock", err.Error(), ""}}, true
	case !ok:
		return nil, true
	}
	// The server looked at its clock at some time during the question.
	after := d.Now()
	skew := max(before.Sub(server), server.Sub(after), 0)
	if skew > maxSkew {
		return []Finding{{
			Fail, "clock", fmt.Sprintf("differs from the database server's by %s", skew.Round(time.Millisecond)),
			"sessions will end too early or too late: synchronise the clocks (NTP) of both machines",
		}}, true
	}
	return []Finding{{OK, "clock", "agrees with the database server's", ""}}, true
}

func (d *Deployment) places(ctx context.Context) (findings []Finding, goOn bool) {
	goOn = true
	for _, p := range d.Places {
		f := Finding{OK, p.Name, p.Location + " can be read", ""}
		if err := p.Probe(ctx); err != nil {
			f = Finding{Fail, p.Name, fmt.Sprintf("%s: %v", p.Location, err), p.Remedy}
			goOn = false
		}
		findings = append(findings, f)
	}
	return findings, goOn
}

func (d *Deployment) sessionTable(ctx context.Context) ([]Finding, bool) {
	const name = "sessions"
	if d.Sessions == nil {
		return nil, true
	}
	columns, err := dbstore.ReadColumns(ctx, d.DB, d.Dialect, d.SessionTable)
	if err != nil {
		return []Finding{{Fail, name, err.Error(), tableRemedy(err, "DJANGO_SESSION_TABLE", "django.contrib.sessions")}}, false
	}
	for _, needed := range []string{"session_key", "session_data", "expire_date"} {
		if _, ok := columns[needed]; !ok {
			return []Finding{{
				Fail, name, fmt.Sprintf("table %s has no column %s", d.SessionTable, needed),
				"set DJANGO_SESSION_TABLE to the table of the session model",
			}}, false
		}
	}
	if _, err := d.Sessions.Recent(ctx, 1); err != nil {
		return []Finding{{Fail, name, err.Error(), privilegeRemedy(err, d.SessionTable, "session_key, session_data, expire_date")}}, false
	}
	return []Finding{{OK, name, fmt.Sprintf("table %s can be read", d.SessionTable), ""}}, true
}

func (d *Deployment) userTable(ctx context.Context) ([]Finding, bool) {
	const name = "users"
	if d.Users == nil {
		return []Finding{{
			Warn, name, "are not looked at",
			"deactivated users and changed passwords go unseen while SIDECAR_INSECURE_SKIP_USER_CHECK is on",
		}}, true
	}
	leftOut, err := d.Users.LeftOut(ctx)
	if err != nil {
		if remedy := d.inheritanceRemedy(ctx); remedy != "" {
			return []Finding{{Fail, name, err.Error(), remedy}}, false
		}
		return []Finding{{Fail, name, err.Error(), tableRemedy(err, "DJANGO_AUTH_USER_TABLE or DJANGO_AUTH_USER_MODEL", "the user model")}}, false
	}
	if err := d.Users.TryConditions(ctx); dbstore.IsMistake(err) {
		return []Finding{{
			Fail, name, err.Error(), "correct DJANGO_AUTH_USER_WHERE, _ACTIVE_WHERE, _STAFF_WHERE or _SUPERUSER_WHERE: serve does not start with it",
		}}, false
	}
	if err := d.Users.Probe(ctx); err != nil {
		return []Finding{{Fail, name, err.Error(), privilegeRemedy(err, d.UserTable, "")}}, false
	}
	findings := []Finding{{OK, name, fmt.Sprintf("table %s can be read", d.UserTable), ""}}
	for _, column := range leftOut {
		findings = append(findings, Finding{
			Warn, name, fmt.Sprintf("table %s has no column %s, so answers leave it out", d.UserTable, column),
			"if the column has another name, say so in DJANGO_AUTH_USER_…_COLUMN",
		})
	}
	return findings, true
}

// groups matter to gateways alone, so that what is wrong with them is no failure.
func (d *Deployment) groups(ctx context.Context) ([]Finding, bool) {
	const name = "groups"
	if d.Access == nil {
		return nil, true
	}
	var unknown *dbstore.RelationError
	if err := d.Access.Relations(ctx); errors.As(err, &unknown) {
		return []Finding{{Warn, name, unknown.Error(), RelationRemedy(unknown)}}, true
	}
	switch err := d.Access.Probe(ctx); {
	case errors.Is(err, djangosession.ErrNoPermissionsMixin):
		return []Finding{{OK, name, "the user model has none", ""}}, true
	case err != nil:
		return []Finding{{
			Warn, name, err.Error(),
			"gateways get no answer without them: GRANT SELECT ON auth_group, auth_permission, django_content_type, auth_group_permissions and the " +
				"tables of the user model's groups and permissions TO the user in DATABASE_URL",
		}}, true
	}
	return []Finding{{OK, name, "groups and permissions can be read", ""}}, true
}
