//go:build live

package e2e

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/serving"
	"django-sidecar/internal/sidecar"
)

// TestSessionsInAnotherDatabase keeps verdicts that depend on two databases of a real Django: a change in either is told
// of, one that is away is no logout, and check says which of them lacks a table.
func TestSessionsInAnotherDatabase(t *testing.T) {
	sessions := djangotest.Postgres(t).Database(t)
	users := djangotest.Postgres(t).Database(t)
	django := djangotest.StartDjango(t, djangotest.Project{Version: "5.2", Database: users.Django(), Settings: map[string]any{
		"SECRET_KEY": oracleSecret, "DATABASES": map[string]any{"default": users.Django(), "sessions": sessions.Django()},
		"DATABASE_ROUTERS": []string{"oracle_app.routers.SessionRouter"},
	}})
	proxy := djangotest.NewFaultProxy(t, strings.Split(strings.Split(sessions.URL(), "@")[1], "/")[0])
	for name, value := range map[string]string{
		"DJANGO_SECRET_KEY": oracleSecret, "DJANGO_VERSION": "5.2", "DATABASE_URL": users.URL(), "SIDECAR_STORE_TIMEOUT": "10s",
	} {
		t.Setenv(name, value)
	}
	if out := wantCheck(t, exitNo); !strings.Contains(out, "DJANGO_SESSION_DATABASE_URL") {
		t.Errorf("check does not name the setting:\n%s", out)
	}
	t.Setenv("DJANGO_SESSION_DATABASE_URL", sessions.URLAt(proxy.Addr()))
	key, user := loginOfSomebody(t, django)
	if out := wantCheck(t, exitYes); !strings.Contains(out, "1 of 1 leads to a user") || !strings.Contains(out, sessions.Name()) || !strings.Contains(out, users.Name()) {
		t.Errorf("check says\n%s", out)
	}
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	for place, db := range map[string]*djangotest.TestDatabase{"sessions": sessions, "users": users} {
		text, _, err := sidecar.SQL(c, sidecar.SQLOptions{Script: postgres.Script{Triggers: true}, Database: place})
		if err != nil {
			t.Fatal(err)
		}
		db.Exec(t, text)
	}
	t.Setenv("SIDECAR_CACHE_TTL", "10m") // only what is told of is forgotten
	at := listenersForTest(t)
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	status := func(key string) int {
		got, err := askStatus(t, client, "http://"+at.Public.Addr().String()+"/authenticate", key)
		if err != nil {
			t.Error(err)
		}
		return got
	}
	sound := func() bool {
		_, err := askStatus(t, client, "http://"+at.Admin.Addr().String()+"/readyz", "")
		return err == nil && metricOf(t, at, "django_sidecar_cache_sound 1")
	}
	waitFor(t, 30*time.Second, "told of both databases", sound)
	waitFor(t, 30*time.Second, "logged in", func() bool { return status(key) == http.StatusOK })
	other := django.Login(user)
	if got := status(other); got != http.StatusOK {
		t.Fatalf("the other session gets %d", got)
	}
	sessions.Exec(t, "DELETE FROM django_session WHERE session_key = '"+other+"'")
	waitFor(t, 30*time.Second, "seeing the logout", func() bool { return status(other) == http.StatusUnauthorized })
	users.Exec(t, "UPDATE auth_user SET is_active = false WHERE id = "+user)
	waitFor(t, 30*time.Second, "seeing the deactivation", func() bool { return status(key) == http.StatusUnauthorized })
	users.Exec(t, "UPDATE auth_user SET is_active = true WHERE id = "+user)
	waitFor(t, 30*time.Second, "seeing the activation", func() bool { return status(key) == http.StatusOK })

	proxy.SetMode(djangotest.Refuse())
	unknown := newRigKey()
	waitFor(t, 30*time.Second, "could not find out", func() bool { return status(unknown) == http.StatusServiceUnavailable })
	if got, err := askStatus(t, client, "http://"+at.Admin.Addr().String()+"/readyz", ""); got != http.StatusServiceUnavailable || err != nil {
		t.Errorf("/readyz answers %d, %v while the sessions' database is away", got, err)
	}
	proxy.SetMode(djangotest.Pass())
	waitFor(t, 30*time.Second, "well again", func() bool { return status(unknown) == http.StatusUnauthorized })
}

// loginOfSomebody logs a user in who may log in.
func loginOfSomebody(t *testing.T, django *djangotest.Django) (key, user string) {
	t.Helper()
	for _, u := range django.Users(20, 1) {
		if u.IsActive != nil && *u.IsActive {
			return django.Login(u.ID), u.ID
		}
	}
	t.Fatal("nobody may log in")
	return "", ""
}

// wantCheck runs check, and returns what it prints.
func wantCheck(t *testing.T, code int) string {
	t.Helper()
	got, said := command(t, "", "check")
	if got != code {
		t.Errorf("check ends with %d, want %d:\n%s", got, code, said)
	}
	return said
}

func askStatus(t *testing.T, c *http.Client, url, key string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	if key != "" {
		request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

// metricOf reports whether the metrics have a line.
func metricOf(t *testing.T, at serving.Listeners, line string) bool {
	t.Helper()
	return strings.Contains(metricsAt(t, at), line)
}

// metricsAt are all metrics of a sidecar.
func metricsAt(t *testing.T, at serving.Listeners) string {
	t.Helper()
	return pageFor(t.Context(), t, "http://"+at.Admin.Addr().String()+"/metrics", "")
}
