package dbstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"time"

	"django-sidecar/djangosession"
)

// byUser looks something up by a user's primary key, for one user or for several in one query. R is the type of what
// is found.
type byUser[R any] struct {
	keyType djangosession.KeyType
	find    *statement
	all     *statement // nil where the dialect has no arrays
	queue   lookupQueue[R]
}

// drop forgets the prepared statements.
func (b *byUser[R]) drop() {
	b.find.drop()
	if b.all != nil {
		b.all.drop()
	}
}

// asks sets how one user and several are asked for, and who shares queries.
func (b *byUser[R]) asks(d *Dialect, batcher *Batcher, one func(ctx context.Context, key any) (R, error),
	many func(ctx context.Context, keys []string, found func(string, R)) error,
) {
	b.queue.one = func(ctx context.Context, key string) (R, error) { return one(ctx, d.keyValue(b.keyType, key)) }
	if b.all != nil {
		b.queue.batcher, b.queue.absent, b.queue.many = batcher, djangosession.ErrUserNotFound, many
	}
}

// lookAtUsers looks at the user table, and makes a shape of its columns.
func lookAtUsers[S any](
	ctx context.Context, db *sql.DB, d *Dialect, table string, shape func(columns map[string]string) (S, error),
) (found S, err error) {
	columns, err := ReadColumns(ctx, db, d, table)
	if err != nil {
		return found, err
	}
	if found, err = shape(columns); err != nil {
		err = tableError{err}
	}
	return found, err
}

// keyTypeOf returns the type of the primary key id. It fails where the table lacks a column that is needed.
func (d *Dialect) keyTypeOf(id, table string, columns map[string]string, needed ...string) (djangosession.KeyType, error) {
	for _, name := range needed {
		if _, ok := columns[name]; !ok && name != NoColumn {
			return 0, fmt.Errorf("table %s has no column %s", table, name)
		}
	}
	keyType := d.keyType(columns[id])
	if keyType == 0 {
		return 0, fmt.Errorf("primary key %s of table %s has type %s, which is none of integer, UUID and text",
			id, table, columns[id])
	}
	return keyType, nil
}

// defaultUsers are what a configuration has of the user table where it says nothing.
func defaultUsers(table *string, columns *Columns, now *func() time.Time) {
	*table, *columns, *now = cmp.Or(*table, "auth_user"), columns.withDefaults(), clock(*now)
}
