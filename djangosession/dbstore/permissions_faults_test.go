package dbstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

// As many as are read are all read; of more, none.
func TestAccessIsBounded(t *testing.T) {
	f := newSQLite(t)
	f.access(t, authUsers)
	f.exec(t, `WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 10098)
		INSERT INTO auth_permission SELECT i, 'x', 1, 'number ' || i FROM n;
		INSERT INTO auth_user_user_permissions SELECT id, 3, id FROM auth_permission WHERE id >= 100`)
	a := f.reader(dbstore.PermissionsConfig{})
	f.exec(t, "INSERT INTO auth_user_groups VALUES (9, 3, 1)") // with one permission more
	access, err := a.AccessOf(t.Context(), "3")
	if err == nil || djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrNoPermissionsMixin) {
		t.Errorf("10,001: got %d permissions, %v; want a failure", len(access.Permissions), err)
	}
	if access.IsActive || access.Groups != nil || access.Permissions != nil {
		t.Errorf("10,001: a failure came with %d groups and %d permissions", len(access.Groups), len(access.Permissions))
	}
	f.exec(t, "DELETE FROM auth_user_user_permissions WHERE permission_id = 100")
	if access, err = a.AccessOf(t.Context(), "3"); err != nil || len(access.Permissions) != 9_999 || len(access.Groups) != 1 {
		t.Errorf("10,000: got %d permissions, %d groups, %v", len(access.Permissions), len(access.Groups), err)
	}
	// What several groups give is counted once.
	f.exec(t, `INSERT INTO auth_user_groups VALUES (10, 2, 2), (11, 2, 3);
		INSERT INTO auth_group_permissions SELECT id, 2, id FROM auth_permission WHERE id > 200; INSERT INTO auth_group_permissions SELECT id, 3, id FROM auth_permission WHERE id > 200`)
	if access, err = a.AccessOf(t.Context(), "2"); err != nil || len(access.Permissions) != 9_901 || len(access.Groups) != 3 {
		t.Errorf("twice 9,898: got %d permissions, %d groups, %v", len(access.Permissions), len(access.Groups), err)
	}
}

// brokenAnswer is a driver whose connection breaks in the middle of an answer.
type brokenAnswer struct {
	driver.Conn // nil: what is not below is not called
	mark        string
	rows        [][]driver.Value // without the mark
}

func (b *brokenAnswer) Connect(context.Context) (driver.Conn, error) { return b, nil }
func (*brokenAnswer) Driver() driver.Driver                          { return nil }
func (*brokenAnswer) Close() error                                   { return nil }

func (*brokenAnswer) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	b := &brokenAnswer{mark: markOf(query)}
	switch {
	case strings.Contains(query, "foreign_key_list"):
		b.rows = [][]driver.Value{nil}
	case strings.Contains(query, "sqlite_master"):
		b.rows = [][]driver.Value{{args[0].Value, int64(0)}, nil}
	case strings.Contains(query, "pragma_table_info"):
		columns := map[driver.Value][]string{
			"auth_user": {"id", "is_active"}, "auth_user_groups": {"user_id", "group_id"}, "auth_user_user_permissions": {"user_id", "permission_id"},
			"auth_group_permissions": {"group_id", "permission_id"},
		}
		for _, name := range columns[args[0].Value] {
			b.rows = append(b.rows, []driver.Value{name, "integer"})
		}
		b.rows = append(b.rows, nil) // no error at the end
	default:
		b.rows = [][]driver.Value{{int64(0), true, nil, nil, nil}, {int64(1), nil, "writers", nil, nil}}
	}
	return b, nil
}

func (b *brokenAnswer) Columns() []string {
	if len(b.rows) > 0 {
		return make([]string, 1+len(b.rows[0]))
	}
	return nil
}

func (b *brokenAnswer) Next(dest []driver.Value) error {
	if len(b.rows) == 0 {
		return io.ErrUnexpectedEOF
	}
	row := b.rows[0]
	b.rows = b.rows[1:]
	if row == nil {
		return io.EOF
	}
	dest[0] = b.mark
	copy(dest[1:], row)
	return nil
}

// Half an answer would be less than the user may do.
func TestAccessOfHalfAnAnswer(t *testing.T) {
	db := sql.OpenDB(&brokenAnswer{})
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	access, err := dbstore.NewPermissions(db, dbstore.PermissionsConfig{Dialect: dbstore.SQLite}.Trusting()).AccessOf(t.Context(), "1")
	if !errors.Is(err, io.ErrUnexpectedEOF) || access.IsActive || access.Groups != nil || access.Permissions != nil {
		t.Errorf("got %v, %v; want the driver's error alone", access, err)
	}
}

// A database that cannot be reached says nothing about the user model.
func TestAccessWithoutADatabase(t *testing.T) {
	f := &fixture{types: sqliteTypes, Database: openReader(t, sqliteURL(t.TempDir()+"/none.sqlite3"), database.Options{})}
	_, err := f.reader(dbstore.PermissionsConfig{}).AccessOf(t.Context(), "1")
	if err == nil || djangosession.IsAnswer(err) || errors.Is(err, djangosession.ErrNoPermissionsMixin) || errors.Is(err, dbstore.ErrNoTable) {
		t.Errorf("got %v, want a failure", err)
	}
}
