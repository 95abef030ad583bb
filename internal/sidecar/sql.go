package sidecar

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/config"
	"django-sidecar/internal/database"
	"django-sidecar/internal/databaseurl"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/mysqlgrants"
	"django-sidecar/internal/sqlcondition"
	"django-sidecar/signing"
)

// SQLOptions say what [SQL] prints.
type SQLOptions struct {
	Script postgres.Script
	// Django: as a migration for Django.
	Django bool
	// Database is "sessions" or "users" where each has a database of its own, else "".
	Database string
}

// SQL is what a database administrator reviews and runs. It connects to nothing. The warning, if there is one, says
// what the text leaves out.
func SQL(c *config.Config, o SQLOptions) (text, warning string, err error) {
	place, ok := sqlPlaces(c)[o.Database]
	if !ok {
		return "", "", errors.New("-database is sessions or users, where DJANGO_SESSION_DATABASE_URL names a " +
			"database of its own: each has its own SQL")
	}
	if _, simple := conditionColumns(c.AuthUserConditions); !simple {
		warning = "a condition of DJANGO_AUTH_USER_…WHERE has more in it than columns, values and comparisons: " +
			"no trigger tells of all that it reads, and the role may need more than this script grants"
	}
	place.tables.Tokens = o.Script.Tokens
	text, err = place.text(c, o)
	return text, warning, err
}

// A sqlPlace is a database that SQL is printed for.
type sqlPlace struct {
	setting string
	url     config.Secret
	tables  postgres.Tables
}

// sqlPlaces are the databases by what -database calls them: one, or two with a word each.
func sqlPlaces(c *config.Config) map[string]sqlPlace {
	if c.SessionDatabaseURL.Reveal() == "" {
		return map[string]sqlPlace{"": {"DATABASE_URL", c.DatabaseURL, written(c, invalidationTables(c))}}
	}
	return map[string]sqlPlace{
		"sessions": {"DJANGO_SESSION_DATABASE_URL", c.SessionDatabaseURL, written(c, sessionTables(c))},
		"users":    {"DATABASE_URL", c.DatabaseURL, written(c, userTables(c))},
	}
}

// written adds to tables what SIDECAR_WRITE lets the role change of them.
func written(c *config.Config, t postgres.Tables) postgres.Tables {
	if w := c.Write; w.Any() && (t.Sessions != "" || t.Cache != "" || w.Login) {
		t.Write = postgres.Writes{
			Touch: w.Touch, Logout: w.Logout, Login: w.Login, Update: w.Update,
			Password:   c.AuthUserColumns.Password,
			CachedRows: c.SessionEngineKind == config.EngineCachedDB,
		}
	}
	return t
}

// errSQLite says that a file has none of what SQL prints.
var errSQLite = errors.New("for SQLite there is nothing to print: it has no notifications, accounts or functions. " +
	"Who may open the file can read all of it, so keep its permissions narrow")

func (p sqlPlace) text(c *config.Config, o SQLOptions) (text string, err error) {
	vendor, err := databaseurl.Of(p.url.Reveal())
	if err != nil {
		return "", fmt.Errorf("%s %w", p.setting, err)
	}
	if p.tables.Hash.Name != "" {
		if p.tables.Hash.SHA1, err = hashesWithSHA1(c); err != nil {
			return "", err
		}
	}
	switch vendor {
	case databaseurl.Postgres:
		text, err = p.postgres(c, o)
	case databaseurl.MySQL:
		text, err = mysqlgrants.SQL(p.tables, o.Script)
	case databaseurl.SQLite:
		err = errSQLite
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", p.setting, err)
	case c.SessionDatabaseURL.Reveal() != "":
		text = "-- For the database in " + p.setting + ".\n" + text
	}
	return text, nil
}

