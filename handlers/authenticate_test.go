package handlers_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
)

var (
	jsonHeader  = map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Vary": "Cookie"}
	endedHeader = map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Vary": "Cookie", "Www-Authenticate": "Cookie",
	}
	unavailableHeader = map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Vary": "Cookie", "Retry-After": "1",
	}
	errorHeader = map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}
)

const (
	endedBody       = `{"result":false,"message":"Your login session has ended."}`
	unavailableBody = `{"result":false,"message":"The login session could not be checked."}`
)

// ada is the verdict of the contract's example.
func ada() djangosession.Verdict {
	name, email := "ada", "ada@example.org"
	return djangosession.Verdict{
		User:    &djangosession.User{ID: "42", Username: &name, Email: &email},
		Expires: time.Date(2026, 12, 1, 2, 30, 0, 999, time.FixedZone("", 2*60*60+30*60)),
	}
}

const adaBody = `{"result":true,"message":"Your login session is alive.",` +
	`"user":{"id":"42","username":"ada","email":"ada@example.org","is_staff":false,"is_superuser":false},"expires":"2026-12-01T00:00:00Z"}`

func TestAuthenticate(t *testing.T) {
	down := errors.New("no route to host")
	for _, tt := range []httpTest{
		{Name: "alive", Handler: newHandler(saying(ada(), nil)), Code: 200, WantHeader: jsonHeader, WantBody: adaBody},
		{Name: "no user", Handler: newHandler(ended(djangosession.Expired)), Code: 401, WantHeader: endedHeader, WantBody: endedBody},
		{Name: "could not find out", Handler: newHandler(saying(djangosession.Verdict{}, down)), Code: 503, WantHeader: unavailableHeader, WantBody: unavailableBody},
		{Name: "a failure outweighs a user", Handler: newHandler(saying(ada(), down)), Code: 503, WantHeader: unavailableHeader, WantBody: unavailableBody},
		{Name: "the zero verdict", Handler: newHandler(saying(djangosession.Verdict{}, nil)), Code: 401, WantHeader: endedHeader, WantBody: endedBody},

		{Name: "HEAD, alive", Method: "HEAD", Handler: newHandler(saying(ada(), nil)), Code: 200, WantHeader: jsonHeader, WantBody: adaBody},
		{Name: "HEAD, no user", Method: "HEAD", Handler: newHandler(ended(djangosession.Expired)), Code: 401, WantHeader: endedHeader, WantBody: endedBody},
		{Name: "HEAD, could not find out", Method: "HEAD", Handler: newHandler(saying(djangosession.Verdict{}, down)), Code: 503, WantHeader: unavailableHeader, WantBody: unavailableBody},
		{
			Name: "POST, its body unread", Method: "POST", Body: unreadable{t}, Handler: newHandler(saying(ada(), nil)),
			Code: 200, WantHeader: jsonHeader, WantBody: adaBody,
		},
		{Name: "a query", Path: "/authenticate?a=%zz", Handler: newHandler(saying(ada(), nil)), Code: 200, WantHeader: jsonHeader, WantBody: adaBody},

		{Name: "no such path", Path: "/", Handler: newHandler(saying(ada(), nil)), Code: 404, WantHeader: errorHeader, WantBody: `{"result":false,"message":"Not Found."}`},
		{Name: "no such path, HEAD", Method: "HEAD", Path: "/authenticate/", Handler: newHandler(saying(ada(), nil)), Code: 404, WantHeader: errorHeader, WantBody: `{"result":false,"message":"Not Found."}`},
		{Name: "the admin's path", Path: "/metrics", Handler: newHandler(saying(ada(), nil)), Code: 404, WantHeader: errorHeader, WantBody: `{"result":false,"message":"Not Found."}`},
		{
			Name: "another method", Method: "DELETE", Handler: newHandler(saying(ada(), nil)), Code: 405,
			WantHeader: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Allow": "OPTIONS, GET, HEAD, POST"},
			WantBody:   `{"result":false,"message":"Method Not Allowed."}`,
		},
		{
			Name: "a panic", Handler: newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) { panic("boom") })),
			Code: 500, WantHeader: errorHeader, WantBody: `{"result":false,"message":"The request could not be handled."}`,
		},
		{Name: "no Verifier", Handler: newHandler(nil), Code: 500, WantHeader: errorHeader, WantBody: `{"result":false,"message":"The request could not be handled."}`},
	} {
		t.Run(tt.Name, tt.run)
	}
}

