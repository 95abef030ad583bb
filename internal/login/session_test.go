package login_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/login"
	"django-sidecar/internal/setcookie"
	"django-sidecar/signing"
)

// shelf is a store in memory.
type shelf struct {
	kept    map[string]*djangosession.Session
	taken   int // how many keys are taken before one is free
	failing string
}

var errShelf = errors.New("the store is away")

func (s *shelf) Load(_ context.Context, key string) (*djangosession.Session, error) {
	if s.failing == "load" {
		return nil, errShelf
	}
	if session, ok := s.kept[key]; ok {
		return session, nil
	}
	return nil, djangosession.ErrNotFound
}

func (s *shelf) Create(_ context.Context, key string, session *djangosession.Session, _ time.Time) error {
	if s.taken > 0 {
		s.taken--
		return djangosession.ErrExists
	}
	if s.failing == "create" {
		return errShelf
	}
	s.kept[key] = session
	return nil
}

func (s *shelf) Save(_ context.Context, key string, session *djangosession.Session, _ time.Time) error {
	if s.failing == "gone" {
		return djangosession.ErrNotFound
	}
	s.kept[key] = session
	return nil
}

func (s *shelf) Delete(_ context.Context, key string) error {
	if s.failing == "delete" && strings.HasPrefix(key, "before") {
		return errShelf
	}
	delete(s.kept, key)
	return nil
}

func (s *shelf) Touch(context.Context, string, *djangosession.Session, time.Time) error {
	return errShelf
}

