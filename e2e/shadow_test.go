//go:build live

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/serving"
)

// shadowed is a sidecar that compares all of its answers with a site.
type shadowed struct {
	url, admin string
	log        *logBuffer
}

// startShadowed serves with these settings until the test ends.
func startShadowed(t *testing.T, settings map[string]string) *shadowed {
	t.Helper()
	settings["SIDECAR_LISTEN"], settings["SIDECAR_ADMIN_LISTEN"], settings["SIDECAR_SHADOW_SHARE"] = "127.0.0.1:0", "127.0.0.1:0", "1"
	for name, value := range settings {
		t.Setenv(name, value)
	}
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	s := &shadowed{log: new(logBuffer)}
	listening, done := make(chan serving.Listeners, 1), make(chan error, 1)
	ctx := t.Context() // ends before the cleanups run
	go func() {
		done <- serving.Run(ctx, c, serving.Options{Logger: slog.New(slog.NewJSONHandler(s.log, nil)), Listening: func(at serving.Listeners) { listening <- at }})
	}()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case at := <-listening:
		s.url, s.admin = "http://"+at.Public.Addr().String(), "http://"+at.Admin.Addr().String()
	case err := <-done:
		done <- nil
		t.Fatalf("the sidecar has ended: %v", err)
	}
	return s
}

// pageFor asks for a page with a session.
func pageFor(ctx context.Context, t *testing.T, url, key string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	}
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// visit asks the sidecar once for each session, and waits until as many have come to a result.
func (s *shadowed) visit(t *testing.T, site *djangotest.Site, results map[string]int) {
	t.Helper()
	for name, key := range site.Keys {
		if answer := pageFor(t.Context(), t, s.url+"/authenticate", key); !strings.Contains(answer, `"result"`) {
			t.Fatalf("%s: %s", name, answer)
		}
	}
	var metrics string
	waitFor(t, 60*time.Second, fmt.Sprintf("%v", results), func() bool {
		metrics = pageFor(t.Context(), t, s.admin+"/metrics", "")
		for result, count := range results {
			if !strings.Contains(metrics, fmt.Sprintf("django_sidecar_shadow_comparisons_total{result=%q} %d\n", result, count)) {
				return false
			}
		}
		return true
	})
	if t.Failed() {
		t.Logf("metrics: %s\nlog: %s", metrics[strings.Index(metrics, "# HELP django_sidecar_shadow"):], s.log.String())
	}
	for _, secret := range append([]string{djangotest.SiteSecretKey, "md5$salt"}, values(site.Keys)...) {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func values(m map[string]string) (all []string) {
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

// shadowNothing compares answers with the view of docs/proof.md. There is no difference, and the look changes no
// session, although each other request of the site saves one.
func shadowNothing(t *testing.T, site *djangotest.Site, settings map[string]string) {
	t.Helper()
	site.Serve()
	before := site.Sessions()
	settings["SIDECAR_SHADOW_URL"] = "http://" + site.Addr + "/django-sidecar/shadow"
	s := startShadowed(t, settings)
	skipped := 0
	if site.Keys["fallback"] != "" {
		skipped = 1 // Django would give it another key
	}
	s.visit(t, site, map[string]int{"same": len(site.Keys) - skipped, "skipped": skipped, "different": 0, "settled": 0, "failed": 0})
	for _, key := range site.Keys { // and the view alone
		pageFor(t.Context(), t, settings["SIDECAR_SHADOW_URL"], key)
	}
	if after := site.Sessions(); after != before {
		t.Errorf("sessions after a look:\n%s\nbefore:\n%s", after, before)
	}
}

// TestShadowFindsWrongSettings has a setting be wrong. Each is found in the live answers.
func TestShadowFindsWrongSettings(t *testing.T) {
	const version = "5.2"
	site := djangotest.NewSite(t, version)
	site.Serve()
	site.Execute("CREATE TABLE other_group (id integer PRIMARY KEY, name varchar(150))")
	site.Execute("CREATE TABLE other_user_groups (id integer PRIMARY KEY, user_id integer, group_id integer)")
	delete(site.Keys, "fallback")
	for _, c := range []struct {
		name, kind string
		different  int
		env        map[string]string
	}{
		{"another secret", "user: bad_signature", 3, map[string]string{"DJANGO_SECRET_KEY": "another key, which has never signed anything"}},
		{"a missing backend", "user: unknown_backend", 3, map[string]string{"DJANGO_AUTHENTICATION_BACKENDS": "django.contrib.auth.backends.RemoteUserBackend"}},
		{"is_active the other way round", "user: only here", 4, map[string]string{"DJANGO_AUTH_USER_ACTIVE_WHERE": "NOT is_active"}},
		{"other tables of groups", "groups", 1, map[string]string{"DJANGO_AUTH_GROUP_TABLE": "other_group", "DJANGO_AUTH_USER_GROUPS_TABLE": "other_user_groups"}},
		{"another cookie", "user: no_cookie", 3, map[string]string{"DJANGO_SESSION_COOKIE_NAME": "sid"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := siteSettings(site, version)
			settings["SIDECAR_SHADOW_URL"] = "http://" + site.Addr + "/django-sidecar/shadow"
			for name, value := range c.env {
				settings[name] = value
			}
			s := startShadowed(t, settings)
			s.visit(t, site, map[string]int{"same": len(site.Keys) - c.different, "different": c.different, "settled": 0, "failed": 0})
			// What has been counted is logged then.
			waitFor(t, 30*time.Second, fmt.Sprintf("%q in the log", c.kind), func() bool { return strings.Contains(s.log.String(), "Django and the sidecar differ") })
			metrics := pageFor(t.Context(), t, s.admin+"/metrics", "")
			if strings.Contains(metrics, "django_sidecar_shadow_last_difference_timestamp_seconds 0\n") ||
				strings.Contains(metrics, "django_sidecar_shadow_first_comparison_timestamp_seconds 0\n") {
				t.Errorf("the metrics tell of no difference:\n%s", metrics)
			}
		})
	}
}

// TestShadowOfNobody: a Django that does not answer harms nobody.
func TestShadowOfNobody(t *testing.T) {
	site := djangotest.NewSite(t, "5.2")
	settings := siteSettings(site, "5.2")
	settings["SIDECAR_SHADOW_URL"] = "http://127.0.0.1:1/"
	s := startShadowed(t, settings)
	delete(site.Keys, "fallback")
	s.visit(t, site, map[string]int{"failed": len(site.Keys), "same": 0, "different": 0})
	waitFor(t, 30*time.Second, "told by the log", func() bool { return strings.Contains(s.log.String(), "could not be compared with Django") })
	if log := s.log.String(); strings.Count(log, "could not be compared with Django") != 1 {
		t.Errorf("want one line a minute of it:\n%s", log)
	}
}

// TestShadowView: the page shows the view that the tests use.
func TestShadowView(t *testing.T) {
	root := djangotest.RepositoryPath()
	view, err := os.ReadFile(filepath.Join(root, "testdata", "site", "shadow.py"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "proof.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```python\n"+string(view)+"```\n") {
		t.Errorf("docs/proof.md does not show testdata/site/shadow.py:\n%s", view)
	}
}
