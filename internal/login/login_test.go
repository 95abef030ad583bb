package login_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
	"django-sidecar/internal/login"
	"django-sidecar/signing"
)

const modelBackend, allUsers = "django.contrib.auth.backends.ModelBackend", "django.contrib.auth.backends.AllowAllUsersModelBackend"

// people are users in memory, whose passwords are "new:" or "old:" and the password itself.
type people struct {
	rows    map[string]*djangosession.StoredUser
	failure error
	raising func() // before a hash is raised
	raised  func() // after it

	raisingFails error
	encoded      int
	checked      int
}

func (p *people) UserByName(_ context.Context, name string) (*djangosession.StoredUser, error) {
	if p.failure != nil {
		return nil, p.failure
	}
	// As the collations of MySQL, which take more names for one than those in capitals.
	if row, ok := p.rows[strings.NewReplacer("á", "a", "à", "a", "ä", "a", "ã", "a", "å", "a").Replace(strings.ToLower(name))]; ok {
		user := *row
		return &user, nil
	}
	return nil, djangosession.ErrUserNotFound
}

func (p *people) UserByKey(ctx context.Context, id string) (*djangosession.StoredUser, error) {
	return p.UserByName(ctx, id)
}

func (p *people) SetPassword(_ context.Context, id, was, is string) (bool, error) {
	if p.raising != nil {
		p.raising()
	}
	if p.raisingFails != nil {
		return false, p.raisingFails
	}
	if p.rows[id].Password != was {
		return false, nil
	}
	p.rows[id].Password = is
	if p.raised != nil {
		p.raised()
	}
	return true, nil
}

func (p *people) SetLastLogin(context.Context, string, time.Time) error { return nil }

func (p *people) Check(password, encoded string) (hashers.Result, error) {
	p.checked++
	kind, is, ok := strings.Cut(encoded, ":")
	switch {
	case !ok:
		return hashers.Result{}, hashers.ErrMalformed
	case kind == "bcrypt":
		p.checked-- // it refuses such a password before it makes a hash
		return hashers.Result{}, hashers.ErrPassword
	}
	return hashers.Result{Correct: is == password, MustUpdate: kind == "old"}, nil
}

func (p *people) Make(password string) (string, error) {
	p.encoded++
	return "new:" + password, nil
}

func (p *people) Equalize(string) { p.encoded++ }

func newService(t *testing.T, backends ...string) (*login.Service, *people) {
	t.Helper()
	p := &people{rows: map[string]*djangosession.StoredUser{}}
	for name, password := range map[string]string{"ada": "new:secret", "old": "old:secret", "off": "old:secret"} {
		active := djangosession.True
		if name == "off" {
			active = djangosession.False
		}
		p.rows[name] = &djangosession.StoredUser{User: djangosession.User{ID: name, Username: &name}, Password: password, IsActive: active}
	}
	rules, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: djangosession.MustVersion("5.2"), SecretKey: signing.SecretKey("secret"), AuthenticationBackends: backends,
	}, noStore{}, noStore{})
	if err != nil {
		t.Fatal(err)
	}
	return &login.Service{
		Users: p, Writer: p, Passwords: p, Backends: backends, Rules: rules, Hashing: make(chan struct{}, 1),
		Names: login.NewTryLimit(3, time.Minute), Addresses: login.NewTryLimit(10, time.Minute), Saver: login.Saver{Now: time.Now, Timeout: time.Minute},
	}, p
}

type noStore struct {
	djangosession.Store
	djangosession.UserStore
}

func credentials(name, password string) login.Credentials {
	return login.Credentials{Username: name, Password: password}
}

// TestAuthenticate: who is let in, and that everybody else hears the same after as many hashes.
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	got, err := s.Authenticate(t.Context(), credentials("ada", "secret"), "a")
	if err != nil || got.User.ID != "ada" || got.Backend != modelBackend {
		t.Errorf("ada: %+v, %v", got, err)
	}
	p.rows["long"] = &djangosession.StoredUser{User: djangosession.User{ID: "long"}, Password: "bcrypt:", IsActive: djangosession.True}
	for name, password := range map[string]string{"ada": "wrong", "nobody": "secret", "off": "secret", "long": strings.Repeat("x", 80)} {
		p.encoded, p.checked = 0, 0
		if _, err := s.Authenticate(t.Context(), credentials(name, password), "a"); !errors.Is(err, login.ErrRefused) || p.encoded+p.checked != 1 {
			t.Errorf("%s: %v after %d hashes", name, err, p.encoded+p.checked)
		}
	}
	p.rows["ada"].Password = "malformed"
	if _, err := s.Authenticate(t.Context(), credentials("ada", "secret"), "a"); !errors.Is(err, login.ErrRefused) || !errors.Is(err, hashers.ErrMalformed) {
		t.Errorf("a hash that cannot be read: %v", err)
	}
	if p.rows["off"].Password != "old:secret" {
		t.Error("the hash of a user who may not log in is raised")
	}
	for _, c := range []login.Credentials{credentials("", "secret"), credentials("eve", ""), credentials("eve", strings.Repeat("x", 4097)), credentials("ada\xff", "secret")} {
		if _, err := s.Authenticate(t.Context(), c, "b"); !errors.Is(err, login.ErrRefused) {
			t.Errorf("%d and %d bytes: %v", len(c.Username), len(c.Password), err)
		}
	}
	both, _ := newService(t, modelBackend, allUsers)
	if got, err := both.Authenticate(t.Context(), credentials("off", "secret"), "a"); err != nil || got.Backend != allUsers {
		t.Errorf("a second backend: %+v, %v", got, err)
	}
}

