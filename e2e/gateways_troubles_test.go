//go:build live && gateways

package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
)

// TestGatewaysTroubles provokes every row of docs/troubleshooting.md, and looks for what the row quotes in what the program says.
func TestGatewaysTroubles(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	d := newTroubled(t)
	provocations := d.provocations()
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| (\w[\w -]*: [^|]+) \| [^|]+ \| [^|]+ \|$`).FindAllStringSubmatch(string(page), -1)
	if tables := strings.Count(string(page), "\n|---|---|---|---|\n"); len(rows) != strings.Count(string(page), "\n| ")-tables {
		t.Errorf("%d rows were understood", len(rows))
	}
	for _, row := range rows {
		quotes := quotesOf(row[2])
		if len(quotes) == 0 {
			t.Fatalf("%q quotes nobody", row[1])
		}
		key := quotes[0].text
		provoke, known := provocations[key]
		delete(provocations, key)
		t.Run(key, func(t *testing.T) {
			if !known {
				t.Fatalf("nothing provokes %q", row[1])
			}
			said := provoke(t)
			for _, q := range quotes {
				if !regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(q.text), "…", ".*")).MatchString(said[q.by]) {
					t.Errorf("%s does not say %q:\n%.6000s", q.by, q.text, said[q.by])
				}
			}
		})
	}
	for key := range provocations {
		t.Errorf("no row quotes %q", key)
	}
}

// quoted is what a row of the page says that somebody says.
type quoted struct{ by, text string }

func quotesOf(cell string) (quotes []quoted) {
	by := ""
	for _, found := range regexp.MustCompile("(?:(\\w[\\w -]*): )?`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		if found[1] != "" {
			by = found[1]
		}
		quotes = append(quotes, quoted{by, found[2]})
	}
	return quotes
}

// said is what a deployment says, by who speaks.
type said map[string]string

// troubled is a database of Django's with sessions, on which sidecars with wrong settings are started.
type troubled struct {
	*rig
	elsewhere *djangotest.TestDatabase
}

const troubledPath = "/authenticate"

func newTroubled(t *testing.T) *troubled {
	t.Helper()
	t.Setenv("SIDECAR_STORE_TIMEOUT", "5s")
	d := &troubled{rig: newCluster(t, time.Second)}
	d.settings(t, nil)
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	d.fill(t, c)
	d.db.Exec(t, "ALTER TABLE auth_user ADD is_staff bool NOT NULL DEFAULT false, ADD is_superuser bool NOT NULL DEFAULT false, ADD email varchar(254) NOT NULL DEFAULT ''")
	d.db.ExecAsSuperuser(t, `CREATE ROLE limited LOGIN CONNECTION LIMIT 0; CREATE ROLE reader LOGIN; GRANT SELECT ON auth_user TO reader; CREATE ROLE looker LOGIN; GRANT SELECT ON auth_user, django_session TO looker; CREATE ROLE slow LOGIN;
		GRANT SELECT ON auth_user TO slow; CREATE SCHEMA slow AUTHORIZATION slow; ALTER ROLE slow SET statement_timeout = '100ms'; ALTER ROLE slow SET search_path = slow, public;
		CREATE VIEW slow.django_session AS SELECT 'k'::varchar AS session_key, 'd'::text AS session_data, now() + interval '1 hour' AS expire_date FROM pg_sleep(3);
		ALTER VIEW slow.django_session OWNER TO slow;
		CREATE SCHEMA late; GRANT USAGE ON SCHEMA late TO PUBLIC; CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() - interval '1 hour' $$`)
	d.elsewhere = d.server.Database(t)
	d.elsewhere.Exec(t, fmt.Sprintf(tablesSQL, "timestamptz"))
	return d
}

// settings are those of the deployment, with changes.
func (d *troubled) settings(t *testing.T, env map[string]string) {
	t.Helper()
	for name, value := range map[string]string{
		"DATABASE_URL": d.db.URL(), "DJANGO_VERSION": "5.2", "DJANGO_SECRET_KEY": rigSecret, "SIDECAR_LISTEN": "127.0.0.1:0", "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0",
	} {
		t.Setenv(name, value)
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
}

// commands runs check, check with a cookie, and verify, each on the first live session or the one that is given.
func (d *troubled) commands(t *testing.T, key string) said {
	t.Helper()
	_, check := command(t, "", "check")
	_, cookie := command(t, "Cookie: sessionid="+key, "check", "-cookie")
	_, verify := command(t, key, "verify")
	return said{"check": check, "check -cookie": cookie, "verify": verify}
}

// wrong is a provocation by settings: the commands speak, and a sidecar that is asked for the first live session.
func (d *troubled) wrong(env map[string]string) func(*testing.T) said {
	return func(t *testing.T) said {
		t.Helper()
		d.settings(t, env)
		all := d.commands(t, d.live[0])
		for who, text := range d.answers(t, troubledPath) {
			all[who] = text
		}
		return all
	}
}

// asked is a provocation by requests alone: a path, and lines of header.
func (d *troubled) asked(env map[string]string, requests ...string) func(*testing.T) said {
	return func(t *testing.T) said {
		t.Helper()
		d.settings(t, env)
		return d.answers(t, requests...)
	}
}

// answers starts a sidecar, sends the requests, and returns what all of it says. With a body, a request is a POST.
func (d *troubled) answers(t *testing.T, requests ...string) said {
	t.Helper()
	return d.answersWhile(t, nil, requests...)
}

// answersWhile does something between the first request and the others.
func (d *troubled) answersWhile(t *testing.T, meanwhile func(admin string), requests ...string) said {
	t.Helper()
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	log, listening, ended := new(logBuffer), make(chan serving.Listeners, 1), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		ended <- serving.Run(ctx, c, serving.Options{Logger: slog.New(slog.NewJSONHandler(log, nil)), Listening: func(at serving.Listeners) { listening <- at }})
	}()
	all := said{}
	select {
	case at := <-listening:
		public, admin := "http://"+at.Public.Addr().String(), "http://"+at.Admin.Addr().String()
		for i, request := range requests {
			if i == 1 && meanwhile != nil {
				meanwhile(admin)
			}
			all["answer"] += d.send(t, public, request)
		}
		all["readyz"], all["metrics"] = d.send(t, admin, "/readyz"), d.send(t, admin, "/metrics")
	case err := <-ended:
		t.Fatalf("the sidecar has ended: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	all["log"] = log.String()
	return all
}

// send sends a request with the cookie of the first live session, and returns the answer as text.
func (d *troubled) send(t *testing.T, base, request string) string {
	t.Helper()
	head, body, isPost := strings.Cut(request, "\n\n")
	lines := strings.Split(head, "\n")
	method := http.MethodGet
	if isPost {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, base+lines[0], strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "sessionid="+d.live[0])
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\nLocation: %s\n%s\n", answer.Status, answer.Header.Get("Location"), text)
}

// serves is a provocation of serve's, which does not start.
func (d *troubled) serves(env map[string]string) func(*testing.T) said {
	return func(t *testing.T) said {
		t.Helper()
		d.settings(t, env)
		code, text := command(t, "", "serve")
		const exitUsage = 2
		if code != exitUsage {
			t.Errorf("exit code %d", code)
		}
		return said{"serve": text}
	}
}

// to is DATABASE_URL with another part.
func (d *troubled) to(t *testing.T, change func(*url.URL)) map[string]string {
	t.Helper()
	return map[string]string{"DATABASE_URL": changed(t, d.db.URL(), change)}
}
