package djangotest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// SiteSecretKey is SECRET_KEY of a Site, and SiteFallbackKey the one of SECRET_KEY_FALLBACKS.
const (
	SiteSecretKey   = "the secret key of a site of the tests"
	SiteFallbackKey = "the older key of a site of the tests"
)

// Site is a project of one Django, testdata/site, with a database of SQLite, or of a server.
type Site struct {
	tb      testing.TB
	version string
	server  *SmallServer
	entry   string // of DATABASES, as JSON; "" for SQLite

	// Database is the path of the database of SQLite.
	Database string
	// Keys are the session keys of its users, by their names.
	Keys map[string]string
	// Addr is where it listens, once it is served.
	Addr string
}

// NewSite makes a project, with users and sessions.
func NewSite(tb testing.TB, version string) *Site {
	tb.Helper()
	return NewSiteOn(tb, version, nil)
}

// NewSiteOn is NewSite with a database of a server, which has this entry of Django's DATABASES.
func NewSiteOn(tb testing.TB, version string, database map[string]any) *Site {
	tb.Helper()
	s := &Site{tb: tb, version: version, Database: filepath.Join(tb.TempDir(), "db.sqlite3")}
	if database != nil {
		entry, err := json.Marshal(database)
		if err != nil {
			tb.Fatal(err)
		}
		s.entry = string(entry)
	}
	out, err := s.command(filepath.Join(sitePath(), "make.py")).Output()
	if err != nil {
		tb.Fatalf("Django %s: %v", version, err)
	}
	if err := json.Unmarshal(out, &s.Keys); err != nil {
		tb.Fatalf("Django %s: %v in %s", version, err, out)
	}
	return s
}

// Shell pipes a program into manage.py shell, and returns what it prints, on stderr too. It runs in a folder.
func (s *Site) Shell(program, folder string) string {
	s.tb.Helper()
	return s.pipe(program, folder, "-m", "django", "shell")
}

// Python pipes a program into Python, without a shell of the project.
func (s *Site) Python(program, folder string) string {
	s.tb.Helper()
	return s.pipe(program, folder, "-")
}

func (s *Site) pipe(program, folder string, args ...string) string {
	s.tb.Helper()
	cmd := s.command(args...)
	cmd.Dir, cmd.Stdin = folder, strings.NewReader(program)
	said, err := cmd.CombinedOutput()
	if err != nil {
		s.tb.Errorf("Django %s: %v\n%s", s.version, err, said)
	}
	return string(said)
}

// Converse starts a program of the project that answers lines of JSON.
func (s *Site) Converse(path string) *Conversation {
	s.tb.Helper()
	return Converse(s.tb, "Django "+s.version, s.command("-W", "ignore", path))
}

func sitePath() string { return filepath.Join(RepositoryPath(), "testdata", "site") }

func (s *Site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(pythonOf(s.tb, s.version), args...)
	cmd.Env = append(os.Environ(), "DJANGO_SETTINGS_MODULE=settings", "PYTHONPATH="+sitePath(), "PYTHONDONTWRITEBYTECODE=1",
		"SITE_SECRET_KEY="+SiteSecretKey, "SITE_SECRET_KEY_FALLBACK="+SiteFallbackKey, "SITE_DATABASE="+s.Database,
		"SITE_SERVER="+s.entry)
	return cmd
}

// Serve serves the project until the test ends.
func (s *Site) Serve() {
	s.tb.Helper()
	s.Addr = loopback(mustFreePort(s.tb))
	s.server = newSmallServer(s.tb)
	s.server.account.switchTo = false // the virtual environment lies in our own cache
	s.server.command = func() *exec.Cmd {
		return s.command("-W", "ignore", "-m", "django", "runserver", "--noreload", s.Addr)
	}
	s.server.ready = func(ctx context.Context) error {
		answer, err := askLine(ctx, "tcp", s.Addr, "GET /django-sidecar/shadow HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
		if err == nil && !strings.Contains(answer, " 200") {
			err = fmt.Errorf("the site answers %q", answer)
		}
		return err
	}
	s.server.Start()
}

// sessionsProgram prints what Sessions returns.
const sessionsProgram = `import django
django.setup()
from django.contrib.sessions.models import Session
for row in Session.objects.order_by("session_key").values_list("session_key", "session_data", "expire_date"):
    print("%s %s %s" % row)
`

// Sessions are all that the table of sessions has, as text.
func (s *Site) Sessions() string {
	s.tb.Helper()
	if s.entry != "" {
		return s.Python(sessionsProgram, s.tb.TempDir())
	}
	var all strings.Builder
	db := s.open()
	defer s.close(db)
	rows, err := db.QueryContext(s.tb.Context(), "SELECT session_key || ' ' || session_data || ' ' || "+
		"CAST(expire_date AS text) FROM django_session ORDER BY 1")
	if err != nil {
		s.tb.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			s.tb.Fatal(err)
		}
		fmt.Fprintln(&all, row)
	}
	if err := rows.Err(); err != nil {
		s.tb.Fatal(err)
	}
	return all.String()
}

// Execute runs a statement of SQL.
func (s *Site) Execute(statement string) {
	s.tb.Helper()
	db := s.open()
	defer s.close(db)
	if _, err := db.ExecContext(s.tb.Context(), statement); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Site) open() *sql.DB {
	s.tb.Helper()
	db, err := sql.Open("sqlite", s.Database+"?_pragma=busy_timeout(20000)")
	if err != nil {
		s.tb.Fatal(err)
	}
	return db
}

func (s *Site) close(db *sql.DB) {
	s.tb.Helper()
	if err := db.Close(); err != nil {
		s.tb.Error(err)
	}
}
