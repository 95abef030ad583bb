package dbstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
)

// Writer is a djangosession.Writer on the session table: contrib/sessions/backends/db.py. Each method but Delete is
// one statement with its condition, so that nobody's writing comes between.
type Writer struct {
	config SessionsConfig
	codec  *djangosession.Codec
	from   source
	fits   atomic.Bool // CheckDriver has found nothing wrong

	create, save, remove, touch, saved string
}

var _ djangosession.Writer = (*Writer)(nil)

// NewWriter returns a store that writes sessions to db, encoded with codec. Of c, Batcher and MaxBytes do not matter.
// It does no I/O, and panics without a Dialect, and without a Zone where one is needed.
func NewWriter(db *sql.DB, codec *djangosession.Codec, c SessionsConfig) *Writer {
	c = c.complete()
	d := c.Dialect
	table := d.table(c.Table)
	text := func(format string) string { return d.numbered(fmt.Sprintf(format, table)) }
	return &Writer{
		config: c, codec: codec, from: source{db, d, c.Prepare},
		create: text("INSERT INTO %s (session_key, session_data, expire_date) VALUES (?, ?, ?)" + d.unlessTaken),
		save:   text("UPDATE %s SET session_data = ?, expire_date = ? WHERE session_key = ? AND expire_date > ?"),
		remove: text("DELETE FROM %s WHERE session_key = ?"),
		touch: text("UPDATE %s SET expire_date = ? WHERE session_key = ? " +
			"AND expire_date = ? AND expire_date > ?"),
		saved: text("SELECT 1 FROM %s WHERE session_key = ? AND session_data = ?"),
	}
}

// Create implements djangosession.Writer.
func (w *Writer) Create(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	data, err := w.codec.EncodeSession(s, w.config.Now())
	if err != nil {
		return err
	}
	rows, err := w.exec(ctx, w.create, key, data, w.stored(expire))
	if w.from.dialect.unlessTaken == "" && err != nil {
		// The error of a key that is taken has no form that all drivers share.
		var one int
		if w.from.db.QueryRowContext(ctx, w.saved, key, data).Scan(&one) == nil {
			return nil // it is this one
		}
		taken := w.from.dialect.numbered("SELECT 1 FROM " + w.from.dialect.table(w.config.Table) + " WHERE session_key = ?")
		if w.from.db.QueryRowContext(ctx, taken, key).Scan(&one) == nil {
			return djangosession.ErrExists
		}
	}
	if err != nil {
		return fmt.Errorf("creating a session: %w", err)
	}
	if rows == 0 {
		return djangosession.ErrExists
	}
	return nil
}

// Save implements djangosession.Writer.
func (w *Writer) Save(ctx context.Context, key string, s *djangosession.Session, expire time.Time) error {
	now := w.config.Now()
	data, err := w.codec.EncodeSession(s, now)
	if err != nil {
		return err
	}
	rows, err := w.exec(ctx, w.save, data, w.stored(expire), key, w.stored(now))
	switch {
	case err != nil:
		return fmt.Errorf("saving a session: %w", err)
	case rows > 0:
		return nil
	case !w.from.dialect.countsChanged:
		return djangosession.ErrNotFound
	}
	// Nothing was changed, perhaps because the row was the same before.
	var one int
	switch err := w.from.db.QueryRowContext(ctx, w.saved, key, data).Scan(&one); {
	case isNoRows(err):
		return djangosession.ErrNotFound
	case err != nil:
		return fmt.Errorf("saving a session: %w", err)
	}
	return nil
}

// Delete implements djangosession.Writer.
func (w *Writer) Delete(ctx context.Context, key string) error {
	if _, err := w.exec(ctx, w.remove, key); err != nil {
		return fmt.Errorf("deleting a session: %w", err)
	}
	return nil
}

// Touch implements djangosession.Writer.
func (w *Writer) Touch(ctx context.Context, key string, loaded *djangosession.Session, to time.Time) error {
	rows, err := w.exec(ctx, w.touch, w.stored(to), key, w.stored(loaded.ExpireDate), w.stored(w.config.Now()))
	if err != nil {
		return fmt.Errorf("moving the expiry of a session: %w", err)
	}
	if rows == 0 {
		return djangosession.ErrNotFound
	}
	return nil
}

// stored is an instant as Django stores it, and as it compares expire_date with one.
func (w *Writer) stored(t time.Time) any { return w.from.dialect.now(t, w.config.Zone) }

// exec runs a statement once: database/sql runs it again only where the connection has refused to send it. It returns
// how many rows were written.
func (w *Writer) exec(ctx context.Context, text string, args ...any) (int64, error) {
	for _, arg := range args {
		if key, ok := arg.(string); ok && !utf8.ValidString(key) {
			return 0, nil // Python stores no such text
		}
	}
	prepares := w.from.prepares != nil && w.from.prepares()
	if w.from.dialect.pooled && !prepares && !w.fits.Load() {
		if err := CheckDriver(ctx, w.from.db, w.from.dialect); err != nil {
			return 0, err
		}
		w.fits.Store(true)
	}
	result, err := w.from.db.ExecContext(ctx, text, args...)
	if refusesValue(err) { // no row has such a key
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
