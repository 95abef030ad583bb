package webhook_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/upload/webhook"
)

func init() { roles["sidecar"] = sidecar }

// sidecar adds events and delivers them until it is killed. A line says which one was taken.
func sidecar() error {
	q, err := webhook.Open(webhook.Options{
		URL: os.Args[1], Dir: os.Args[2], Sign: sign, Now: time.Now, FirstBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() { failed <- q.Run(context.Background()) }()
	for range 3 {
		go func() {
			for {
				id := fmt.Sprintf("%016x", rand.Uint64())
				if err := q.Add(context.Background(), eventOf(id)); err != nil {
					failed <- err
					return
				}
				if _, err := fmt.Println(id); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// receiver is an application that fails every now and then, and remembers the events that it has taken.
type receiver struct {
	mu    sync.Mutex
	taken map[string]int
}

var idOf = regexp.MustCompile(`^\{"id":"([0-9a-f]{16})"`)

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	payload, _, err2 := signer.Loads(nil, string(body), 1<<20)
	found := idOf.FindSubmatch(payload)
	if errors.Join(err, err2) != nil || found == nil { // it was killed within a request
		w.WriteHeader(http.StatusForbidden)
		return
	}
	switch rand.IntN(10) {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case 1:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	r.taken[string(found[1])]++
	r.mu.Unlock()
}

// TestKilled: however often, and at whatever instant, sidecars are killed, each event that Add took comes to the application.
func TestKilled(t *testing.T) {
	const kills = 60
	app := &receiver{taken: map[string]int{}}
	server := httptest.NewServer(app)
	defer server.Close()
	dir, added := newDir(t), 0
	var ids []string
	for range kills {
		ids = append(ids, killOne(t, server.URL, dir)...)
	}
	added = len(ids)
	delivered := make(chan webhook.Attempt, 1)
	q, err := webhook.Open(webhook.Options{
		URL: server.URL, Dir: dir, Sign: sign, Now: time.Now, FirstBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond,
		Report: func(a webhook.Attempt) { delivered <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	left := q.Pending()
	stop := (&fixture{Queue: q}).start(t)
	for q.Pending() > 0 {
		if a := <-delivered; a.Outcome != webhook.Delivered && a.Outcome != webhook.PutOff {
			t.Errorf("%+v", a)
		}
	}
	go func() { // the last reports
		for range delivered {
		}
	}()
	stop()
	close(delivered)
	twice := 0
	for _, id := range ids {
		switch app.taken[id] {
		case 0:
			t.Errorf("%s is lost", id)
		case 1:
		default:
			twice++
		}
	}
	f := &fixture{dir: dir}
	if bad := append(f.files(t, "corrupt", ""), f.files(t, "failed", "")...); len(bad) != 0 {
		t.Errorf("set aside: %v", bad)
	}
	t.Logf("%d kills, %d events of which %d were left for the last process, %d came more than once", kills, added, left, twice)
}

// killOne starts a sidecar, kills it up to 40 ms after it has taken its first event, and returns the events.
func killOne(t *testing.T, url, dir string) (ids []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], url, dir)
	cmd.Env = append(os.Environ(), roles.As("sidecar"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err = errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if len(ids) == 0 {
			timer := time.AfterFunc(time.Duration(rand.IntN(40_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
		if len(lines.Text()) == 16 { // otherwise half a line
			ids = append(ids, lines.Text())
		}
	}
	err = cmd.Wait()
	if status := new(exec.ExitError); !errors.As(err, &status) || status.Exited() {
		t.Fatalf("it ended by itself: %v", err)
	}
	return ids
}
