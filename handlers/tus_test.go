package handlers_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/check"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/naming"
	"django-sidecar/internal/upload/tus"
)

// resuming is a handler with /tus/, as the sidecar makes it.
func resuming(t *testing.T, v verifierFunc, change ...func(*handlers.Options)) (root string, h http.Handler) {
	t.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	root = filepath.Join(base, "media")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := media.Open(media.Config{Root: root, StateDir: filepath.Join(base, "state"), Version: version})
	if err != nil {
		t.Fatal(err)
	}
	rules, err := naming.New(naming.Config{Version: version, UploadTo: "up", Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	receiver := upload.New(upload.Config{Media: dir, Rules: rules, MaxBytes: 1 << 20, MediaURL: "/media/", Extensions: []string{".txt"}, Now: time.Now})
	answers := &check.Service{Verifier: v.within(time.Minute), CookieNames: []string{"sessionid"}, Now: time.Now}
	resumable, err := tus.New(tus.Options{
		Media: dir, Name: handlers.TusName(receiver), Now: time.Now, MaxBytes: 1 << 20, Expiry: time.Hour,
		Inspect:   handlers.TusInspect,
		Published: func(context.Context, tus.Upload) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	uploads := &handlers.UploadOptions{Receiver: receiver, Tus: resumable}
	shared := func(o *handlers.Options) { o.Answers = answers }
	return root, newHandler(v, append(append([]func(*handlers.Options){shared}, change...), func(o *handlers.Options) {
		if o.Uploads != nil {
			uploads.CSRFToken, uploads.TrustedOrigins, uploads.Observe = o.Uploads.CSRFToken, o.Uploads.TrustedOrigins, o.Uploads.Observe
		}
		o.Uploads = uploads
	})...)
}

// create is the header of a request that brings a whole file.
func create(name string, more ...http.Header) http.Header {
	return requestHeader(append([]http.Header{{
		"Tus-Resumable": {"1.0.0"}, "Upload-Length": {"3"}, "Content-Type": {"application/offset+octet-stream"}, "Cookie": {"sessionid=" + sessionKey},
		"Upload-Metadata": {"filename " + base64.StdEncoding.EncodeToString([]byte(name))},
	}}, more...)...)
}

func TestTus(t *testing.T) {
	const secret = "abcdefghijklmnopqrstuvwxyzABCDEF"
	demanding := func(o *handlers.Options) {
		o.Uploads = &handlers.UploadOptions{CSRFToken: &handlers.CSRFToken{CookieName: "ct", HeaderName: "X-CSRFToken"}}
	}
	withToken := http.Header{"X-Csrftoken": {secret}}
	for _, tt := range []struct {
		name     string
		verifier verifierFunc
		header   http.Header
		change   []func(*handlers.Options)
		body     string // "" is abc
		status   int
		message  string
	}{
		{name: "a file", verifier: saying(ada(), nil), header: create("../a b.txt"), status: 201},
		{name: "nobody", verifier: ended(djangosession.Expired), header: create("a.txt"), status: 401, message: "has ended"},
		{name: "down", verifier: saying(djangosession.Verdict{}, errors.New("down")), header: create("a.txt"), status: 503, message: "could not be checked"},
		{name: "another site", verifier: saying(ada(), nil), header: create("a.txt", http.Header{"Sec-Fetch-Site": {"cross-site"}}), status: 403, message: "another site"},
		{name: "an ending that is not taken", verifier: saying(ada(), nil), header: create("a.html"), status: 415, message: "of this kind"},
		{name: "a name that cannot be used", verifier: saying(ada(), nil), header: create("x." + strings.Repeat("y", 200) + ".txt"), status: 400},
		{name: "a page that is called a text", verifier: saying(ada(), nil), header: create("a.txt", http.Header{"Upload-Length": {"6"}}), body: "<html>", status: 415, message: "what its name says"},
		{name: "no token where one is demanded", verifier: saying(ada(), nil), change: []func(*handlers.Options){demanding}, header: create("a.txt"), status: 403, message: "CSRF"},
		{name: "a token without its cookie", verifier: saying(ada(), nil), change: []func(*handlers.Options){demanding}, header: create("a.txt", withToken), status: 403, message: "CSRF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			root, h := resuming(t, tt.verifier, append(tt.change, logTo(&log))...)
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/tus/", strings.NewReader(cmp.Or(tt.body, "abc")))
			r.Header = tt.header
			w := httptest.NewRecorder()
			h.ServeHTTP(deadlines{w, new(slowBody)}, r) // a connection can have one
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.message) {
				t.Errorf("status %d, want %d: %s", w.Code, tt.status, w.Body)
			}
			mustNotName(t, sessionKey, &log, w)
			event := onlyEvent(t, &log)
			if tt.status == http.StatusCreated && (event["user_id"] != "42" || event["outcome"] != "alive" || w.Header().Get("Upload-Name") != "up/a_b.txt") {
				t.Errorf("the event is %v, and the header %v", event, w.Header())
			}
			left, err := os.ReadDir(filepath.Join(root, "up"))
			if stored := err == nil && len(left) == 1; stored != (tt.status == http.StatusCreated) {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
	_, h := resuming(t, saying(ada(), nil))
	for _, path := range []string{"/tus/0123", "/tus/../upload", "/tusk"} {
		r := httptest.NewRequestWithContext(t.Context(), "HEAD", path, nil)
		r.Header = create("a.txt")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// TestUploadsAreCounted: forms and resumable uploads alike.
func TestUploadsAreCounted(t *testing.T) {
	nobody, down := ended(djangosession.Expired), saying(djangosession.Verdict{}, errors.New("down"))
	for _, tt := range []struct {
		name, method, path string
		verifier           verifierFunc
		header             http.Header
		body, want         string
	}{
		{"a form", "POST", "/upload", saying(ada(), nil), cordovaHeader, cordovaBody, "stored 3"},
		{"a form of nobody", "POST", "/upload", nobody, cordovaHeader, cordovaBody, "refused 0"},
		{"a form while a store is down", "POST", "/upload", down, cordovaHeader, cordovaBody, "failed 0"},
		{"resumable", "POST", "/tus/", saying(ada(), nil), create("a.txt"), "abc", "stored 3"},
		{"resumable, an ending that is not taken", "POST", "/tus/", saying(ada(), nil), create("a.html"), "abc", "refused 0"},
		{"resumable, of nobody", "POST", "/tus/", nobody, create("a.txt"), "abc", "refused 0"},
		{"resumable while a store is down", "POST", "/tus/", down, create("a.txt"), "abc", "failed 0"},
		{"a part of an upload that there is not", "PATCH", "/tus/0123", saying(ada(), nil), create("a.txt"), "abc", "refused 0"},
		{"a question about one", "HEAD", "/tus/0123", saying(ada(), nil), create("a.txt"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var counted []string
			_, h := resuming(t, tt.verifier, func(o *handlers.Options) {
				o.Uploads = &handlers.UploadOptions{Observe: func(outcome string, bytes int64) {
					counted = append(counted, fmt.Sprint(outcome, " ", bytes))
				}}
			})
			r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body))
			r.Header = tt.header
			w := httptest.NewRecorder()
			h.ServeHTTP(deadlines{w, new(slowBody)}, r)
			if got := strings.Join(counted, ", "); got != tt.want {
				t.Errorf("status %d is counted as %q, want %q", w.Code, got, tt.want)
			}
		})
	}
}
