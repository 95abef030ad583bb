package djangosite_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/guard"
	"django-sidecar/internal/config"
	"django-sidecar/internal/demo"
	"django-sidecar/internal/serving"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secretKey = "a secret key for tests of sites, which is long enough to be one"

// deployment is the database of a Django 5.2 with users and sessions in every state.
type deployment struct {
	settings djangosite.Settings
	visits   map[string]demo.Example
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	d := &deployment{
		settings: djangosite.Settings{SecretKey: secretKey, DatabaseURL: "sqlite:///" + path, DjangoVersion: "5.2"},
		visits:   map[string]demo.Example{},
	}
	visits, err := demo.Deploy(t.Context(), d.config(t), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range visits {
		d.visits[v.Title] = v
	}
	d.exec(t, groupTables)
	return d
}

func (d *deployment) exec(t *testing.T, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(d.settings.DatabaseURL, "sqlite:///"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// groupTables has ada in the group editors, which may view reports.
const groupTables = `
CREATE TABLE IF NOT EXISTS django_content_type (id integer PRIMARY KEY, app_label varchar(100), model varchar(100));
CREATE TABLE IF NOT EXISTS auth_permission (id integer PRIMARY KEY, name varchar(255), content_type_id integer REFERENCES django_content_type (id), codename varchar(100));
CREATE TABLE IF NOT EXISTS auth_group (id integer PRIMARY KEY, name varchar(150));
CREATE TABLE IF NOT EXISTS auth_group_permissions (id integer PRIMARY KEY, group_id integer REFERENCES auth_group (id), permission_id integer REFERENCES auth_permission (id));
CREATE TABLE IF NOT EXISTS auth_user_groups (id integer PRIMARY KEY, user_id integer REFERENCES auth_user (id), group_id integer REFERENCES auth_group (id));
CREATE TABLE IF NOT EXISTS auth_user_user_permissions (id integer PRIMARY KEY, user_id integer REFERENCES auth_user (id), permission_id integer REFERENCES auth_permission (id));
INSERT INTO django_content_type VALUES (901, 'reports', 'report');
INSERT INTO auth_permission VALUES (901, 'view', 901, 'view_report');
INSERT INTO auth_group VALUES (901, 'editors');
INSERT INTO auth_group_permissions VALUES (901, 901, 901);
INSERT INTO auth_user_groups VALUES (901, 1, 901);
`

func (d *deployment) config(t *testing.T) *config.Config {
	t.Helper()
	env := map[string]string{
		"DJANGO_SECRET_KEY": d.settings.SecretKey, "DATABASE_URL": d.settings.DatabaseURL, "DJANGO_VERSION": d.settings.DjangoVersion,
		"SIDECAR_LISTEN": "127.0.0.1:0", "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0",
	}
	maps.Copy(env, d.settings.Env)
	c, err := config.From(env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, s djangosite.Settings) *djangosite.Site {
	t.Helper()
	site, err := djangosite.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	return site
}

// sidecar is the URL of a sidecar with the same settings, which ends with the test.
func (d *deployment) sidecar(t *testing.T) (url string) {
	t.Helper()
	c := d.config(t)
	listening, done := make(chan serving.Listeners, 1), make(chan error, 1)
	ctx := t.Context()
	go func() {
		done <- serving.Run(ctx, c, serving.Options{Logger: slog.New(slog.DiscardHandler), Listening: func(at serving.Listeners) { listening <- at }})
	}()
	var at serving.Listeners
	select {
	case at = <-listening:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + at.Public.Addr().String()
}

// middlewares is what a Site and a Guard have in common: all that a Guard can do.
type middlewares interface {
	Load(http.Handler) http.Handler
	Optional(http.Handler) http.Handler
	RequireUser(http.Handler) http.Handler
	RequireStaff(http.Handler) http.Handler
	RequireSuperuser(http.Handler) http.Handler
	RequireGroup(...string) func(http.Handler) http.Handler
	RequirePerm(...string) func(http.Handler) http.Handler
	Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error)
	Ready(context.Context) error
	Close()
}

// guards are a Site that reads the tables, and a Site and a Guard that ask a sidecar.
func (d *deployment) guards(t *testing.T) map[string]middlewares {
	t.Helper()
	url := d.sidecar(t)
	asks, err := djangosite.Ask(url, djangosite.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(asks.Close)
	thin, err := guard.Ask(url, guard.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(thin.Close)
	return map[string]middlewares{"open": open(t, d.settings), "ask": asks, "guard": thin}
}

// hello greets whoever asks.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	user, ok := djangosite.User(r.Context())
	_, checked := djangosite.Verdict(r.Context())
	if same, _ := guard.User(r.Context()); same != user {
		fmt.Fprintf(w, "%s, and for guard ", same.Name())
	}
	fmt.Fprintf(w, "%s %v %v", user.Name(), ok, checked)
})

// TestSites: what each middleware answers to each user, a browser and a script, is the same whether the site reads the
// tables or asks a sidecar.
func TestSites(t *testing.T) {
	d := deploy(t)
	const ada, grace, over, nobody = "ada is logged in", "grace is staff and superuser", "ada's session is past its time", ""
	for name, site := range d.guards(t) {
		if err := site.Ready(t.Context()); err != nil {
			t.Errorf("%s: not ready: %v", name, err)
		}
		middlewares := map[string]func(http.Handler) http.Handler{
			"load": site.Load, "optional": site.Optional, "user": site.RequireUser, "staff": site.RequireStaff,
			"superuser": site.RequireSuperuser, "group": site.RequireGroup("editors"), "perm": site.RequirePerm("reports.view_report"),
			"both":  func(h http.Handler) http.Handler { return site.Load(site.RequireUser(h)) },
			"other": site.RequirePerm("reports.view_report", "reports.add_report"),
		}
		for _, tt := range []struct {
			middleware, visit, accept string
			status                    int
			body                      string
		}{
			{"load", ada, "text/html", 200, "ada true true"},
			{"load", nobody, "text/html", 200, " false true"},
			{"load", over, "", 200, " false true"},
			{"optional", over, "", 200, " false true"},
			{"user", ada, "", 200, "ada true true"},
			{"both", ada, "", 200, "ada true true"},
			{"both", nobody, "", 401, ""},
			{"user", over, "text/html", 302, ""},
			{"user", nobody, "application/json", 401, ""},
			{"staff", ada, "text/html", 403, ""},
			{"staff", grace, "", 200, "grace true true"},
			{"superuser", ada, "", 403, ""},
			{"superuser", grace, "", 200, "grace true true"},
			{"group", ada, "", 200, "ada true true"},
			{"group", grace, "", 403, ""}, // superusers are in their own groups only
			{"perm", ada, "", 200, "ada true true"},
			{"perm", grace, "", 200, "grace true true"},
			{"perm", nobody, "text/html", 302, ""},
			{"perm", over, "", 401, ""},
			{"other", ada, "", 403, ""},
			{"other", grace, "", 200, "grace true true"},
		} {
			r := httptest.NewRequest(http.MethodGet, "/reports/7?page=2", nil)
			r.Header.Set("Accept", tt.accept)
			if tt.visit != "" {
				r.Header.Set("Cookie", d.visits[tt.visit].Cookie)
			}
			w := httptest.NewRecorder()
			middlewares[tt.middleware](hello).ServeHTTP(w, r)
			if w.Code != tt.status || tt.status == 200 && w.Body.String() != tt.body {
				t.Errorf("%s, %s, %q: %d %s; want %d %s", name, tt.middleware, tt.visit, w.Code, w.Body, tt.status, tt.body)
			}
			if got := w.Header().Values("Vary"); len(got) != 1 || got[0] != "Cookie" {
				t.Errorf("%s, %s, %q: Vary is %q", name, tt.middleware, tt.visit, got)
			}
			cache := map[bool]string{true: "private", false: "no-store"}[tt.status == 200]
			if tt.middleware == "load" || tt.middleware == "optional" {
				cache = ""
			}
			if got := w.Header().Get("Cache-Control"); got != cache {
				t.Errorf("%s, %s, %q: Cache-Control is %q, want %q", name, tt.middleware, tt.visit, got, cache)
			}
			if got, want := w.Header().Get("Location"), "/accounts/login/?next=/reports/7%3Fpage%3D2"; tt.status == 302 && got != want {
				t.Errorf("%s, %s: sent to %q, want %q", name, tt.middleware, got, want)
			}
		}
	}
}

// TestUnknowable: where settings or tables make it unknowable what users may do, nobody passes what asks for it, and a user hears of a
// fault of the site, not of the user.
func TestUnknowable(t *testing.T) {
	const ada, grace, nobody = "ada is logged in", "grace is staff and superuser", ""
	const withOwn = "shop.backends.Own, django.contrib.auth.backends.ModelBackend"
	for _, tt := range []struct {
		name, backends, change string
		group                  int    // what ada gets, who is in it
		log                    string // of the site that reads the tables
	}{
		{"an unknown backend is asked first", withOwn, "", http.StatusOK, "no backend of"},
		{"the model has no groups", "", "DROP TABLE auth_user_groups", http.StatusInternalServerError, "the user model has no groups"},
	} {
		d := deploy(t)
		log, err := os.Create(filepath.Join(t.TempDir(), "log")) // others write there too
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() }) // it has been read
		d.settings.Logger = slog.New(slog.NewTextHandler(log, nil))
		if tt.backends != "" {
			d.settings.Env = map[string]string{"DJANGO_AUTHENTICATION_BACKENDS": tt.backends}
		}
		d.exec(t, tt.change)
		for name, site := range d.guards(t) {
			perm, group := site.RequirePerm("reports.view_report"), site.RequireGroup("editors")
			for _, tt := range []struct {
				name, visit string
				middleware  func(http.Handler) http.Handler
				status      int
			}{
				{tt.name, ada, perm, http.StatusInternalServerError},
				{tt.name, grace, perm, http.StatusInternalServerError},
				{tt.name, nobody, perm, http.StatusUnauthorized},
				{tt.name, ada, group, tt.group},
				{tt.name, ada, site.RequireUser, http.StatusOK},
			} {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				if tt.visit != nobody {
					r.Header.Set("Cookie", d.visits[tt.visit].Cookie)
				}
				w := httptest.NewRecorder()
				if tt.middleware(hello).ServeHTTP(w, r); w.Code != tt.status {
					t.Errorf("%s, %s, %q: %d %s; want %d", name, tt.name, tt.visit, w.Code, w.Body, tt.status)
				}
			}
		}
		const failed = `msg="groups and permissions could not be checked" error="groups and permissions are not known here: `
		if text, err := os.ReadFile(log.Name()); err != nil || !strings.Contains(string(text), failed+tt.log) {
			t.Errorf("%s: the log has %s, %v", tt.name, text, err)
		}
	}
}

// TestVerdicts: each session of the demo, and why there is no user.
func TestVerdicts(t *testing.T) {
	d := deploy(t)
	for name, env := range map[string]map[string]string{"asked each time": nil, "kept": {"SIDECAR_CACHE_TTL": "1h"}} {
		d.settings.Env = env
		site := open(t, d.settings)
		for range 2 {
			for _, visit := range d.visits {
				var cookies []string
				if visit.Cookie != "" {
					cookies = []string{visit.Cookie}
				}
				v, err := site.Verify(t.Context(), cookies)
				if err != nil || (v.User != nil) != visit.Alive || v.Reason != visit.Reason {
					t.Errorf("%s: %s: %+v, %v", name, visit.Title, v, err)
				}
			}
		}
	}
}

// TestNobodyFoundOut: where a store is away, the answer is 503 with Retry-After, and no handler runs.
func TestNobodyFoundOut(t *testing.T) {
	away, err := djangosite.Ask("http://127.0.0.1:1", djangosite.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(away.Close)
	missing := open(t, djangosite.Settings{SecretKey: secretKey, DatabaseURL: "sqlite:///" + filepath.Join(t.TempDir(), "none"), DjangoVersion: "5.2"})
	for name, site := range map[string]middlewares{
		"no database": missing, "no sidecar": away, "zero": new(djangosite.Site), "nil": (*djangosite.Site)(nil),
		"zero Guard": new(guard.Guard), "nil Guard": (*guard.Guard)(nil),
	} {
		if err := site.Ready(t.Context()); err == nil {
			t.Errorf("%s: ready", name)
		}
		for _, middleware := range []func(http.Handler) http.Handler{site.Load, site.RequireUser, site.RequirePerm("a.b")} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Cookie", "sessionid=0123456789abcdef0123456789abcdef")
			w := httptest.NewRecorder()
			middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s: a handler runs", name) })).ServeHTTP(w, r)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s: %d %v", name, w.Code, w.Header())
			}
		}
	}
	new(djangosite.Site).Close()
	new(guard.Guard).Close()
	if user, ok := djangosite.User(t.Context()); ok || user != (djangosession.User{}) {
		t.Errorf("without a middleware there is %v", user)
	}
}

