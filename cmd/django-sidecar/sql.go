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
	text, err := sqlText(c, script, *django)
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

func sqlText(c *config.Config, script invalidate.Script, django bool) (string, error) {
	// It connects to nothing.
	if _, err := database.NewListener(c.DatabaseURL.Reveal(), database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv}); err != nil {
		return "", fmt.Errorf("DATABASE_URL: %w", err)
	}
	t := invalidationTables(c)
	if django {
		return t.Migration()
	}
	return t.SQL(script)
}

// invalidationTables are the tables that verdicts of the deployment depend on.
func invalidationTables(c *config.Config) invalidate.Tables {
	var t invalidate.Tables
	if c.SessionEngineKind == config.EngineDB || c.SessionEngineKind == config.EngineCachedDB {
		t.Sessions = c.SessionTable
	}
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