func TestTheUserInAnAnswer(t *testing.T) {
	name, empty, odd := "ada", "", "<é&\"\n\xff>"
	const start, end = `{"result":true,"message":"Your login session is alive.","user":{`, `}}`
	for _, tt := range []struct {
		name string
		user djangosession.User
		want string
	}{
		{"all that is known", djangosession.User{ID: "1", Username: &name, Email: &empty, IsStaff: djangosession.True, IsSuperuser: djangosession.True}, `"id":"1","username":"ada","email":"","is_staff":true,"is_superuser":true`},
		{"no e-mail", djangosession.User{ID: "1", Username: &name}, `"id":"1","username":"ada","is_staff":false,"is_superuser":false`},
		{"no flags", djangosession.User{ID: "1", Username: &name, IsStaff: djangosession.AbsentFlag, IsSuperuser: djangosession.NullFlag}, `"id":"1","username":"ada"`},
		{"the id alone", djangosession.User{ID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8", IsStaff: djangosession.AbsentFlag, IsSuperuser: djangosession.AbsentFlag}, `"id":"6ba7b810-9dad-41d1-80b4-00c04fd430c8"`},
		{"an empty id", djangosession.User{IsStaff: djangosession.AbsentFlag, IsSuperuser: djangosession.AbsentFlag}, `"id":""`},
		{"odd characters", djangosession.User{ID: "1", Username: &odd, IsStaff: djangosession.AbsentFlag, IsSuperuser: djangosession.AbsentFlag}, `"id":"1","username":"\u003cé\u0026\"\n\ufffd\u003e"`},
	} {
		// Without a session, and with one whose end the store does not know, there is nothing to say about it.
		for _, session := range []*djangosession.Session{nil, {}} {
			row := httpTest{
				Handler: newHandler(saying(djangosession.Verdict{User: &tt.user, Session: session}, nil)),
				Code:    200, WantHeader: jsonHeader, WantBody: start + tt.want + end,
			}
			t.Run(tt.name, row.run)
		}
	}
}

func TestOptions(t *testing.T) {
	explain := func(o *handlers.Options) { o.Explain = true }
	as200 := func(o *handlers.Options) { o.EndedStatus = 200 }
	down := saying(djangosession.Verdict{}, errors.New("down"))
	for _, tt := range []httpTest{
		{
			Name: "explained", Handler: newHandler(ended(djangosession.AuthHashMismatch), explain), Code: 401, WantHeader: endedHeader,
			WantBody: `{"result":false,"message":"Your login session has ended.","reason":"auth_hash_mismatch"}`,
		},
		{Name: "nothing to explain", Handler: newHandler(saying(ada(), nil), explain), Code: 200, WantHeader: jsonHeader, WantBody: adaBody},
		{Name: "a failure is not explained", Handler: newHandler(down, explain), Code: 503, WantHeader: unavailableHeader, WantBody: unavailableBody},
		{Name: "ended as 200", Handler: newHandler(ended(djangosession.NotFound), as200), Code: 200, WantHeader: jsonHeader, WantBody: endedBody},
		{Name: "a failure is never 200", Handler: newHandler(down, as200), Code: 503, WantHeader: unavailableHeader, WantBody: unavailableBody},
	} {
		t.Run(tt.Name, tt.run)
	}
}

func TestWhatTheVerifierIsAsked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		want   string
	}{
		{"no header", nil, ""},
		{"one line", []string{"a=1; sessionid=" + sessionKey}, sessionKey},
		{"the last of two cookies", []string{"sessionid=other; sessionid=" + sessionKey}, sessionKey},
		{"two lines", []string{"a=1; sessionid=" + sessionKey, "b=2"}, sessionKey + ",b=2"},
		{"a quoted value", []string{`sessionid="\063` + sessionKey[1:] + `"`}, sessionKey},
		{"another case", []string{"SessionID=" + sessionKey}, ""},
		{"bytes that are no UTF-8", []string{"sessionid=\xff\xe2\x82"}, "\ufffd\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			h := newHandler(verifierFunc(func(_ context.Context, key string) (djangosession.Verdict, error) {
				asked++
				if key != tt.want {
					t.Errorf("asked for %q, want %q", key, tt.want)
				}
				return djangosession.Verdict{}, nil
			}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil)
			r.Header["Cookie"] = tt.header
			h.ServeHTTP(httptest.NewRecorder(), r)
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestTheDeadline(t *testing.T) {
	// The Verifier waits for its deadline, as a store does that does not answer.
	waiting := verifierFunc(func(ctx context.Context, _ string) (djangosession.Verdict, error) {
		<-ctx.Done()
		return djangosession.Verdict{}, ctx.Err()
	})
	for name, timeout := range map[string]time.Duration{"a short one": time.Millisecond, "none given, which is none left": 0} {
		row := httpTest{
			Handler: newHandler(waiting, func(o *handlers.Options) { o.Answers.Verifier = waiting.within(timeout) }),
			Code:    503, WantHeader: unavailableHeader, WantBody: unavailableBody,
		}
		t.Run(name, row.run)
	}
}

// TestAClientThatHangsUp does not end the context of the Verifier: only the deadline does.
func TestAClientThatHangsUp(t *testing.T) {
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	asked := false
	h := newHandler(verifierFunc(func(ctx context.Context, _ string) (djangosession.Verdict, error) {
		asked = true
		deadline, ok := ctx.Deadline()
		if left := time.Until(deadline); ctx.Err() != nil || !ok || left <= 0 || left > time.Minute {
			t.Errorf("context: %v, deadline in %v, want none gone and at most a minute", ctx.Err(), left)
		}
		return ada(), nil
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, "/authenticate", nil))
	if !asked || w.Code != 200 {
		t.Errorf("asked: %v, status %d", asked, w.Code)
	}
}

// TestOverAConnection has what only a real server does with an answer.
func TestOverAConnection(t *testing.T) {
	server := httptest.NewServer(newHandler(saying(ada(), nil)))
	defer server.Close()
	patient := &http.Transport{ExpectContinueTimeout: time.Minute}
	defer patient.CloseIdleConnections()
	for _, tt := range []struct {
		name, method string
		body         io.Reader
		expect       string
	}{
		{"HEAD", http.MethodHead, nil, ""},
		{"POST without a body", http.MethodPost, nil, ""},
		{"POST with a body that nobody reads", http.MethodPost, strings.NewReader(strings.Repeat("x", 8<<20)), ""},
		{"POST by a client that asks first", http.MethodPost, unreadable{t}, "100-continue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+"/authenticate", tt.body)
			if err != nil {
				t.Fatal(err)
			}
			if tt.expect != "" {
				r.Header.Set("Expect", tt.expect)
			}
			response, err := patient.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil {
				t.Error(err)
			}
			if response.StatusCode != 200 || response.ContentLength != int64(len(adaBody)) {
				t.Errorf("status %d, length %d, want 200 and %d", response.StatusCode, response.ContentLength, len(adaBody))
			}
			if tt.method == http.MethodPost && string(body) != adaBody {
				t.Errorf("body %s", body)
			}
		})
	}
}

func TestAnAbortedHandlerAnswersNothing(t *testing.T) {
	server := httptest.NewServer(newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) {
		panic(http.ErrAbortHandler)
	})))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/authenticate", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := server.Client().Do(r); err == nil {
		_ = response.Body.Close()
		t.Errorf("status %d, want a closed connection", response.StatusCode)
	}
}

