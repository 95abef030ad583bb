package check_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
)

const sessionKey = "0123456789abcdefghijklmnopqrstuv"

var began = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fake is a VerdictSource and an AccessStore whose answers a test sets, and that remembers the last question.
type fake struct {
	verdict   djangosession.Verdict
	kept      bool
	err       error
	access    djangosession.Access
	accessErr error

	key   keyhash.Key
	asked time.Time
	users []string
}

func (f *fake) Verify(_ context.Context, key keyhash.Key, asked time.Time) (djangosession.Verdict, bool, error) {
	f.key, f.asked = key, asked
	return f.verdict, f.kept, f.err
}

func (f *fake) AccessOf(_ context.Context, userID string) (djangosession.Access, error) {
	f.users = append(f.users, userID)
	return f.access, f.accessErr
}

func ada() djangosession.Verdict { return djangosession.Verdict{User: &djangosession.User{ID: "42"}} }

func newService(f *fake) *check.Service {
	return &check.Service{
		Verifier: f, Access: f, CookieNames: []string{"sessionid"}, Now: func() time.Time { return began.Add(3 * time.Millisecond) },
	}
}

// TestVerify: what a verdict leaves in the event and in the metric.
func TestVerify(t *testing.T) {
	down := errors.New("the store is down")
	for name, tt := range map[string]struct {
		fake    fake
		cookies []string
		outcome check.Outcome
		took    time.Duration
		event   observe.Event
	}{
		"a user": {
			fake{verdict: ada()},
			[]string{"sessionid=" + sessionKey},
			check.Alive, 3 * time.Millisecond,
			observe.Event{Outcome: "alive", UserID: "42", Session: keyhash.Of(sessionKey)},
		},
		"a user who was kept": {
			fake{verdict: ada(), kept: true},
			[]string{"sessionid=" + sessionKey},
			check.Alive, 0,
			observe.Event{Outcome: "alive", UserID: "42", Session: keyhash.Of(sessionKey)},
		},
		"no user": {
			fake{verdict: djangosession.Verdict{Reason: djangosession.Expired}},
			[]string{"sessionid=" + sessionKey},
			check.Ended, 3 * time.Millisecond,
			observe.Event{Outcome: "ended", Reason: djangosession.Expired, Session: keyhash.Of(sessionKey)},
		},
		"no cookie": {
			fake{verdict: djangosession.Verdict{Reason: djangosession.NoCookie}},
			nil,
			check.Ended, 3 * time.Millisecond,
			observe.Event{Outcome: "ended", Reason: djangosession.NoCookie},
		},
		"a store that is down": {
			fake{err: down},
			[]string{"sessionid=" + sessionKey},
			check.Unavailable, 3 * time.Millisecond,
			observe.Event{Outcome: "unavailable", Err: down, Session: keyhash.Of(sessionKey)},
		},
		"a user, and a store that is down": { // never a yes
			fake{verdict: ada(), err: down},
			[]string{"sessionid=" + sessionKey},
			check.Unavailable, 3 * time.Millisecond,
			observe.Event{Outcome: "unavailable", Err: down, UserID: "42", Session: keyhash.Of(sessionKey)},
		},
		"two lines of cookies": { // WSGI servers join them by a comma
			fake{verdict: ada()},
			[]string{"a=b;sessionid=" + sessionKey + ";c=d", "e=f"},
			check.Alive, 3 * time.Millisecond,
			observe.Event{Outcome: "alive", UserID: "42", Session: keyhash.Of(sessionKey), CookieLines: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(&tt.fake)
			counted := 0
			s.Observe = func(outcome string, v djangosession.Verdict, took time.Duration) {
				counted++
				if outcome != string(tt.outcome) || v != tt.fake.verdict || took != tt.took {
					t.Errorf("counted %s, %+v, %v", outcome, v, took)
				}
			}
			var e observe.Event
			_, out := s.Verify(t.Context(), tt.cookies, began, &e)
			if out != tt.outcome || e.Outcome != tt.event.Outcome || e.Reason != tt.event.Reason || e.UserID != tt.event.UserID ||
				e.Session != tt.event.Session || !errors.Is(e.Err, tt.event.Err) || e.CookieLines != tt.event.CookieLines {
				t.Errorf("%s, and the event %+v", out, e)
			}
			if f := tt.fake; f.key.Hash != keyhash.Of(f.key.Text) || f.key.Hash != tt.event.Session || !f.asked.Equal(began) || counted != 1 {
				t.Errorf("asked at %v about %s, counted %d times", f.asked, f.key, counted)
			}
		})
	}
}

