//go:build live

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/sidecar"
)

// TestDjangoReadsWhatWeEncode has real Djangos read sessions that Encode wrote: as texts, and as a login.
func TestDjangoReadsWhatWeEncode(t *testing.T) {
	sessions := []map[string]any{
		{},
		{"_auth_user_id": "42", "_auth_user_backend": "b"},
		{"cart": []any{"tea", 3, 1.5, nil, true, map[string]any{"deep": []int{1, 2}}}},
		{"text": "Ümläut, emoji 🙂, quote \" and backslash \\, tab \t, <b>&amp;</b>, line separator \u2028"},
		{"long": strings.Repeat("compressible ", 500)},
	}
	asked := []profile{
		{django: "3.2", settings: map[string]any{"DEFAULT_HASHING_ALGORITHM": "sha1"}},
		{django: "6.1", store: "Nested.CustomStore", env: map[string]string{"DJANGO_SESSION_TABLE": "oracle_customsession"}},
	}
	for _, version := range djangotest.Lines {
		asked = append(asked, profile{django: version})
	}
	for _, p := range asked {
		t.Run(fmt.Sprintf("Django %s %v%s", p.django, p.settings, p.store), func(t *testing.T) {
			p.sqlite = true
			django := p.deploy(t)
			d := deploymentForTest(t)
			var texts []string
			for _, values := range sessions {
				data, err := d.Codec().Encode(values, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, data)
			}
			for i, got := range django.Decode(texts) {
				var want []string
				for name := range sessions[i] {
					want = append(want, name)
				}
				slices.Sort(want)
				if got.Exception != nil || !slices.Equal(got.Keys, want) {
					t.Errorf("Django reads %q (%s) in a session of %q", got.Keys, text(got.Exception), want)
				}
			}
			loginByUs(t, django, d)
		})
	}
}

// loginByUs stores a session in which a user is logged in, and asks Django who that is.
func loginByUs(t *testing.T, django *djangotest.Django, d *sidecar.Deployment) {
	t.Helper()
	const password = "md5$salt$0123456789abcdef0123456789abcdef"
	user := django.Users(20, 7)[0]
	django.Execute(fmt.Sprintf("UPDATE %s SET password = '%s', is_active = true WHERE id = %s", django.UserTable, password, user.ID))
	data, err := d.Codec().Encode(map[string]any{
		"_auth_user_id": user.ID, "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
		"_auth_user_hash": d.Verifier().AuthHash(password),
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	const key = "abcdefghijklmnopqrstuvwxyz012345"
	django.Execute(fmt.Sprintf("INSERT INTO %s (session_key, session_data, expire_date) VALUES ('%s', '%s', '2999-01-01 00:00:00')",
		django.SessionTable, key, data))
	answer := django.Ask([]djangotest.Cookie{{Raw: []byte("sessionid=" + key)}})[0]
	if text(answer.User) != text(&user.ID) {
		t.Errorf("Django says %s (%s), want %q", text(answer.User), text(answer.Exception), user.ID)
	}
}

// deploymentForTest makes what the environment says, without serving it.
func deploymentForTest(t *testing.T) *sidecar.Deployment {
	t.Helper()
	c, err := config.FromProcess()
	if err != nil {
		t.Fatal(err)
	}
	d, err := sidecar.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}
