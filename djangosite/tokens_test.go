package djangosite_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
	"django-sidecar/djangosite/tokens"
	"django-sidecar/internal/sidecar"
)

// TestPasswordResetTokens: a link is its user's alone, and what cannot be known is refused with a word.
func TestPasswordResetTokens(t *testing.T) {
	d := deploy(t)
	site := open(t, d.settings)
	ada, err := site.UserByName(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	uid, token, err := site.PasswordResetToken(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	if user, err := site.PasswordResetUser(t.Context(), uid, token); err != nil || user.ID != ada.ID || user.Name() != "ada" {
		t.Errorf("ada's link is of %+v, %v", user, err)
	}
	grace, err := site.UserByName(t.Context(), "grace")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{
		{uid, ""},
		{uid, token[:len(token)-1]},
		{uid, token + "0"},
		{"", token},
		{"!", token},
		{uid + "A", token},
		{tokens.EncodeUID(grace.ID), token},
		{tokens.EncodeUID("4711"), token},
		{tokens.EncodeUID("ada"), token},
		{tokens.EncodeUID("\x00"), token},
		{tokens.EncodeUID(strings.Repeat("9", 3000)), token},
		{uid, strings.Repeat("x", 1<<20)},
	} {
		if user, err := site.PasswordResetUser(t.Context(), link[0], link[1]); !errors.Is(err, djangosite.ErrBadToken) || user.ID != "" {
			t.Errorf("%.40q: %+v, %v", link, user, err)
		}
	}
	if _, _, err := site.PasswordResetToken(t.Context(), djangosession.User{ID: "4711"}); !errors.Is(err, djangosession.ErrUserNotFound) {
		t.Errorf("nobody's token: %v", err)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(d.settings.DatabaseURL, "sqlite:///"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // of a test
	for _, state := range []string{"is_active = false", "is_active = true, password = '!unusable'"} {
		if _, err := db.ExecContext(t.Context(), "UPDATE auth_user SET "+state+" WHERE username = 'grace'"); err != nil {
			t.Fatal(err)
		}
		if _, token, err := site.PasswordResetToken(t.Context(), grace); !errors.Is(err, djangosite.ErrRefused) || token != "" {
			t.Errorf("%s: %q, %v", state, token, err)
		}
	}
	blind := d.settings
	blind.Env = map[string]string{"SIDECAR_INSECURE_SKIP_USER_CHECK": "true"}
	away, err := djangosite.Ask("http://127.0.0.1:1", djangosite.AskOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := sidecar.DerivedKeys(d.config(t))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	derived := d.settings
	derived.SecretKey, derived.Env = "", map[string]string{"DJANGO_SESSION_KEYS": string(keys)}
	keyed := open(t, derived)
	if _, err := keyed.Messages(httptest.NewRequest(http.MethodGet, "/", nil)); err == nil || !strings.Contains(err.Error(), "SECRET_KEY") {
		t.Errorf("messages by derived keys: %v", err)
	}
	others := map[string]*djangosite.Site{
		"SECRET_KEY": keyed, "SIDECAR_INSECURE_SKIP_USER_CHECK": open(t, blind), "tables": away, "zero": {},
	}
	for word, other := range others {
		_, _, made := other.PasswordResetToken(t.Context(), ada)
		_, checked := other.PasswordResetUser(t.Context(), uid, token)
		for _, err := range []error{made, checked} {
			if err == nil || errors.Is(err, djangosite.ErrBadToken) || !strings.Contains(err.Error(), word) {
				t.Errorf("a site that says %s: %v", word, err)
			}
		}
	}
}
