package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/invalidate"
	"django-sidecar/internal/sqlcondition"
)

func printSQL(_ context.Context, args []string, s stdio) int {
	f := flags("sql")
	what := f.String("what", "triggers", "triggers, role or all")
	remove := f.Bool("remove", false, "print what takes them away")
	django := f.Bool("django", false, "print the triggers as a migration for Django, which can be reversed")
	of := f.String("database", "", "sessions or users: for which database, where DJANGO_SESSION_DATABASE_URL names another than DATABASE_URL")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	script := invalidate.Script{Triggers: *what != "role", Role: *what != "triggers", Remove: *remove}
	if !slices.Contains([]string{"triggers", "role", "all"}, *what) || *django && (script.Role || *remove) {
		fmt.Fprintln(s.err, "django-sidecar sql: -what is triggers, role or all; -django goes with triggers alone, and has the removal in it")
		return exitUsage
	}
	if err := forgetSecrets(); err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUnknown
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	place, ok := sqlPlaces(c)[*of]
	if !ok {
		fmt.Fprintln(s.err, "django-sidecar sql: -database is sessions or users, where DJANGO_SESSION_DATABASE_URL names a database of its own: each has its own SQL")
		return exitUsage
	}
	text, err := sqlText(c, place, script, *django)
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	fmt.Fprint(s.out, text)
	if _, simple := conditionColumns(c.AuthUserConditions); !simple {
		fmt.Fprintln(s.err, "django-sidecar: a condition of DJANGO_AUTH_USER_…WHERE has more in it than columns, values and comparisons: "+
			"no trigger tells of all that it reads, and the role may need more than this script grants")
	}
	return exitYes
}

// forgetSecrets puts something in the place of all settings that say nothing about tables, and are required: whoever
// writes a migration need not have the deployment's keys.
func forgetSecrets() error {
	for _, name := range []string{
		"SECRET_KEY", "SECRET_KEY_FILE", "SECRET_KEY_FALLBACKS", "SECRET_KEY_FALLBACKS_FILE", "CACHE_URL", "CACHE_URL_FILE",
	} {
		if err := errors.Join(os.Unsetenv(name), os.Unsetenv("DJANGO_"+name)); err != nil {
			return err
		}
	}
	stand := map[string]string{"DJANGO_SECRET_KEY": "nothing is signed here", "DJANGO_CACHE_URL": "locmem://"}
	places := []string{"DATABASE_URL", "DATABASE_URL_FILE", "DJANGO_DATABASE_URL", "DJANGO_DATABASE_URL_FILE"}
	if !slices.ContainsFunc(places, func(name string) bool { return os.Getenv(name) != "" }) {
		stand["DATABASE_URL"] = "postgres://"
	}
	for name, value := range stand {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// A sqlPlace is a database that SQL is printed for.
type sqlPlace struct {
	setting string
	url     config.Secret
	tables  invalidate.Tables
}

// sqlPlaces are the databases by what -database calls them: one, or two with a word each.
func sqlPlaces(c *config.Config) map[string]sqlPlace {
	if c.SessionDatabaseURL.Reveal() == "" {
		return map[string]sqlPlace{"": {"DATABASE_URL", c.DatabaseURL, invalidationTables(c)}}
	}
	return map[string]sqlPlace{
		"sessions": {"DJANGO_SESSION_DATABASE_URL", c.SessionDatabaseURL, sessionTables(c)},
		"users":    {"DATABASE_URL", c.DatabaseURL, userTables(c)},
	}
}

func sqlText(c *config.Config, place sqlPlace, script invalidate.Script, django bool) (string, error) {
	// It connects to nothing.
	if _, err := database.NewListener(place.url.Reveal(), database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv}); err != nil {
		return "", fmt.Errorf("%s: %w", place.setting, err)
	}
	if django {
		return place.tables.Migration()
	}
	text, err := place.tables.SQL(script)
	if err == nil && c.SessionDatabaseURL.Reveal() != "" {
		text = "-- For the database in " + place.setting + ".\n" + text
	}
	return text, err
}

// invalidationTables are the tables that verdicts of the deployment depend on.
func invalidationTables(c *config.Config) invalidate.Tables {
	t := userTables(c)
	t.Sessions = sessionTables(c).Sessions
	return t
}

// sessionTables are those of the session model.
func sessionTables(c *config.Config) (t invalidate.Tables) {
	if c.SessionEngineKind == config.EngineDB || c.SessionEngineKind == config.EngineCachedDB {
		t.Sessions = c.SessionTable
	}
	return t
}

// userTables are those of the user model.
func userTables(c *config.Config) (t invalidate.Tables) {
	if c.InsecureSkipUserCheck {
		return t
	}
	u := c.AuthUserColumns
	t.Users, t.UserID = c.AuthUserTable, u.ID
	conditions := c.AuthUserConditions
	flag := func(column, condition string) string {
		if condition != "" {
			return config.NoColumn
		}
		return column
	}
	// In this order, which is part of the triggers' text.
	names := append([]string{
		u.Password, flag(u.Active, conditions.Active), u.Username, u.Email, flag(u.Staff, conditions.Staff), flag(u.Superuser, conditions.Superuser),
	}, c.AuthHash.Columns...)
	read, _ := conditionColumns(conditions)
	for _, name := range append(names, read...) {
		if name != config.NoColumn && name != u.ID && !slices.Contains(t.UserColumns, name) {
			t.UserColumns = append(t.UserColumns, name)
		}
	}
	return t
}

// conditionColumns are the columns that the conditions on a user's row read. It is false where one reads more than the row.
func conditionColumns(c config.Conditions) (columns []string, all bool) {
	for _, sql := range c.List() {
		condition, err := sqlcondition.Parse(sql)
		if err != nil {
			return columns, false // which the settings have refused
		}
		read, simple := condition.Columns()
		if !simple {
			return columns, false
		}
		columns = append(columns, read...)
	}
	return columns, true
}
