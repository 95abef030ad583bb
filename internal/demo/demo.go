// Package demo makes a small Django deployment on the spot: a SQLite database with
// Django's own schema, users, and sessions in every state that a verdict knows.
package demo

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	_ "embed" // schema.sql
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"django-sidecar/djangosession"
)

//go:embed schema.sql
var schema string

// An Example is a request to try, and what it should get.
type Example struct {
	Title  string
	Cookie string // "" for none
	Alive  bool
	Reason djangosession.Reason // where it is not alive
}

const backend = "django.contrib.auth.backends.ModelBackend"

// users of the demo, by their primary keys.
var users = []struct {
	id                       int
	name                     string
	active, staff, superuser bool
}{
	{1, "ada", true, false, false},
	{2, "grace", true, true, true},
	{3, "edsger", false, false, false},
	{4, "barbara", true, false, false},
}

// Make writes the database into the file at path, which must not exist, for a Django with the keys of codec and
// verifier. All the users' password is "demo". The sessions live for two weeks.
func Make(ctx context.Context, path string, codec *djangosession.Codec, v *djangosession.Verifier, now time.Time) (visits []Example, err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m := &maker{ctx: ctx, codec: codec, verifier: v, now: now}
	// In one transaction, so that making it takes one write to the disk.
	if m.tx, err = db.BeginTx(ctx, nil); err != nil {
		return nil, err
	}
	m.execute(schema)
	passwords := m.users()
	m.sessions(passwords)
	if m.err != nil {
		return nil, errors.Join(fmt.Errorf("making the demo database: %w", m.err), m.tx.Rollback())
	}
	return m.visits, m.tx.Commit()
}

// maker keeps the first error, so that making reads as a list.
type maker struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call of Make
	tx       *sql.Tx
	codec    *djangosession.Codec
	verifier *djangosession.Verifier
	now      time.Time
	visits   []Example
	err      error
}

func (m *maker) execute(statement string, args ...any) {
	if m.err == nil {
		_, m.err = m.tx.ExecContext(m.ctx, statement, args...)
	}
}

// users inserts the users, and returns their encoded passwords.
func (m *maker) users() map[int]string {
	passwords := map[int]string{}
	for _, u := range users {
		passwords[u.id] = m.password("demo")
		m.execute(`INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
			VALUES (?, ?, ?, ?, '', '', ?, ?, ?, ?)`,
			u.id, passwords[u.id], u.superuser, u.name, u.name+"@example.com", u.staff, u.active, stored(m.now))
	}
	return passwords
}

// password is make_password of django/contrib/auth/hashers.py, 5.2, with fewer rounds, which a login would raise.
func (m *maker) password(plain string) string {
	const rounds = 10_000
	salt := rand.Text()
	hash, err := pbkdf2.Key(sha256.New, plain, []byte(salt), rounds, sha256.Size)
	m.err = errors.Join(m.err, err)
	return fmt.Sprintf("pbkdf2_sha256$%d$%s$%s", rounds, salt, base64.StdEncoding.EncodeToString(hash))
}

// sessions inserts a session for each state, and notes the visits that show them.
func (m *maker) sessions(passwords map[int]string) {
	login := func(id int, password string) map[string]any {
		return map[string]any{
			"_auth_user_id": fmt.Sprint(id), "_auth_user_backend": backend,
			"_auth_user_hash": m.verifier.AuthHash(password), "cart": []string{"tea", "biscuits"},
		}
	}
	const twoWeeks = 14 * 24 * time.Hour
	ada := m.session(login(1, passwords[1]), twoWeeks)
	m.visit("ada is logged in", ada, "")
	m.visit("grace is staff and superuser", m.session(login(2, passwords[2]), twoWeeks), "")
	m.visit("ada's session is past its time", m.session(login(1, passwords[1]), -time.Minute), djangosession.Expired)
	m.visit("edsger was deactivated", m.session(login(3, passwords[3]), twoWeeks), djangosession.UserInactive)
	m.visit("barbara has changed her password since", m.session(login(4, "an earlier one"), twoWeeks),
		djangosession.AuthHashMismatch)
	m.visit("the user was deleted", m.session(login(99, ""), twoWeeks), djangosession.UserNotFound)
	m.visit("a visitor who never logged in", m.session(map[string]any{"cart": []string{"tea"}}, twoWeeks),
		djangosession.Anonymous)

	forged := m.session(login(2, passwords[2]), twoWeeks)
	m.execute(`UPDATE django_session SET session_data = session_data || 'x' WHERE session_key = ?`, forged)
	m.visit("somebody changed the stored session", forged, djangosession.BadSignature)
	m.visit("the session was deleted: a logout", newKey(), djangosession.NotFound)
	m.visits = append(m.visits,
		Example{
			Title:  "the last of two cookies counts, as in Django",
			Cookie: "sessionid=forged; sessionid=" + ada, Alive: true,
		},
		Example{Title: "no cookie at all", Reason: djangosession.NoCookie})
}

// session stores a session as Django would, and returns its key.
func (m *maker) session(values map[string]any, expiresIn time.Duration) string {
	key := newKey()
	data, err := m.codec.Encode(values, m.now)
	m.err = errors.Join(m.err, err)
	m.execute(`INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)`,
		key, data, stored(m.now.Add(expiresIn)))
	return key
}

func (m *maker) visit(title, key string, reason djangosession.Reason) {
	m.visits = append(m.visits, Example{Title: title, Cookie: "sessionid=" + key, Alive: reason == "", Reason: reason})
}

// stored is how Django keeps an instant in SQLite, as text.
func stored(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000") }

// newKey is get_random_string(32, VALID_KEY_CHARS) of django/contrib/sessions/backends/base.py, 5.2, from fewer
// characters and as hard to guess: 26 of base 32 have 130 bits.
func newKey() string { return strings.ToLower(rand.Text()) + "000000" }