// TestGateway is the table of what gateways are told.
func TestGateway(t *testing.T) {
	down := errors.New("the store is down")
	style := gateway.Style{Redirects: true, Unavailable: 503}
	staff := gateway.Requirements{Groups: []string{"editors"}}
	permission := gateway.Requirements{Permissions: []string{"shop.view"}}
	for name, tt := range map[string]struct {
		fake          fake
		question      check.Question
		noPermissions error
		status        int
		decision      string
		asked         int // about users
	}{
		"a user":                              {fake{verdict: ada()}, check.Question{}, nil, 200, "allow", 1},
		"no user":                             {fake{verdict: djangosession.Verdict{Reason: djangosession.Expired}}, check.Question{}, nil, 401, "sign in", 0},
		"no verdict":                          {fake{err: down}, check.Question{}, nil, 503, "", 0},
		"a request that cannot be read":       {fake{verdict: ada()}, check.Question{Malformed: down}, nil, 403, "malformed", 0},
		"requirements that cannot be read":    {fake{verdict: ada()}, check.Question{DemandsErr: down}, nil, 500, "", 0},
		"a member":                            {fake{verdict: ada(), access: djangosession.Access{Groups: []string{"editors"}, IsActive: true}}, check.Question{Demands: staff}, nil, 200, "allow", 1},
		"no member":                           {fake{verdict: ada()}, check.Question{Demands: staff}, nil, 403, "forbidden", 1},
		"groups that cannot be found out":     {fake{verdict: ada(), accessErr: down}, check.Question{Demands: staff}, nil, 503, "", 1},
		"groups that there are not":           {fake{verdict: ada(), accessErr: djangosession.ErrNoPermissionsMixin}, check.Question{Demands: staff}, nil, 500, "", 1},
		"no groups, and none are demanded":    {fake{verdict: ada(), accessErr: djangosession.ErrNoPermissionsMixin}, check.Question{}, nil, 200, "allow", 1},
		"unknown groups, and none demanded":   {fake{verdict: ada(), accessErr: down}, check.Question{}, nil, 503, "", 1},
		"a permission":                        {fake{verdict: ada(), access: djangosession.Access{Permissions: map[string]struct{}{"shop.view": {}}, IsActive: true}}, check.Question{Demands: permission}, nil, 200, "allow", 1},
		"no permission":                       {fake{verdict: ada(), access: djangosession.Access{IsActive: true}}, check.Question{Demands: permission}, nil, 403, "forbidden", 1},
		"permissions that are not Django's":   {fake{verdict: ada(), access: djangosession.Access{PermissionsUnknown: true, IsActive: true}}, check.Question{Demands: permission}, nil, 500, "", 1},
		"permissions that no backend has":     {fake{verdict: ada()}, check.Question{Demands: permission}, down, 500, "", 0},
		"the same, and none are demanded":     {fake{verdict: ada()}, check.Question{}, down, 200, "allow", 1},
		"nobody, of whom much is demanded":    {fake{verdict: djangosession.Verdict{Reason: djangosession.NoCookie}}, check.Question{Demands: permission}, down, 401, "sign in", 0},
		"no verdict, and a malformed request": {fake{err: down}, check.Question{Malformed: errors.New("malformed")}, nil, 503, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(&tt.fake)
			s.NoPermissions = tt.noPermissions
			tt.question.Cookies = []string{"sessionid=" + sessionKey}
			e := observe.Event{Began: began}
			got := s.Gateway(t.Context(), tt.question, style, &e)
			if got.Status != tt.status || e.Decision != tt.decision || len(tt.fake.users) != tt.asked {
				t.Errorf("status %d, decision %q; asked about %v", got.Status, e.Decision, tt.fake.users)
			}
			if (got.Status >= 500) != (e.Err != nil) || (got.Action == gateway.Allow) != (tt.status == 200) || (got.Message == "") != (tt.status == 200) {
				t.Errorf("outcome %v, message %q, in the log %v", got.Action, got.Message, e.Err)
			}
		})
	}
}

