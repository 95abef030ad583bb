package shadow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/proof"
	"django-sidecar/internal/shadow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// alive is the verdict on a user.
func alive(id string) djangosession.Verdict {
	if id == "" {
		return djangosession.Verdict{Reason: djangosession.NotFound}
	}
	return djangosession.Verdict{User: &djangosession.User{ID: id}}
}

// compare offers one request that was answered with a user, "" for nobody, and returns what comes of it. The sidecar
// says afterwards what is in again, one for each time it is asked.
func compare(t *testing.T, django http.HandlerFunc, change func(*shadow.Options), answered string, again ...djangosession.Verdict) shadow.Comparison {
	t.Helper()
	server := httptest.NewServer(django)
	defer server.Close()
	asked := 0
	found := make(chan shadow.Comparison, 1)
	o := shadow.Options{
		URL: server.URL + "/shadow?token=s3cret", Share: 1,
		Ask: func(context.Context, []string) (keyhash.Key, proof.Known, error) {
			v := again[min(asked, len(again)-1)]
			asked++
			return keyhash.New("a session key"), proof.Known{Verdict: v}, nil
		},
		Report: func(c shadow.Comparison) { found <- c },
	}
	if change != nil {
		change(&o)
	}
	s := shadow.New(o)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	s.Offer([]string{"sessionid=a session key"}, alive(answered))
	c := <-found
	stop()
	running.Wait()
	if c.Err != nil && strings.Contains(c.Err.Error(), "s3cret") {
		t.Errorf("the error has the URL: %v", c.Err)
	}
	return c
}

// says answers each request with the next text, and the last one for ever.
func says(texts ...string) http.HandlerFunc {
	var asked atomic.Int32
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, texts[min(int(asked.Add(1))-1, len(texts)-1)])
	}
}

func TestCompare(t *testing.T) {
	const nobody, ada, bob = `{"user": null}`, `{"user": "42"}`, `{"user": "43"}`
	byFallback := alive("42")
	byFallback.HashedBy.Fallback = 1
	for _, c := range []struct {
		name     string
		django   http.HandlerFunc
		answered string
		again    []djangosession.Verdict
		want     shadow.Result
	}{
		{"the same user", says(ada), "42", []djangosession.Verdict{alive("42")}, shadow.Same},
		{"nobody", says(nobody), "", []djangosession.Verdict{alive("")}, shadow.Same},
		{"another user", says(bob), "42", []djangosession.Verdict{alive("42")}, shadow.Different},
		{"a user here alone", says(nobody), "42", []djangosession.Verdict{alive("42")}, shadow.Different},
		{"a user in Django alone", says(ada), "", []djangosession.Verdict{alive("")}, shadow.Different},
		{"a session that ends in between", says(nobody), "42", []djangosession.Verdict{alive("42"), alive("")}, shadow.Settled},
		{"a session that Django sees end later", says(ada, nobody), "42", []djangosession.Verdict{alive("")}, shadow.Settled},
		{"a session that becomes another's", says(ada, bob), "", []djangosession.Verdict{alive("")}, shadow.Settled},
		{"an answer that had been kept", says(nobody), "42", []djangosession.Verdict{alive("")}, shadow.Settled},
		{"a session of a fallback key", says(nobody), "42", []djangosession.Verdict{byFallback}, shadow.Skipped},
		{"a page", says(`<html>`), "42", []djangosession.Verdict{alive("42")}, shadow.Failed},
		{"another JSON", says(`{"result": true}`), "42", []djangosession.Verdict{alive("42")}, shadow.Failed},
		{"a number for a user", says(`{"user": 42}`), "42", []djangosession.Verdict{alive("42")}, shadow.Failed},
		{"too much", says(`{"user": "42", "x": "` + strings.Repeat("x", 1<<20) + `"}`), "42", []djangosession.Verdict{alive("42")}, shadow.Failed},
		{"an error", http.NotFound, "42", []djangosession.Verdict{alive("42")}, shadow.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compare(t, c.django, nil, c.answered, c.again...)
			if got.Result != c.want || (got.Err != nil) != (c.want == shadow.Failed) || (len(got.Differences) > 0) != (c.want == shadow.Different) {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

// TestCookiesGoNowhereElse: a redirect is not followed, and a name that leads to a public address is not asked.
func TestCookiesGoNowhereElse(t *testing.T) {
	var elsewhere atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer other.Close()
	got := compare(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }, nil, "42", alive("42"))
	if got.Result != shadow.Failed || elsewhere.Load() {
		t.Errorf("%+v; the other server was asked: %v", got, elsewhere.Load())
	}
	got = compare(t, says(`{"user": "42"}`), func(o *shadow.Options) { o.URL = "http://192.0.2.1/shadow" }, "42", alive("42"))
	if got.Result != shadow.Failed || got.Err == nil || !strings.Contains(got.Err.Error(), "public address") {
		t.Errorf("%+v, want that a public address is refused", got)
	}
}

// TestOfferNeverWaits: what there is no room for is counted.
func TestOfferNeverWaits(t *testing.T) {
	dropped := 0
	s := shadow.New(shadow.Options{
		URL: "http://127.0.0.1:1/", Share: 1,
		Ask: func(context.Context, []string) (keyhash.Key, proof.Known, error) {
			return keyhash.Key{}, proof.Known{}, errors.New("nobody asks")
		},
		Report: func(c shadow.Comparison) {
			if c.Result != shadow.Dropped {
				t.Errorf("%+v", c)
			}
			dropped++
		},
	})
	for range 100 {
		s.Offer([]string{"sessionid=x"}, djangosession.Verdict{})
	}
	s.Offer([]string{strings.Repeat("x", 20<<10)}, djangosession.Verdict{})
	s.Offer(nil, djangosession.Verdict{}) // no cookie: there is nothing to compare
	if dropped != 37 {
		t.Errorf("%d dropped, want 37", dropped)
	}
}

// TestShare: none of the requests at 0, all of them at 1.
func TestShare(t *testing.T) {
	for share, want := range map[float64]bool{0: false, 1: true} {
		dropped := false
		s := shadow.New(shadow.Options{URL: "http://127.0.0.1:1/", Share: share, Report: func(shadow.Comparison) { dropped = true }})
		for range 65 {
			s.Offer([]string{"sessionid=x"}, djangosession.Verdict{})
		}
		if dropped != want {
			t.Errorf("share %v: the queue was filled: %v, want %v", share, dropped, want)
		}
	}
}
