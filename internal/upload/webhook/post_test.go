package webhook_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"django-sidecar/internal/upload/webhook"
)

// deliver runs a queue against a server until it has reported so many tries.
func deliver(t *testing.T, o webhook.Options, server *httptest.Server, events, tries int) []webhook.Attempt {
	t.Helper()
	reported := make(chan webhook.Attempt, 1000)
	o.Dir, o.Sign, o.Now = newDir(t), sign, time.Now
	o.URL = strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/hook?token=T0KEN"
	o.Report = func(a webhook.Attempt) { reported <- a }
	q, err := webhook.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if err := q.Add(t.Context(), eventOf("e"+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	stop := (&fixture{Queue: q}).start(t)
	defer stop()
	attempts := make([]webhook.Attempt, tries)
	for i := range attempts {
		attempts[i] = <-reported
		if err := attempts[i].Err; err != nil && strings.Contains(err.Error(), "T0KEN") {
			t.Errorf("the query is told: %v", err)
		}
	}
	return attempts
}

func newServer(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	t.Cleanup(server.Close)
	return server
}

// TestRequest: what goes over the wire, over connections that are used again.
func TestRequest(t *testing.T) {
	const events = 100
	var connections atomic.Int32
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		payload, _, err2 := signer.LoadsWithin(nil, string(body), 1<<20, time.Minute, time.Now())
		if err := errors.Join(err, err2); err != nil || !strings.HasPrefix(string(payload), `{"id":"`) {
			t.Errorf("%s: %v", payload, err)
		}
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/hook?token=T0KEN" || r.ContentLength != int64(len(body)) {
			t.Errorf("%s %s, %d bytes", r.Method, r.URL, r.ContentLength)
		}
		for name := range r.Header {
			switch name {
			case "User-Agent", "Content-Type", "Content-Length":
			default:
				t.Errorf("%s: %s", name, r.Header.Get(name))
			}
		}
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "x"})
		_, _ = io.WriteString(w, strings.Repeat("an answer that nobody reads ", 1000))
	})
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	for _, a := range deliver(t, webhook.Options{}, server, events, events) {
		if a.Outcome != webhook.Delivered || a.Status != http.StatusOK {
			t.Errorf("%+v", a)
		}
	}
	// Package http dials when no connection is free, and may use another one that gets free first: a few more than 4.
	if got := connections.Load(); got > events/5 {
		t.Errorf("%d connections for %d events, 4 at a time", got, events)
	}
}

// TestRedirect: it is a refusal. Where it leads, nobody is asked; and a client's own cookies are not used.
func TestRedirect(t *testing.T) {
	var followed atomic.Bool
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hook" || r.Header.Get("Cookie") != "" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	server.Start()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = strings.Replace(u.Host, "127.0.0.1", "localhost", 1)
	jar.SetCookies(u, []*http.Cookie{{Name: "sessionid", Value: "secret"}})
	client := server.Client()
	client.Jar = jar
	a := deliver(t, webhook.Options{Client: client, FirstBackoff: time.Millisecond}, server, 1, 2)
	if a[1].Outcome != webhook.PutOff || a[1].Status != http.StatusTemporaryRedirect || followed.Load() {
		t.Errorf("%+v, followed: %t", a[1], followed.Load())
	}
}

// TestEndlessAnswer: of a body without an end no more is read than is bearable, and the status counts.
func TestEndlessAnswer(t *testing.T) {
	server := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	server.Start()
	body := &countedBody{}
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			body.ReadCloser, response.Body = response.Body, body
		}
		return response, err
	})
	a := deliver(t, webhook.Options{Client: &http.Client{Transport: transport}}, server, 1, 1)
	if a[0].Outcome != webhook.Delivered || body.bytes > 64<<10 || !body.closed {
		t.Errorf("%+v, after %d bytes, closed: %t", a[0], body.bytes, body.closed)
	}
}

// countedBody counts what is read of a body.
type countedBody struct {
	io.ReadCloser

	bytes  int
	closed bool
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += n
	return n, err
}

func (b *countedBody) Close() error {
	b.closed = true
	return b.ReadCloser.Close()
}

// TestNoAnswer: faults of the network put an event off, whatever they are, and tell nothing of the URL.
func TestNoAnswer(t *testing.T) {
	release := make(chan struct{})
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		change  func(s *httptest.Server)
	}{
		"a hanging application": {func(http.ResponseWriter, *http.Request) { <-release }, nil},
		"a cut connection":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
		"a refused connection":  {nil, func(s *httptest.Server) { s.Close() }},
		"a TLS that is none":    {nil, func(s *httptest.Server) { s.URL = strings.Replace(s.URL, "http", "https", 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, c.handler)
			server.Start()
			if c.change != nil {
				c.change(server)
			}
			a := deliver(t, webhook.Options{Timeout: 200 * time.Millisecond, FirstBackoff: time.Millisecond}, server, 1, 2)
			if a[1].Outcome != webhook.PutOff || a[1].Status != 0 || a[1].Tries != 2 || a[1].Err == nil {
				t.Errorf("%+v", a[1])
			}
			if name == "a hanging application" {
				close(release) // or the server would wait for it
			}
		})
	}
}

// TestTLS: certificates are checked, with the authorities that the client knows.
func TestTLS(t *testing.T) {
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("by %s", r.Proto)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	server.Config.ErrorLog = discardLog
	server.StartTLS()
	if a := deliver(t, webhook.Options{}, server, 1, 1); a[0].Outcome != webhook.PutOff || !strings.Contains(a[0].Err.Error(), "certificate") {
		t.Errorf("an unknown authority: %+v", a[0])
	}
	client := server.Client()
	transport, _ := client.Transport.(*http.Transport)
	transport.TLSClientConfig.ServerName = "example.com" // which httptest's certificate is for, but not for localhost
	if a := deliver(t, webhook.Options{Client: client}, server, 1, 1); a[0].Outcome != webhook.Delivered {
		t.Errorf("a known one: %+v", a[0])
	}
}
