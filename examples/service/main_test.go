package main

import (
	"database/sql"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
	_ "modernc.org/sqlite" // the driver that makes the database

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/echosite"
	"django-sidecar/signing"
)

const secretKey = "the SECRET_KEY of a Django that is made for this test"

// tables has what Django's migrations make, as far as it is read: ada, who may view reports, and bob, who may not.
const tables = `
CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date datetime);
CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128), last_login datetime, username varchar(150), email varchar(254), is_staff bool, is_superuser bool, is_active bool);
CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label varchar(100), model varchar(100));
CREATE TABLE auth_permission (id integer PRIMARY KEY, name varchar(255), content_type_id integer REFERENCES django_content_type (id), codename varchar(100));
CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150));
CREATE TABLE auth_group_permissions (id integer PRIMARY KEY, group_id integer REFERENCES auth_group (id), permission_id integer REFERENCES auth_permission (id));
CREATE TABLE auth_user_groups (id integer PRIMARY KEY, user_id integer REFERENCES auth_user (id), group_id integer REFERENCES auth_group (id));
CREATE TABLE auth_user_user_permissions (id integer PRIMARY KEY, user_id integer REFERENCES auth_user (id), permission_id integer REFERENCES auth_permission (id));
INSERT INTO auth_user VALUES (1, 'ada''s hash', NULL, 'ada', '', false, false, true), (2, 'bob''s hash', NULL, 'bob', '', false, false, true);
INSERT INTO django_content_type VALUES (1, 'reports', 'report');
INSERT INTO auth_permission VALUES (1, 'view', 1, 'view_report');
INSERT INTO auth_user_user_permissions VALUES (1, 1, 1);`

// deploy makes a database with two sessions, and returns the site, and the cookies of ada and bob.
func deploy(t *testing.T) (site *djangosite.Site, ada, bob string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.sqlite3")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), tables); err != nil {
		t.Fatal(err)
	}
	version := djangosession.MustVersion("5.2")
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
	if err != nil {
		t.Fatal(err)
	}
	const backend = "django.contrib.auth.backends.ModelBackend"
	var stores struct {
		djangosession.Store
		djangosession.UserStore
	}
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(secretKey), AuthenticationBackends: []string{backend},
	}, stores, stores)
	if err != nil {
		t.Fatal(err)
	}
	for id, name := range map[string]string{"1": "ada", "2": "bob"} {
		data, err := codec.Encode(map[string]any{
			"_auth_user_id": id, "_auth_user_backend": backend, "_auth_user_hash": verifier.AuthHash(name + "'s hash"),
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO django_session VALUES (?, ?, '2099-01-01 00:00:00')", "session0of0"+name, data); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DJANGO_SECRET_KEY", secretKey)
	t.Setenv("DATABASE_URL", "sqlite:///"+path)
	t.Setenv("DJANGO_VERSION", "5.2")
	if site, err = djangosite.FromEnv(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(site.Close)
	return site, "sessionid=session0of0ada", "sessionid=session0of0bob"
}

// TestRoutes: the service itself, and the same routes with other routers.
func TestRoutes(t *testing.T) {
	site, ada, bob := deploy(t)
	for name, handler := range map[string]http.Handler{
		"net/http": routes(site), "chi": chiRoutes(site), "gin": ginRoutes(site), "echo": echoRoutes(site),
	} {
		server := httptest.NewServer(handler)
		for _, tt := range []struct {
			path, cookie, accept string
			status               int
			body                 string
		}{
			{"/", "", "text/html", 200, "Hello, whoever you are.\n"},
			{"/", ada, "text/html", 200, "Hello, ada.\n"},
			{"/reports/", ada, "text/html", 200, "All reports.\n"},
			{"/reports/", bob, "text/html", 403, ""},
			{"/reports/", "", "application/json", 401, ""},
			{"/reports/", "", "text/html", 302, ""},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Cookie", tt.cookie)
			request.Header.Set("Accept", tt.accept)
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != tt.status || tt.status == 200 && string(body) != tt.body {
				t.Errorf("%s: %s with %q: %d %s; want %d %s", name, tt.path, tt.cookie, response.StatusCode, body, tt.status, tt.body)
			}
			if at := response.Header.Get("Location"); tt.status == 302 && at != "/accounts/login/?next=/reports/" {
				t.Errorf("%s: sent to %q", name, at)
			}
		}
		server.Close()
	}
}

func chiRoutes(site *djangosite.Site) http.Handler {
	r := chi.NewRouter()
	r.Use(site.Load)
	r.With(site.RequirePerm("reports.view_report")).Get("/reports/", reports)
	r.Get("/", home)
	return r
}

func echoRoutes(site *djangosite.Site) http.Handler {
	e := echo.New()
	e.Use(echosite.Use(site.Load))
	e.GET("/reports/", echo.WrapHandler(http.HandlerFunc(reports)), echosite.Use(site.RequirePerm("reports.view_report")))
	e.GET("/", echo.WrapHandler(http.HandlerFunc(home)))
	return e
}

func ginRoutes(site *djangosite.Site) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/reports/", ginUse(site.RequirePerm("reports.view_report")), gin.WrapF(reports))
	r.GET("/", ginUse(site.Load), gin.WrapF(home))
	return r
}

// ginUse makes a middleware of gin's of one of a Site's.
func ginUse(middleware func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		passed := false
		middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed, c.Request = true, r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !passed {
			c.Abort()
		}
	}
}
