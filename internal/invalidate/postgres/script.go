package postgres

import (
	"errors"
	"strings"
)

// A Script is what is printed for somebody to review, and to run.
type Script struct {
	Triggers, Role bool
	// Tokens has the role read what tokens of password resets are made of, too.
	Tokens       bool
	ClearingRole bool
	// HiddenPasswords is the function that makes session auth hashes.
	HiddenPasswords bool
	Remove          bool // what takes them away instead
}

const (
	triggersHead = `-- Triggers that tell django-sidecar which of its cached verdicts have changed: they NOTIFY the channel
-- django_sidecar. For the owner of the tables. May be run again.
-- "django-sidecar sql -remove -what triggers" takes everything away again.
`
	roleHead = `-- A role for django-sidecar's DATABASE_URL, which may read the columns that a verdict needs.
-- For a superuser, or for who owns the tables and may make roles. May be run again.
-- "django-sidecar sql -remove -what role" takes it away again.
`
	clearingRoleHead = `-- A role for the DATABASE_URL of "django-sidecar clearsessions", which may delete sessions.
-- The sidecar itself needs none.
-- For a superuser, or for who owns the table and may make roles. May be run again.
-- "django-sidecar sql -remove -what clearsessions-role" takes it away again.
`
	hiddenHead = `-- A function that makes session auth hashes for django-sidecar, which then reads no password column.
-- For the owner of the user table, or a superuser. May be run again, and must be after a change of settings.
-- Run the script of -what role after it.
-- "django-sidecar sql -remove -what hidden-passwords" takes it away again.
`
	removeHiddenHead   = "-- Takes away the function that made session auth hashes for django-sidecar.\n"
	removeTriggersHead = "-- Takes away the triggers that told django-sidecar of changes, and their functions.\n"
	removeClearingHead = "-- Takes away the role of django-sidecar clearsessions and what it was granted in this database. For a superuser.\n"
	removeRoleHead     = "-- Takes away django-sidecar's role and what it was granted in this database. For a superuser.\n"
)

// SQL returns the script for psql: one transaction for the triggers, and one for the role.
func (t Tables) SQL(s Script) (string, error) {
	var b strings.Builder
	for _, part := range []struct {
		wanted, remove bool
		head           string
		text           func() (string, error)
	}{
		{s.Triggers, false, triggersHead, t.Triggers},
		{s.HiddenPasswords, false, hiddenHead, t.HiddenPasswords},
		{s.Role, false, roleHead, t.Role},
		{s.ClearingRole, false, clearingRoleHead, t.ClearingRole},
		{s.Triggers, true, removeTriggersHead, t.RemoveTriggers},
		{s.HiddenPasswords, true, removeHiddenHead, t.RemoveHiddenPasswords},
		{s.Role, true, removeRoleHead, t.RemoveRole},
		{s.ClearingRole, true, removeClearingHead, t.RemoveClearingRole},
	} {
		if !part.wanted || part.remove != s.Remove {
			continue
		}
		text, err := part.text()
		if err != nil {
			return "", err
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(part.head + "BEGIN;\n\n" + text + "\nCOMMIT;\n")
	}
	return b.String(), nil
}

// Migration returns a migration for Django, 1.11 and newer, that makes the triggers, and takes them away when it is
// reversed.
func (t Tables) Migration() (string, error) {
	forward, err := t.Triggers()
	if err != nil {
		return "", err
	}
	reverse, err := t.RemoveTriggers()
	if err != nil {
		return "", err
	}
	mark := `"""`
	if strings.Contains(forward, mark) {
		mark = "'''"
	}
	if strings.Contains(forward, mark) {
		return "", errors.New("a name has quotation marks that no text in Python can hold as it is; use the SQL itself")
	}
	python := func(text string) string { return "r" + mark + "\n" + text + mark }
	return `# Triggers that tell django-sidecar which of its cached verdicts have changed: "django-sidecar sql -django" has written this.
# Put it into an application of yours, and that application's last migration into dependencies.
from django.conf import settings
from django.db import migrations

FORWARD = ` + python(forward) + `

REVERSE = ` + python(reverse) + `

class Migration(migrations.Migration):
    dependencies = [
        # ("your_application", "0041_its_last_migration"),
` + t.dependencies() + `    ]

    operations = [migrations.RunSQL(FORWARD, reverse_sql=REVERSE)]
`, nil
}

// dependencies are the migrations that make the tables.
func (t Tables) dependencies() string {
	text := ""
	switch t.Sessions {
	case "":
	case "django_session":
		text += "        (\"sessions\", \"0001_initial\"),\n"
	default:
		text += "        # and the migration that makes the table of sessions\n"
	}
	if t.Users != "" {
		text += "        (\"contenttypes\", \"0001_initial\"),\n        (\"auth\", \"0001_initial\"),\n" +
			"        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n"
	}
	return text
}