// TestSettings: what is missing or wrong is told at once.
func TestSettings(t *testing.T) {
	_, err := djangosite.Open(t.Context(), djangosite.Settings{Env: map[string]string{"DJANGO_SESION_ENGINE": "x", "SIDECAR_CACHE_TTL": "soon"}})
	for _, want := range []string{"DjangoVersion", "DJANGO_SECRET_KEY", "DATABASE_URL", "did you mean DJANGO_SESSION_ENGINE", "SIDECAR_CACHE_TTL"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: nothing of %s", err, want)
		}
	}
	twice := djangosite.Settings{SecretKey: secretKey, DatabaseURL: "sqlite:////x", DjangoVersion: "5.2", Env: map[string]string{"DJANGO_VERSION": "4.2"}}
	if _, err := djangosite.Open(t.Context(), twice); err == nil || !strings.Contains(err.Error(), "DJANGO_VERSION") {
		t.Errorf("a version that is given twice: %v", err)
	}
	t.Setenv("DJANGO_SECRET_KEY", "")
	t.Setenv("SIDECAR_STORE_TIMEOUT", "never")
	if _, err := djangosite.FromEnv(t.Context()); err == nil || !strings.Contains(err.Error(), "DJANGO_SECRET_KEY") || !strings.Contains(err.Error(), "SIDECAR_STORE_TIMEOUT") {
		t.Errorf("from the environment: %v", err)
	}
}