func session(t *testing.T, entries map[string]string) *djangosession.Session {
	t.Helper()
	s := djangosession.NewSession(djangosession.MustVersion("5.2"))
	for name, value := range entries {
		if err := s.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func entry(s *djangosession.Session, name string) string {
	text, _ := s.Lookup(name).Text()
	return text
}

// TestLogin: which data and which key stay, as login of contrib/auth decides.
func TestLogin(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	s.Version, s.Expiry = djangosession.MustVersion("5.2"), djangosession.Expiry{Version: djangosession.MustVersion("5.2"), CookieAge: time.Hour}
	hash := s.Rules.AuthHash("new:secret")
	for name, tt := range map[string]struct {
		entries         map[string]string // of the session before; nil: there is none
		key             string            // that the request has
		failing         string
		taken           int
		keepsData, same bool
		err             error
	}{
		"no cookie":               {},
		"a key of nothing":        {key: "before-attacker"},
		"a malformed key":         {key: "x"},
		"an anonymous session":    {entries: map[string]string{"cart": "tea"}, keepsData: true},
		"the same user":           {entries: map[string]string{"cart": "tea", "_auth_user_id": "ada", "_auth_user_hash": hash}, keepsData: true, same: true},
		"another user":            {entries: map[string]string{"cart": "tea", "_auth_user_id": "bob", "_auth_user_hash": hash}},
		"another hash":            {entries: map[string]string{"cart": "tea", "_auth_user_id": "ada", "_auth_user_hash": "0"}},
		"no hash":                 {entries: map[string]string{"cart": "tea", "_auth_user_id": "ada"}},
		"logged out meanwhile":    {entries: map[string]string{"cart": "tea", "_auth_user_id": "ada", "_auth_user_hash": hash}, failing: "gone", keepsData: true},
		"two keys are taken":      {taken: 2},
		"all keys are taken":      {taken: 99, err: djangosession.ErrExists},
		"the store cannot load":   {key: "before-x", failing: "load", err: errShelf},
		"the store cannot create": {failing: "create", err: errShelf},
		"the store cannot delete": {entries: map[string]string{"cart": "tea"}, failing: "delete", err: errShelf},
	} {
		store := &shelf{kept: map[string]*djangosession.Session{}, failing: tt.failing, taken: tt.taken}
		s.Sessions = store
		if tt.entries != nil {
			tt.key = "before-key"
			store.kept[tt.key] = session(t, tt.entries)
		}
		done, err := s.Login(t.Context(), tt.key, login.Authenticated{User: p.rows["ada"], Backend: modelBackend})
		if tt.err != nil {
			if err == nil || done.Key != "" {
				t.Errorf("%s: %+v, %v", name, done, err)
			}
			for _, kept := range store.kept {
				if entry(kept, "_auth_user_id") != "" {
					t.Errorf("%s: somebody is logged in all the same", name)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := store.kept[done.Key]
		if len(done.Key) < 8 || (done.Key == tt.key) != tt.same || got == nil || done.Age != setcookie.Seconds(3600) {
			t.Errorf("%s: %+v after %s, and %d sessions", name, done, tt.key, len(store.kept))
			continue
		}
		if entry(got, "_auth_user_id") != "ada" || entry(got, "_auth_user_backend") != modelBackend || entry(got, "_auth_user_hash") != hash || (entry(got, "cart") == "tea") != tt.keepsData {
			t.Errorf("%s: %s", name, got.JSON())
		}
		if _, stays := store.kept[tt.key]; stays && !tt.same && tt.failing == "" {
			t.Errorf("%s: the session before stays", name)
		}
	}
}

// TestLoginInAnIdleSession: a session that middleware of the site would have flushed is left behind, whoever's it is. Otherwise the
// login would be flushed with it.
func TestLoginInAnIdleSession(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	s.Version, s.Expiry = djangosession.MustVersion("5.2"), djangosession.Expiry{Version: djangosession.MustVersion("5.2"), CookieAge: time.Hour}
	const began = "_session_init_timestamp_"
	now := time.Unix(1_800_000_000, 0)
	rules, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: s.Version, SecretKey: signing.SecretKey("secret"), AuthenticationBackends: s.Backends,
		Middleware: []string{"django_session_timeout.middleware.SessionTimeoutMiddleware"},
		Timeouts:   djangosession.Timeouts{SessionTimeout: time.Minute, TimeZone: time.UTC, Now: func() time.Time { return now }},
	}, noStore{}, noStore{})
	if err != nil {
		t.Fatal(err)
	}
	s.Rules = rules
	for age, stays := range map[time.Duration]bool{30 * time.Second: true, 2 * time.Minute: false} {
		for name, entries := range map[string]map[string]string{
			"anonymous": {}, "the same user": {"_auth_user_id": "ada", "_auth_user_backend": modelBackend, "_auth_user_hash": rules.AuthHash("new:secret")},
		} {
			before := session(t, entries)
			if err := before.Set(began, now.Add(-age).Unix()); err != nil {
				t.Fatal(err)
			}
			store := &shelf{kept: map[string]*djangosession.Session{"before-key": before}}
			s.Sessions = store
			done, err := s.Login(t.Context(), "before-key", login.Authenticated{User: p.rows["ada"], Backend: modelBackend})
			if err != nil || len(store.kept) != 1 || (store.kept[done.Key].Lookup(began).Kind() != djangosession.Missing) != stays {
				t.Errorf("%s, after %v: %+v, %v, of %d sessions", name, age, done, err, len(store.kept))
				continue
			}
			claim, err := rules.With(store, nil).Begin(t.Context(), done.Key)
			if err != nil || claim.Reason != "" {
				t.Errorf("%s, after %v: the session that has begun is %q, %v", name, age, claim.Reason, err)
			}
		}
	}
}

// TestLoginInCookie: with Seal nothing is stored, and what cannot be signed logs nobody in.
func TestLoginInCookie(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	s.Version, s.Expiry = djangosession.MustVersion("5.2"), djangosession.Expiry{Version: djangosession.MustVersion("5.2"), CookieAge: time.Hour}
	var sealed *djangosession.Session
	s.Seal = func(session *djangosession.Session) (string, error) { sealed = session; return "sealed", nil }
	store := &shelf{kept: map[string]*djangosession.Session{"a:b:c": session(t, map[string]string{"cart": "tea"})}, failing: "create"}
	s.Sessions = store
	ada := login.Authenticated{User: p.rows["ada"], Backend: modelBackend}
	done, err := s.Login(t.Context(), "a:b:c", ada)
	if err != nil || done.Key != "sealed" || done.Age != setcookie.Seconds(3600) || len(store.kept) != 1 {
		t.Errorf("%+v, %v, %d stored", done, err, len(store.kept))
	}
	if entry(sealed, "_auth_user_id") != "ada" || entry(sealed, "cart") != "tea" {
		t.Errorf("%s", sealed.JSON())
	}
	saved, err := s.Update(t.Context(), "a:b:c", func(session *djangosession.Session) error { return session.Set("cart", "cake") })
	if err != nil || saved != (login.Saved{Key: "sealed", Age: setcookie.Seconds(3600)}) || sealed.JSON() != `{"cart":"cake"}` || len(store.kept) != 1 {
		t.Errorf("%+v, %v, %s", saved, err, sealed.JSON())
	}
	s.Seal = func(*djangosession.Session) (string, error) { return "half", errShelf }
	if done, err := s.Login(t.Context(), "a:b:c", ada); !errors.Is(err, errShelf) || done.Key != "" {
		t.Errorf("%+v, %v", done, err)
	}
	if saved, err := s.Update(t.Context(), "a:b:c", func(*djangosession.Session) error { return nil }); !errors.Is(err, errShelf) || saved.Key != "" {
		t.Errorf("%+v, %v", saved, err)
	}
}

// TestUpdate: what comes of each session before, and what fails writes nothing.
func TestUpdate(t *testing.T) {
	t.Parallel()
	s, _ := newService(t, modelBackend)
	s.Version, s.Expiry = djangosession.MustVersion("5.2"), djangosession.Expiry{Version: djangosession.MustVersion("5.2"), CookieAge: time.Hour}
	sets := func(session *djangosession.Session) error { return session.Set("cart", "tea") }
	empties := func(session *djangosession.Session) error { session.Clear(); return nil }
	fails := func(session *djangosession.Session) error { return errors.Join(session.Set("cart", "tea"), errShelf) }
	for name, tt := range map[string]struct {
		key, failing string
		taken        int
		change       func(*djangosession.Session) error
		keeps, empty bool // the key; nothing is kept
		err          error
	}{
		"no session":              {change: sets},
		"no session, and none":    {change: empties, empty: true},
		"a key of nothing":        {key: "attacker0", change: sets},
		"a malformed key":         {key: "x", change: sets},
		"a session":               {key: "before-key", change: sets, keeps: true},
		"a session is emptied":    {key: "before-key", change: empties, keeps: true},
		"two keys are taken":      {taken: 2, change: sets},
		"all keys are taken":      {taken: 99, change: sets, err: djangosession.ErrExists},
		"ended meanwhile":         {key: "before-key", change: sets, failing: "gone", err: login.ErrInterrupted},
		"the change fails":        {key: "before-key", change: fails, err: errShelf},
		"the store cannot load":   {key: "before-key", change: sets, failing: "load", err: errShelf},
		"the store cannot create": {change: sets, failing: "create", err: errShelf},
	} {
		before := session(t, map[string]string{"kept": "yes"})
		store := &shelf{kept: map[string]*djangosession.Session{"before-key": before}, failing: tt.failing, taken: tt.taken}
		s.Sessions = store
		saved, err := s.Update(t.Context(), tt.key, tt.change)
		if tt.err != nil || tt.empty {
			if (err == nil) != tt.empty || !errors.Is(tt.err, djangosession.ErrExists) && !errors.Is(err, tt.err) || saved != (login.Saved{}) || len(store.kept) != 1 || store.kept["before-key"] != before {
				t.Errorf("%s: %+v, %v, %v", name, saved, err, store.kept)
			}
			continue
		}
		got := store.kept[saved.Key]
		if err != nil || len(saved.Key) < 8 || (saved.Key == tt.key) != tt.keeps || got == nil || saved.Age != setcookie.Seconds(3600) {
			t.Errorf("%s: %+v, %v", name, saved, err)
			continue
		}
		if want := name != "a session is emptied"; (entry(got, "cart") == "tea") != want || (entry(got, "kept") != "") != (want && tt.keeps) || entry(before, "cart") != "" {
			t.Errorf("%s: %s", name, got.JSON())
		}
	}
}

// TestUpdateStored: a key changes the session that lives under it, and nothing else begins or ends one.
func TestUpdateStored(t *testing.T) {
	t.Parallel()
	s, _ := newService(t, modelBackend)
	s.Version, s.Expiry = djangosession.MustVersion("5.2"), djangosession.Expiry{Version: djangosession.MustVersion("5.2"), CookieAge: time.Hour}
	sets := func(session *djangosession.Session) error { return session.Set("cart", "tea") }
	fails := func(session *djangosession.Session) error { return errors.Join(sets(session), errShelf) }
	for name, tt := range map[string]struct {
		key, failing string
		change       func(*djangosession.Session) error
		err          error
		says         string
	}{
		"a session":             {key: "before-key", change: sets},
		"no key":                {change: sets, err: djangosession.ErrNotFound, says: "Update"},
		"a malformed key":       {key: "x", change: sets, err: djangosession.ErrNotFound, says: "Update"},
		"a key of nothing":      {key: "attacker0", change: sets, err: djangosession.ErrNotFound, says: "Update"},
		"ended meanwhile":       {key: "before-key", change: sets, failing: "gone", err: login.ErrInterrupted},
		"the change fails":      {key: "before-key", change: fails, err: errShelf},
		"the store cannot load": {key: "before-key", change: sets, failing: "load", err: errShelf},
	} {
		before := session(t, map[string]string{"kept": "yes"})
		store := &shelf{kept: map[string]*djangosession.Session{"before-key": before}, failing: tt.failing}
		s.Sessions = store
		err := s.UpdateStored(t.Context(), tt.key, tt.change)
		if !errors.Is(err, tt.err) || err != nil && !strings.Contains(err.Error(), tt.says) || len(store.kept) != 1 {
			t.Errorf("%s: %v, and %d sessions", name, err, len(store.kept))
		}
		if got := store.kept["before-key"]; entry(got, "kept") != "yes" || (entry(got, "cart") == "tea") != (tt.err == nil) || entry(before, "cart") != "" {
			t.Errorf("%s: %s", name, got.JSON())
		}
	}
	store := &shelf{kept: map[string]*djangosession.Session{"before-key": session(t, nil)}}
	s.Sessions, s.Seal = store, func(*djangosession.Session) (string, error) { t.Error("it was signed"); return "", nil }
	if err := s.UpdateStored(t.Context(), "before-key", sets); !errors.Is(err, login.ErrInCookie) || !strings.Contains(err.Error(), "by Update") {
		t.Errorf("signed_cookies: %v", err)
	}
}
