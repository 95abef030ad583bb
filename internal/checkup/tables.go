package checkup

import (
	"context"
	"errors"
	"fmt"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
)

func (d *Checkup) sessionTable(ctx context.Context) []Finding {
	const name = "sessions"
	table, db := d.Config.SessionTable, d.SessionDatabase
	columns, err := dbstore.ReadColumns(ctx, db.DB, db.Dialect, table)
	if err != nil {
		return []Finding{{Fail, name, err.Error(), d.sessionTableRemedy(err)}}
	}
	for _, needed := range []string{"session_key", "session_data", "expire_date"} {
		if _, ok := columns[needed]; !ok {
			return []Finding{{
				Fail, name, fmt.Sprintf("table %s has no column %s", table, needed),
				"set DJANGO_SESSION_TABLE to the table of the session model",
			}}
		}
	}
	if _, err := d.Sessions.Recent(ctx, 1); err != nil {
		remedy := db.privilegeRemedy(err, table, "session_key, session_data, expire_date")
		return []Finding{{Fail, name, err.Error(), remedy}}
	}
	return []Finding{{OK, name, fmt.Sprintf("table %s can be read", table), ""}}
}

func (d *Checkup) userTable(ctx context.Context) []Finding {
	const name = "users"
	if d.Users == nil {
		return []Finding{{
			Warn, name, "are not looked at",
			"deactivated users and changed passwords go unseen while SIDECAR_INSECURE_SKIP_USER_CHECK is on",
		}}
	}
	table := d.Config.AuthUserTable
	leftOut, err := d.Users.LeftOut(ctx)
	if err != nil {
		if remedy := d.inheritanceRemedy(ctx); remedy != "" {
			return []Finding{{Fail, name, err.Error(), remedy}}
		}
		return []Finding{{Fail, name, err.Error(), d.userTableRemedy(err)}}
	}
	if err := d.Users.TryConditions(ctx); dbstore.IsMistake(err) {
		return []Finding{{
			Fail, name, err.Error(), "correct " + d.Config.ConditionNames() + ": serve does not start with it",
		}}
	}
	if err := d.Users.Probe(ctx); err != nil {
		return []Finding{{Fail, name, err.Error(), d.usersRemedy(err, table)}}
	}
	findings := []Finding{{OK, name, fmt.Sprintf("table %s can be read", table), ""}}
	for _, column := range leftOut {
		findings = append(findings, Finding{
			Warn, name, fmt.Sprintf("table %s has no column %s, so answers leave it out", table, column),
			"if the column has another name, say so in DJANGO_AUTH_USER_…_COLUMN",
		})
	}
	return findings
}

// usersRemedy says what to do when a user cannot be read.
func (d *Checkup) usersRemedy(err error, table string) string {
	code := state(err)
	if d.Config.AuthHash.Function != "" && (code == undefinedFunction || code == insufficientPrivilege) {
		return "run what django-sidecar sql -what hidden-passwords prints, and after it what -what role prints, " +
			"with these settings, and have DATABASE_URL name that account"
	}
	return d.UserDatabase.privilegeRemedy(err, table, "")
}

// groupsRemedy says what to do when groups or permissions cannot be read.
func (d *Checkup) groupsRemedy(err error) string {
	if db := d.UserDatabase; state(err) != insufficientPrivilege {
		if remedy := remedyOf(err, db.Setting, databaseSymptoms, network); remedy != "" {
			return remedy
		}
	}
	return "run what django-sidecar sql -what role prints, with these settings, and have " + d.UserDatabase.Setting +
		" name that account; or let its user SELECT from the tables of groups, permissions and content types, and from " +
		"those of the user model's groups and permissions"
}

// PostgreSQL's Appendix A, error codes.
const (
	undefinedFunction     = "42883"
	insufficientPrivilege = "42501"
)

// groups matter to gateways alone, so that what is wrong with them is no failure.
func (d *Checkup) groups(ctx context.Context) []Finding {
	const name = "groups"
	var unknown *dbstore.RelationError
	if err := d.Access.Relations(ctx); errors.As(err, &unknown) {
		return []Finding{{Warn, name, unknown.Error(), RelationRemedy(unknown)}}
	}
	switch err := d.Access.Probe(ctx); {
	case errors.Is(err, djangosession.ErrNoPermissionsMixin):
		return []Finding{{OK, name, "the user model has none", ""}}
	case err != nil:
		return []Finding{{Warn, name, err.Error(), "gateways get no answer without them: " + d.groupsRemedy(err)}}
	}
	return []Finding{{OK, name, "groups and permissions can be read", ""}}
}
