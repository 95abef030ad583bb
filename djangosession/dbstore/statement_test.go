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
)

// endedAnswers is a driver whose connections end in the middle of the first answers, as those of a PostgreSQL do that
// pg_terminate_backend has ended: the row, and in place of what completes it an error.
type endedAnswers struct{ ended, asked int }

func (e *endedAnswers) Connect(context.Context) (driver.Conn, error) { return &endedConn{all: e}, nil }
func (*endedAnswers) Driver() driver.Driver                          { return nil }

type endedConn struct {
	driver.Conn // nil: what is not below is not called
	all         *endedAnswers
}

func (*endedConn) Close() error { return nil }

func (c *endedConn) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	c.all.asked++
	return &endedRows{mark: markOf(query), whole: c.all.asked > c.all.ended}, nil
}

// markOf is the number that a query begins with.
func markOf(query string) string {
	mark, _, _ := strings.Cut(strings.TrimPrefix(query, "SELECT "), ",")
	return mark
}

type endedRows struct {
	mark        string
	told, whole bool
}

func (*endedRows) Columns() []string { return make([]string, 4) }

func (r *endedRows) Next(dest []driver.Value) error {
	if r.told {
		return io.EOF
	}
	r.told = true
	copy(dest, []driver.Value{r.mark, "", "2001-01-01 00:00:00", false})
	return nil
}

// Close, too, reads what completes the answer.
func (r *endedRows) Close() error {
	if r.whole {
		return nil
	}
	return driver.ErrBadConn
}

// A connection that ends in the middle of an answer costs a second question. Two in a row are a failure.
func TestAnswersThatEndEarly(t *testing.T) {
	for _, tt := range []struct {
		ended, asked int
		want         error
	}{{0, 1, djangosession.ErrExpired}, {1, 2, djangosession.ErrExpired}, {2, 2, driver.ErrBadConn}} {
		answers := &endedAnswers{ended: tt.ended}
		db := sql.OpenDB(answers)
		_, err := dbstore.NewSessions(db, newCodec(t), dbstore.SessionsConfig{Dialect: dbstore.SQLite, Zone: dbstore.Zone{UseTZ: true}}).Load(t.Context(), "0123456789abcdef0123456789abcdef")
		if answers.asked != tt.asked || !errors.Is(err, tt.want) || djangosession.IsAnswer(err) != (tt.ended < 2) {
			t.Errorf("%d ended: asked %d times, %v; want %d, %v", tt.ended, answers.asked, err, tt.asked, tt.want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
