package tokens_test

import (
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/tokens"
	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// row is a token that a Django has made or checked, and what it says of it; or a uidb64.
type row struct {
	Secret    string   `json:"secret"`
	Fallbacks []string `json:"fallbacks"`
	Algorithm string   `json:"algorithm"`
	Zone      string   `json:"zone"`
	Timeout   int64    `json:"timeout"`
	Kind      string   `json:"kind"` // make, check or uid
	Now       int64    `json:"now"`
	Token     string   `json:"token"`
	ID        string   `json:"id"`
	Password  string   `json:"password"`
	LastLogin *string  `json:"last_login"`
	Email     string   `json:"email"`
	OK        bool     `json:"ok"`
}

func (r *row) generator(t *testing.T, version string) *tokens.Generator {
	t.Helper()
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		t.Fatal(err)
	}
	algorithm := signing.SHA256
	if r.Algorithm == "sha1" {
		algorithm = signing.SHA1
	}
	g, err := tokens.New(tokens.Options{
		Version: djangosession.MustVersion(version), SecretKey: signing.SecretKey(r.Secret), TimeZone: zone,
		SecretKeyFallbacks: signing.SecretKeys(r.Fallbacks...), HashingAlgorithm: algorithm, Timeout: time.Duration(r.Timeout) * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (r *row) user(t *testing.T) tokens.User {
	t.Helper()
	u := tokens.User{ID: r.ID, Password: r.Password, Email: r.Email}
	if r.LastLogin != nil {
		at, err := time.Parse(time.DateTime, *r.LastLogin)
		if err != nil {
			t.Fatal(err)
		}
		u.LastLogin = at
	}
	return u
}

// TestTokensAsDjango: the tokens are those of each Django, and those are taken that it takes.
func TestTokensAsDjango(t *testing.T) {
	t.Parallel()
	for version, rows := range vectors.Library[row](t, "tokens", 300) {
		seen := map[string]int{}
		for _, r := range rows {
			seen[r.Kind]++
			if r.Kind == "uid" {
				testUID(t, &r)
				continue
			}
			g, now := r.generator(t, version), time.Unix(r.Now, 0)
			if got := g.Make(r.user(t), now); r.Kind == "make" && got != r.Token {
				t.Errorf("Django %s: %+v: got %s", version, r, got)
			}
			if got := g.Check(r.user(t), r.Token, now); got != r.OK {
				t.Errorf("Django %s: %+v: got %v", version, r, got)
			}
			if r.OK {
				seen["taken"]++
			}
		}
		if seen["make"] < 30 || seen["uid"] < 12 || seen["check"] < 250 || seen["taken"] < 80 || seen["taken"] > len(rows)*2/3 {
			t.Errorf("Django %s: %v", version, seen)
		}
	}
}

func testUID(t *testing.T, r *row) {
	t.Helper()
	if id, err := tokens.DecodeUID(r.Token); (err == nil) != r.OK || id != r.ID {
		t.Errorf("%q is %q, %v, want %q", r.Token, id, err, r.ID)
	}
	if got := tokens.EncodeUID(r.ID); r.OK && got != r.Token {
		t.Errorf("%q is %q, want %q", r.ID, got, r.Token)
	}
}

// TestUIDs: what no link of Django has is no id.
func TestUIDs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "==", "NDI\n", "N DI", "ND+I", "gA", strings.Repeat("A", 5000)} {
		if id, err := tokens.DecodeUID(text); err == nil {
			t.Errorf("%q is %q", text, id)
		}
	}
	if id, err := tokens.DecodeUID("NA=="); err != nil || id != "4" {
		t.Errorf("%q, %v", id, err)
	}
}

// TestDenies: what is not said denies.
func TestDenies(t *testing.T) {
	t.Parallel()
	version, secret := djangosession.MustVersion("5.2"), signing.SecretKey("s3cret")
	for name, o := range map[string]tokens.Options{
		"nothing": {}, "no version": {SecretKey: secret, TimeZone: time.UTC}, "no secret": {Version: version, TimeZone: time.UTC},
		"an empty secret": {Version: version, SecretKey: signing.SecretKey(""), TimeZone: time.UTC},
		"no time zone":    {Version: version, SecretKey: secret},
		"a negative time": {Version: version, SecretKey: secret, TimeZone: time.UTC, Timeout: -1},
		"keys without it": {Version: version, SecretKey: signing.DerivedKeys{}, TimeZone: time.UTC},
	} {
		if _, err := tokens.New(o); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the secret is in %v", name, err)
		}
	}
	now, ada := time.Unix(1795348800, 0), tokens.User{ID: "1", Password: "x"}
	g, err := tokens.New(tokens.Options{Version: version, SecretKey: secret, TimeZone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	token := g.Make(ada, now)
	for age, want := range map[time.Duration]bool{tokens.DefaultTimeout: true, tokens.DefaultTimeout + time.Second: false} {
		if got := g.Check(ada, token, now.Add(age)); got != want {
			t.Errorf("after %s: %v", age, got)
		}
	}
	own, err := tokens.New(tokens.Options{Version: version, SecretKey: secret, TimeZone: time.UTC, KeySalt: "shop.tokens.Invitations"})
	if err != nil {
		t.Fatal(err)
	}
	if own.Check(ada, token, now) || g.Check(ada, own.Make(ada, now), now) || !own.Check(ada, own.Make(ada, now), now) {
		t.Error("another key_salt makes the same tokens")
	}
	var zero tokens.Generator
	for what, got := range map[string]string{
		"the zero Generator": zero.Make(ada, now), "a user without an id": g.Make(tokens.User{}, now), "2000": g.Make(ada, time.Unix(946684800, 0)),
	} {
		if got != "" {
			t.Errorf("%s: %q", what, got)
		}
	}
	if zero.Check(ada, token, now) || g.Check(tokens.User{}, g.Make(tokens.User{}, now), now) {
		t.Error("a token for nobody, or of nobody, is taken")
	}
}

// FuzzCheck: no text but the token itself is taken, for no other user.
func FuzzCheck(f *testing.F) {
	now := time.Unix(1795348800, 0)
	g, err := tokens.New(tokens.Options{Version: djangosession.MustVersion("3.2"), SecretKey: signing.SecretKey("s3cret"), TimeZone: time.UTC})
	if err != nil {
		f.Fatal(err)
	}
	ada := tokens.User{ID: "1", Password: "x"}
	token := g.Make(ada, now)
	for _, text := range []string{token, strings.ToUpper(token), "-", "", "0-", token + "\n", "zzzzzzzzzzzzz-"} {
		f.Add(text, "1", "x", "")
	}
	f.Fuzz(func(t *testing.T, text, id, password, email string) {
		u := tokens.User{ID: id, Password: password, Email: email}
		if g.Check(u, text, now) != (id != "" && text == g.Make(u, now)) {
			t.Errorf("%+v: %q", u, text)
		}
		if text != token && g.Check(ada, text, now) {
			t.Errorf("%q is taken", text)
		}
		if id, err := tokens.DecodeUID(tokens.EncodeUID(id)); err == nil && id != u.ID {
			t.Errorf("%q is read as %q", u.ID, id)
		}
	})
}
