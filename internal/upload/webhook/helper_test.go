package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/webhook"
	"django-sidecar/signing"
)

var roles = djangotest.Roles{}

func TestMain(m *testing.M) {
	roles.Play()
	goleak.VerifyTestMain(m)
}

const secretKey = "the application's"

func signerOf(algorithm signing.Algorithm) *signing.TimestampSigner {
	s, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey(secretKey), Salt: webhook.Salt, Algorithm: algorithm})
	if err != nil {
		panic(err)
	}
	return s
}

var signer = signerOf(signing.SHA256)

func sign(payload []byte, at time.Time) (string, error) { return signer.Dumps(payload, false, at), nil }

// eventOf is an event with an id, of one file.
func eventOf(id string) webhook.UploadEvent {
	return webhook.UploadEvent{ID: id, At: time.Unix(1_795_413_600, 0), UserID: "42", Files: []webhook.UploadedFile{{Field: "file", Name: "up/" + id + ".txt", Size: 3}}}
}

// application answers the requests of a client that is not told that there is no network.
type application struct {
	mu     sync.Mutex
	answer func(id string) *http.Response // nil, the function or the answer: 204
	events []webhook.UploadEvent
	times  []time.Time // of the signatures
	seen   []time.Time // when the requests came
	header http.Header // of the last request
}

func (a *application) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	payload, _, err := signer.Loads(nil, string(body), 1<<20)
	if err != nil {
		return nil, err
	}
	var e webhook.UploadEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	at, _ := signer.SignedAt(string(body))
	a.mu.Lock()
	a.events, a.times, a.seen, a.header = append(a.events, e), append(a.times, at), append(a.seen, time.Now()), r.Header
	a.mu.Unlock()
	var response *http.Response
	if a.answer != nil {
		response = a.answer(e.ID)
	}
	if response == nil {
		response = status(http.StatusNoContent)
	}
	if response.StatusCode == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return response, nil
}

// ids are those of the requests, in their order.
func (a *application) ids() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]string, len(a.events))
	for i, e := range a.events {
		ids[i] = e.ID
	}
	return ids
}

// status is an answer; 0 is none.
func status(code int) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("")), ProtoMajor: 1}
}

// fixture is a queue in front of an application, and what it reported.
type fixture struct {
	*webhook.Queue
	*application
	dir string

	mu       sync.Mutex
	attempts []webhook.Attempt
}

// open opens a queue. The options that are not given are the tests' own.
func open(t *testing.T, dir string, o webhook.Options) *fixture {
	t.Helper()
	f := &fixture{application: &application{}, dir: dir}
	o.Dir, o.Sign, o.Now = dir, sign, time.Now
	if o.URL == "" {
		o.URL = "http://application/hook?token=T0KEN"
		o.Client = &http.Client{Transport: f.application}
	}
	o.Report = func(a webhook.Attempt) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.attempts = append(f.attempts, a)
	}
	q, err := webhook.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Queue = q
	return f
}

func newDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "webhook")
}

// add adds events, each a nanosecond older than the next.
func (f *fixture) add(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := f.Add(t.Context(), eventOf(id)); err != nil {
			t.Fatal(err)
		}
	}
}

// plant makes a queue of many events, as Add would, but without waiting for the disk.
func plant(t *testing.T, dir string, count int) (ids []string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		id := fmt.Sprintf("e%d", i)
		text, err := json.Marshal(eventOf(id))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%020d-%s.0.0.0.event", i, id)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// outcomes are what the tries so far came to, each as "id outcome".
func (f *fixture) outcomes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]string, len(f.attempts))
	for i, a := range f.attempts {
		list[i] = strings.TrimSpace(a.ID + " " + string(a.Outcome))
	}
	return list
}

// files are the names in the queue's folder, or in one below it, that end in a text.
func (f *fixture) files(t *testing.T, below, suffix string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.dir, below))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// runFor runs the queue, for a time of the bubble's clock, and with it whatever happens at the end of that.
func (f *fixture) runFor(t *testing.T, d time.Duration) {
	t.Helper()
	stop := f.start(t)
	<-time.After(d)
	synctest.Wait()
	stop()
}

// start runs the queue until the function that it returns is called.
func (f *fixture) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := contextOf(t)
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