// TestRaising: an old hash is made anew, and a password that is changed meanwhile stays.
func TestRaising(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	got, err := s.Authenticate(t.Context(), credentials("old", "secret"), "a")
	if err != nil || p.rows["old"].Password != "new:secret" || got.User.Password != "new:secret" {
		t.Errorf("raised: %+v, %v", p.rows["old"], err)
	}
	for became, want := range map[string]error{"new:another": login.ErrRefused, "new:secret": nil} {
		p.rows["old"].Password = "old:secret"
		p.raising = func() { p.rows["old"].Password = became }
		if _, err := s.Authenticate(t.Context(), credentials("old", "secret"), "a"); !errors.Is(err, want) || p.rows["old"].Password != became {
			t.Errorf("changed to %s meanwhile: %v, and it is %s", became, err, p.rows["old"].Password)
		}
	}
	// The password is changed after the hash was raised, and before the user is read again: a session of the new
	// password would be one for whoever knows the old one.
	p.rows["old"].Password, p.raising = "old:secret", nil
	p.raised = func() { p.rows["old"].Password = "new:another" }
	if got, err := s.Authenticate(t.Context(), credentials("old", "secret"), "b"); !errors.Is(err, login.ErrRefused) {
		t.Errorf("changed right after: %+v, %v", got, err)
	}
}

// TestTries: wrong passwords of a name and from an address are bounded, right ones and failures are not.
func TestTries(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	var many *login.TooManyError
	for range 20 {
		if _, err := s.Authenticate(t.Context(), credentials("ada", "secret"), "a"); err != nil {
			t.Fatal(err)
		}
	}
	p.failure = errors.New("the database is away")
	for range 20 {
		if _, err := s.Authenticate(t.Context(), credentials("ada", "wrong"), "a"); !errors.Is(err, p.failure) {
			t.Fatal(err)
		}
	}
	p.failure = nil
	p.raisingFails = errors.New("the table can be read alone")
	for range 20 {
		if _, err := s.Authenticate(t.Context(), credentials("old", "secret"), "a"); !errors.Is(err, p.raisingFails) {
			t.Fatal(err)
		}
	}
	p.raisingFails = nil
	for _, name := range []string{"ada", " ADA ", "Ada"} { // which some databases take for one name
		if _, err := s.Authenticate(t.Context(), credentials(name, "wrong"), "a"); !errors.Is(err, login.ErrRefused) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, password := range []string{"wrong", "secret"} {
		if _, err := s.Authenticate(t.Context(), credentials("ada", password), "b"); !errors.As(err, &many) || many.Wait <= 0 {
			t.Errorf("a fourth try from elsewhere: %v", err)
		}
	}
	for i, name := range []string{"àda", "áda", "äda", "ãda", "åda"} { // nor do they get more tries, and nobody learns that ada exists
		password := "wrong"
		if i >= 3 {
			password = "secret"
		}
		if _, err := s.Authenticate(t.Context(), credentials(name, password), "d"); !errors.Is(err, login.ErrRefused) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for i := range 5 { // a right password of somebody who may not log in is as wrong
		if _, err := s.Authenticate(t.Context(), credentials("off", "secret"), "e"); errors.As(err, &many) != (i >= 3) {
			t.Errorf("who may not log in, try %d: %v", i, err)
		}
	}
	for i := range 20 {
		_, err := s.Authenticate(t.Context(), credentials(strings.Repeat("x", i+1), "wrong"), "c")
		if errors.As(err, &many) != (i >= 10) {
			t.Errorf("name %d from one address: %v", i, err)
		}
	}
}

// TestHashingIsBounded: who does not get his turn hears so, and it is no wrong try.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	s.Hashing <- struct{}{}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if _, err := s.Authenticate(over, credentials("ada", "secret"), "a"); !errors.Is(err, login.ErrBusy) || p.checked > 0 {
			t.Fatal(err)
		}
	}
	if _, err := s.MakePassword(over, "secret"); !errors.Is(err, login.ErrBusy) || p.encoded > 0 {
		t.Errorf("a new password: %v, and %d hashes", err, p.encoded)
	}
	<-s.Hashing
	if _, err := s.Authenticate(t.Context(), credentials("ada", "secret"), "a"); err != nil || len(s.Hashing) != 0 {
		t.Error(err)
	}
	p.raising = func() {
		if len(s.Hashing) != 0 {
			t.Error("a store that is slow to take a hash takes the room of those who make one")
		}
	}
	if _, err := s.Authenticate(t.Context(), credentials("old", "secret"), "a"); err != nil || len(s.Hashing) != 0 {
		t.Error(err)
	}
}