func (p sqlPlace) postgres(c *config.Config, o SQLOptions) (text string, err error) {
	if o.Script.Triggers { // it connects to nothing
		options := database.Options{Timeout: c.StoreTimeout, LookupEnv: os.LookupEnv}
		if _, err := database.NewSubscriber(p.url.Reveal(), options); err != nil {
			return "", err
		}
	}
	if o.Django {
		return p.tables.Migration()
	}
	return p.tables.SQL(o.Script)
}

// invalidationTables are the tables that verdicts of the deployment depend on.
func invalidationTables(c *config.Config) postgres.Tables {
	t := userTables(c)
	t.Sessions = sessionTables(c).Sessions
	return t
}

// sessionTables are those of the session model.
func sessionTables(c *config.Config) (t postgres.Tables) {
	if c.SessionEngineKind == config.EngineDB || c.SessionEngineKind == config.EngineCachedDB {
		t.Sessions = c.SessionTable
	}
	return t
}

// cacheTable is the table of a DatabaseCache that has sessions, "" for none. It is where the users are.
func cacheTable(c *config.Config) string {
	table, isTable := strings.CutPrefix(c.CacheURL.Reveal(), "db://")
	if !isTable || c.SessionEngineKind != config.EngineCache && c.SessionEngineKind != config.EngineCachedDB {
		return ""
	}
	table, _, _ = strings.Cut(table, "?")
	if plain, err := url.PathUnescape(table); err == nil {
		table = plain
	}
	return table
}

// hashesWithSHA1 reports whether a session auth hash of the deployment is made with SHA-1.
func hashesWithSHA1(c *config.Config) (bool, error) {
	d := &Deployment{config: c}
	if err := d.openKeys(); err != nil {
		return false, err
	}
	withSHA1 := func(k djangosession.AuthHashKey) bool { return k.Algorithm == signing.SHA1 }
	return slices.ContainsFunc(d.rules.AuthHashKeys(), withSHA1), nil
}

// userTables are those of the user model.
func userTables(c *config.Config) (t postgres.Tables) {
	t.Cache = cacheTable(c)
	if c.InsecureSkipUserCheck {
		return t
	}
	u := c.AuthUserColumns
	t.Users, t.UserID = c.AuthUserTable, u.ID
	conditions := c.AuthUserConditions
	flag := func(column, condition string) string {
		if condition != "" {
			return dbstore.NoColumn
		}
		return column
	}
	// In this order, which is part of the triggers' text.
	names := append([]string{
		u.Password, flag(u.Active, conditions.Active), u.Username, u.Email, flag(u.Staff,
			conditions.Staff), flag(u.Superuser, conditions.Superuser),
	}, c.AuthHash.Columns...)
	read, _ := conditionColumns(conditions)
	for _, name := range append(names, read...) {
		if name != dbstore.NoColumn && name != u.ID && !slices.Contains(t.UserColumns, name) {
			t.UserColumns = append(t.UserColumns, name)
		}
	}
	if c.AuthHash.Function != "" {
		t.Hash = postgres.HashFunction{
			Name: c.AuthHash.Function, Password: u.Password, Columns: c.AuthHash.Columns,
			Separator: c.AuthHash.Separator,
		}
		shown := append(slices.Clone(names[1:len(names)-len(c.AuthHash.Columns)]), read...)
		for _, name := range t.UserColumns {
			if !slices.Contains(shown, name) {
				t.Hidden = append(t.Hidden, name)
			}
		}
	}
	m := func(m dbstore.ManyToMany) postgres.ManyToMany { return postgres.ManyToMany(m) }
	g := c.AuthGroups
	t.Groups = postgres.GroupTables{
		Group: g.Group, GroupID: g.GroupID, GroupName: g.GroupName, Permission: g.Permission,
		UserGroups: m(g.UserGroups), UserPermissions: m(g.UserPermissions), GroupPermissions: m(g.GroupPermissions),
	}
	return t
}

// conditionColumns are the columns that the conditions on a user's row read. It is false where one reads more than
// the row.
func conditionColumns(c dbstore.Conditions) (columns []string, all bool) {
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