// A verdict that is kept is told without asking; one that is not is asked for.
func TestKept(t *testing.T) {
	asked := 0
	h := newHandler(verifierFunc(func(context.Context, string) (djangosession.Verdict, error) {
		asked++
		return djangosession.Verdict{Reason: djangosession.NotFound}, nil
	}), func(o *handlers.Options) {
		o.Answers.Verifier = kept{ada(), sessionKey, o.Answers.Verifier}
	})
	for cookie, want := range map[string]int{"sessionid=" + sessionKey: 200, "sessionid=" + sessionKey + "x": 401} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/authenticate", nil)
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", cookie, w.Code, want)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

// TestContentLength: every answer over a connection says how long it is, and never comes in chunks; HEAD says what GET does.
func TestContentLength(t *testing.T) {
	for _, n := range []int{0, 800, 1000, 1900, 2100, 100_000} {
		v := ada()
		user, name := *v.User, strings.Repeat("x", n)
		user.Username, v.User = &name, &user
		server := httptest.NewServer(newHandler(saying(v, nil)))
		length := map[string]int64{}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/authenticate", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err := errors.Join(err, response.Body.Close()); err != nil {
				t.Error(err)
			}
			if method == http.MethodGet && len(body) < n || response.TransferEncoding != nil {
				t.Errorf("%s: %d bytes, %s", method, len(body), response.TransferEncoding)
			}
			length[method] = response.ContentLength
			if method == http.MethodGet && response.ContentLength != int64(len(body)) {
				t.Errorf("the length of %d bytes is told as %d", len(body), response.ContentLength)
			}
		}
		if length[http.MethodHead] != length[http.MethodGet] {
			t.Errorf("HEAD tells of %d bytes, GET of %d", length[http.MethodHead], length[http.MethodGet])
		}
		server.Close()
	}
}
