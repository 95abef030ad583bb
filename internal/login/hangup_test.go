package login_test

import (
	"context"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

// asked are people and a shelf that note with how many contexts that had ended they were asked.
type asked struct {
	*people
	*shelf

	ended int
}

func (a *asked) look(ctx context.Context) {
	if ctx.Err() != nil {
		a.ended++
	}
}

func (a *asked) UserByKey(ctx context.Context, id string) (*djangosession.StoredUser, error) {
	a.look(ctx)
	return a.people.UserByKey(ctx, id)
}

func (a *asked) SetLastLogin(ctx context.Context, id string, at time.Time) error {
	a.look(ctx)
	return a.people.SetLastLogin(ctx, id, at)
}

func (a *asked) Load(ctx context.Context, key string) (*djangosession.Session, error) {
	a.look(ctx)
	return a.shelf.Load(ctx, key)
}

func (a *asked) Create(ctx context.Context, key string, session *djangosession.Session, expire time.Time) error {
	a.look(ctx)
	return a.shelf.Create(ctx, key, session, expire)
}

func (a *asked) Save(ctx context.Context, key string, session *djangosession.Session, expire time.Time) error {
	a.look(ctx)
	return a.shelf.Save(ctx, key, session, expire)
}

func (a *asked) Delete(ctx context.Context, key string) error {
	a.look(ctx)
	return a.shelf.Delete(ctx, key)
}

// TestHangsUp: what a client has begun who hangs up is finished, as Django does. Otherwise it would stop half-way, and tear down
// the connections of the database.
func TestHangsUp(t *testing.T) {
	t.Parallel()
	s, p := newService(t, modelBackend)
	s.Version, s.Expiry = djangosession.MustVersion("5.2"), djangosession.Expiry{Version: djangosession.MustVersion("5.2"), CookieAge: time.Hour}
	a := &asked{people: p, shelf: &shelf{kept: map[string]*djangosession.Session{"before-it": session(t, map[string]string{"cart": "tea"})}}}
	s.Users, s.Writer, s.Sessions = a, a, a
	ctx, hangUp := context.WithCancel(t.Context())
	p.raising = hangUp
	who, err := s.Authenticate(ctx, credentials("old", "secret"), "")
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.Login(ctx, "before-it", who)
	if err != nil || entry(a.kept[done.Key], "cart") != "tea" || len(a.kept) != 1 {
		t.Errorf("login: %+v, %v", done, err)
	}
	if _, err := s.Update(ctx, done.Key, func(s *djangosession.Session) error { return s.Set("cart", "milk") }); err != nil ||
		entry(a.kept[done.Key], "cart") != "milk" {
		t.Errorf("update: %v", err)
	}
	if ctx.Err() == nil || a.ended > 0 {
		t.Errorf("the stores were asked %d times in the context of somebody who has gone", a.ended)
	}
}
