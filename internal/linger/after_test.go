package linger_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/linger"
)

// lateWriter notes how much of a body has been read when an answer begins.
type lateWriter struct {
	*httptest.ResponseRecorder

	body *strings.Reader
	left map[int]int // by status
}

func (w *lateWriter) WriteHeader(status int) {
	w.left[status] = w.body.Len()
	w.ResponseRecorder.WriteHeader(status)
}

func TestAnswerAfterBody(t *testing.T) {
	const size = 1 << 20
	for _, tt := range []struct {
		name, header, value string
		limit               time.Duration
		want                int
	}{
		{"asked for", linger.AfterBody, "1", time.Minute, 0},
		{"not asked for", "X-Other", "1", time.Minute, size},
		{"a client that waits for a 100", "Expect", "100-continue", time.Minute, size},
		{"off", linger.AfterBody, "1", 0, size},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.NewReader(strings.Repeat("x", size))
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", body)
			r.Header.Set(tt.header, tt.value)
			if tt.header == "Expect" {
				r.Header.Set(linger.AfterBody, "1")
			}
			w := &lateWriter{httptest.NewRecorder(), body, map[int]int{}}
			answered := 0
			early := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				refusing(w, r)
			})
			linger.Handler(early, linger.Options{Limit: tt.limit, Answered: func(*http.Request) { answered++ }, Now: time.Now}).ServeHTTP(w, r)
			if got := w.left[http.StatusForbidden]; got != tt.want {
				t.Errorf("%d bytes are not read when the answer begins, want %d", got, tt.want)
			}
			if got := w.left[http.StatusEarlyHints]; got != size {
				t.Errorf("an interim answer has waited: %d bytes are left", got)
			}
			if w.Code != http.StatusForbidden && w.Code != http.StatusEarlyHints || w.Body.String() != text {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
		})
	}
}

// TestAnswerAfterSlowBody: a body may take longer than the server's own time for an answer.
func TestAnswerAfterSlowBody(t *testing.T) {
	server := httptest.NewUnstartedServer(linger.Handler(refusing, linger.Options{Limit: time.Minute, Now: time.Now}))
	server.Config.WriteTimeout = 50 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	c := dial(t, server.Listener.Addr().String())
	_, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\n%s: 1\r\nContent-Length: 2\r\n\r\nx", linger.AfterBody)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * server.Config.WriteTimeout)
	if _, err := io.WriteString(c, "y"); err != nil {
		t.Fatal(err)
	}
	c.answer(t)
}
