package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNoTable says that the database has no such table, or that it is not on the search path.
var ErrNoTable = errors.New("no such table")

// ReadColumns returns the columns of a table and their types in lower case, from the database's catalogue: on
// PostgreSQL that needs no privilege on the table, and on MySQL it shows the columns that may be read. It fails with
// ErrNoTable when there is none.
func ReadColumns(ctx context.Context, db *sql.DB, d *Dialect, table string) (columns map[string]string, err error) {
	read := readColumns
	if d.shows {
		read = showColumns
	}
	columns, err = read(ctx, db, d, table)
	switch {
	case err == nil && len(columns) == 0, noTable(err):
		return nil, fmt.Errorf("table %s: %w", table, ErrNoTable)
	case err != nil:
		return nil, fmt.Errorf("looking at table %s: %w", table, err)
	}
	return columns, nil
}

func readColumns(ctx context.Context, db *sql.DB, d *Dialect, table string) (columns map[string]string, err error) {
	query, args := d.columns(table)
	err = source{db: db, dialect: d}.list(query, "name", "type").all(ctx, args, func(a *answer) error {
		columns = map[string]string{}
		for {
			var name, columnType sql.NullString
			if more, err := a.next(&name, &columnType); err != nil || !more {
				return err
			}
			columns[name.String] = columnType.String
		}
	})
	return columns, err
}

// showColumns reads the columns of a table that a command shows, and which is no part of a query. A table that is not
// there is an error of the server's; so an answer without columns is another query's.
func showColumns(ctx context.Context, db *sql.DB, d *Dialect, table string) (columns map[string]string, err error) {
	query, args := d.columns(table)
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	if len(names) < 2 || names[0] != "Field" || names[1] != "Type" {
		return nil, errForeign
	}
	var name, columnType string
	row := []any{&name, &columnType}
	for len(row) < len(names) {
		row = append(row, new(any)) // MySQL tells more than it is asked
	}
	columns = map[string]string{}
	for rows.Next() {
		if err := rows.Scan(row...); err != nil {
			return nil, err
		}
		columns[name] = columnType
	}
	if err := rows.Err(); err != nil || len(columns) > 0 {
		return columns, err
	}
	return nil, errForeign
}

// noTable reports MySQL's SQLSTATE for a table that is not there; the other databases list no columns.
func noTable(err error) bool {
	return stateOf(err) == "42S02"
}
