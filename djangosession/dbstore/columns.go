package dbstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNoTable says that the database has no such table, or that it is not on the search path.
var ErrNoTable = errors.New("no such table")

// ReadColumns returns the columns of a table and their types in lower case, from the database's catalogue: that
// needs no privilege on the table. It fails with ErrNoTable when there is none.
func ReadColumns(ctx context.Context, db *sql.DB, d *Dialect, table string) (columns map[string]string, err error) {
	rows, err := db.QueryContext(ctx, d.columns, quote(table))
	if err != nil {
		return nil, fmt.Errorf("looking at table %s: %w", table, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns = map[string]string{}
	for rows.Next() {
		var name, columnType string
		if err := rows.Scan(&name, &columnType); err != nil {
			return nil, fmt.Errorf("looking at table %s: %w", table, err)
		}
		columns[name] = columnType
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("looking at table %s: %w", table, err)
	}
	if len(columns) == 0 {
		return nil, fmt.Errorf("table %s: %w", table, ErrNoTable)
	}
	return columns, nil
}
