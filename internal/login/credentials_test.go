package login_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"django-sidecar/internal/login"
)

// TestRead: a name and a password, each once and as a text, and nothing that programs read in two ways.
func TestRead(t *testing.T) {
	t.Parallel()
	const form, js = "application/x-www-form-urlencoded", "application/json"
	for _, tt := range []struct {
		kind, body, username, password string
		err                            error
	}{
		{js, `{"username": "ada", "password": "se\u00e9 cret"}`, "ada", "seé cret", nil},
		{js + "; charset=UTF-8", `{"password":"b","remember":true,"more":{"username":"x"},"username":"a"}`, "a", "b", nil},
		{form, "username=ada&password=a%2Bb+c&next=/", "ada", "a+b c", nil},
		{form, "username=+&password=+", " ", " ", nil},
		{js, `{"username": "ada", "username": "bob", "password": "x"}`, "", "", login.ErrBody},
		{js, `{"username": "ada", "\u0075sername": "bob", "password": "x"}`, "", "", login.ErrBody},
		{js, `{"Username": "ada", "password": "x"}`, "", "", login.ErrBody},
		{js, `{"username": "ada", "password": 1}`, "", "", login.ErrBody},
		{js, `{"username": "ada", "password": null}`, "", "", login.ErrBody},
		{js, `{"username": ["ada"], "password": "x"}`, "", "", login.ErrBody},
		{js, `{"username": "ada", "password": "x"} {}`, "", "", login.ErrBody},
		{js, `{"username": "ada", "password": "x"`, "", "", login.ErrBody},
		{js, `[{"username": "ada", "password": "x"}]`, "", "", login.ErrBody},
		{js, `null`, "", "", login.ErrBody},
		{js, ``, "", "", login.ErrBody},
		{js, `{"username": "ada", "password": "\ud800"}`, "", "", login.ErrBody},
		{js, "{\"username\": \"ada\", \"password\": \"\xff\"}", "", "", login.ErrBody},
		{js, `{"username": "", "password": "x"}`, "", "", login.ErrBody},
		{js, `{"username": "a", "password": "` + strings.Repeat("x", 4097) + `"}`, "", "", login.ErrBody},
		{form, "username=ada&password=x&username=bob", "", "", login.ErrBody},
		{form, "username=ada;password=x", "", "", login.ErrBody},
		{form, "username=ada&password=%ff", "", "", login.ErrBody},
		{form, "username=ada&password=%zz", "", "", login.ErrBody},
		{form, "username=ada", "", "", login.ErrBody},
		{form + "; charset=latin-1", "username=ada&password=x", "", "", login.ErrMediaType},
		{"text/plain", `{"username": "ada", "password": "x"}`, "", "", login.ErrMediaType},
		{"", "username=ada&password=x", "", "", login.ErrMediaType},
	} {
		got, err := login.Read(tt.kind, []byte(tt.body))
		if got.Username != tt.username || got.Password != tt.password || !errors.Is(err, tt.err) {
			t.Errorf("%s %s: %q, %q, %v", tt.kind, tt.body, got.Username, got.Password, err)
		}
	}
	// Who leaves a field empty hears so, and not that the form is another site's.
	for _, body := range []string{"username=ada&password=", "username=&password=x", "username=ada&username=b&password=x", "username=ada&password=%zz"} {
		if got, err := login.Read(form, []byte("csrfmiddlewaretoken=t&"+body)); !errors.Is(err, login.ErrBody) || got.Token != "t" || got.Username+got.Password != "" {
			t.Errorf("%s: the token is %q, %v", body, got.Token, err)
		}
	}
	if got, err := login.Read(form, []byte("csrfmiddlewaretoken=t&csrfmiddlewaretoken=t&username=ada&password=x")); !errors.Is(err, login.ErrBody) || got.Token != "" {
		t.Errorf("two tokens: %q, %v", got.Token, err)
	}
	got, err := login.Read(form, []byte("csrfmiddlewaretoken=t&username=ada&password=secret"))
	if err != nil || got.Token != "t" {
		t.Errorf("the token: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, got); strings.Contains(text, "secret") || strings.Contains(text, "ada") {
		t.Errorf("credentials print as %s", text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("application/json", []byte(`{"username": "ada", "password": "x"}`))
	f.Add("application/x-www-form-urlencoded", []byte("username=ada&password=x"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		c, err := login.Read(kind, body)
		if (err == nil) != (c.Username != "" && c.Password != "") {
			t.Errorf("%q, %v", c.Username, err)
		}
	})
}