// TestNoAccessStore: without one a requirement of groups is a fault of the operator's, and nobody is in a group.
func TestNoAccessStore(t *testing.T) {
	for _, tt := range []struct {
		demands gateway.Requirements
		status  int
	}{{gateway.Requirements{}, 200}, {gateway.Requirements{Groups: []string{"editors"}}, 500}} {
		s := newService(&fake{verdict: ada()})
		s.Access = nil
		e := observe.Event{Began: began}
		if got := s.Gateway(t.Context(), check.Question{Demands: tt.demands}, gateway.Style{Unavailable: 503}, &e); got.Status != tt.status {
			t.Errorf("%+v: status %d", tt.demands, got.Status)
		}
	}
}

type verdicts func(ctx context.Context, key string) (djangosession.Verdict, error)

func (f verdicts) Verify(ctx context.Context, key string) (djangosession.Verdict, error) {
	return f(ctx, key)
}

type accesses func(ctx context.Context, userID string) (djangosession.Access, error)

func (f accesses) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return f(ctx, userID)
}

// TestUncached: each question is asked, has a deadline, and outlives its client.
func TestUncached(t *testing.T) {
	type value struct{}
	asked := 0
	bounded := func(ctx context.Context) {
		asked++
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); ctx.Err() != nil || !ok || left <= 0 || left > time.Minute || ctx.Value(value{}) != "kept" {
			t.Errorf("context: %v, deadline in %v", ctx.Err(), left)
		}
	}
	finds := func(prefix string) (verdicts, accesses) {
		return func(ctx context.Context, key string) (djangosession.Verdict, error) {
				bounded(ctx)
				return djangosession.Verdict{User: &djangosession.User{ID: prefix + key}}, nil
			}, func(ctx context.Context, userID string) (djangosession.Access, error) {
				bounded(ctx)
				return djangosession.Access{Groups: []string{prefix + userID}}, nil
			}
	}
	v, a := finds("")
	u := check.NewUncached(v, a, time.Minute)
	gone, hangUp := context.WithCancel(context.WithValue(t.Context(), value{}, "kept"))
	hangUp()
	for _, prefix := range []string{"", "another "} {
		u.Use(finds(prefix))
		if v, kept, err := u.Verify(gone, keyhash.New(sessionKey), began); err != nil || kept || v.User.ID != prefix+sessionKey {
			t.Errorf("%+v, kept %v, %v", v, kept, err)
		}
		if a, err := u.AccessOf(gone, "42"); err != nil || a.Groups[0] != prefix+"42" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if asked != 4 {
		t.Errorf("asked %d times", asked)
	}
	u = check.NewUncached(verdicts(func(ctx context.Context, _ string) (djangosession.Verdict, error) {
		return djangosession.Verdict{}, ctx.Err()
	}), nil, 0) // which is no time
	if _, _, err := u.Verify(t.Context(), keyhash.New(sessionKey), began); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a timeout: %v", err)
	}
}

// TestOutcomes: there are three, and what is none of them could not be found out.
func TestOutcomes(t *testing.T) {
	for outcome, want := range map[check.Outcome]int{check.Alive: 200, check.Ended: 401, check.Unavailable: 503, "": 503, "other": 503} {
		if w := outcome.Reply(); w.Status != want || w.Message == "" {
			t.Errorf("%q: %+v", outcome, w)
		}
	}
}
