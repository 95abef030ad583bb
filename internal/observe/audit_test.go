package observe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/observe"
)

func auditTime() time.Time { return time.Date(2026, 11, 29, 6, 0, 0, 0, time.FixedZone("", 3600)) }

// readAudit is what a closed audit log has.
func readAudit(t *testing.T, text string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		lines = append(lines, m)
	}
	return lines
}

func names(lines []map[string]any) (all []string) {
	for _, m := range lines {
		name, _ := m["event"].(string)
		all = append(all, name)
	}
	return all
}

func TestAuditLines(t *testing.T) {
	var b bytes.Buffer
	a, err := observe.OpenAudit(observe.AuditOptions{Writer: &b, Now: auditTime})
	if err != nil {
		t.Fatal(err)
	}
	e := &observe.Event{
		Method: "POST", Path: "/upload", Remote: "192.0.2.1", Status: 413, UserID: "7", Session: keyhash.Of("abcdefgh"),
		Trace: "0af7651916cd43dd8448eb211c80319c",
	}
	a.Record(observe.AuditEvent{Name: observe.AuditUploadDenied, Request: e, Reason: "The file is too large.", Err: errors.New("why")})
	a.Record(observe.AuditEvent{Name: observe.AuditStarted, Details: []observe.AuditDetail{{Name: "version", Value: "1"}, {Name: "empty"}}})
	a.Record(observe.AuditEvent{Name: observe.AuditUploadStored, UserID: "8", File: observe.AuditFile{Name: "a\u202eb", Size: 1 << 40}})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{
			"time": "2026-11-29T05:00:00Z", "msg": "audit", "event": "upload_denied", "user_id": "7",
			"session": "9c56cc51b374", "reason": "The file is too large.", "method": "POST", "path": "/upload",
			"status": 413., "remote": "192.0.2.1", "trace_id": "0af7651916cd43dd8448eb211c80319c", "error": "why",
		},
		{"time": "2026-11-29T05:00:00Z", "msg": "audit", "event": "started", "version": "1"},
		{
			"time": "2026-11-29T05:00:00Z", "msg": "audit", "event": "upload_stored", "user_id": "8",
			"name": "a\u202eb", "size": float64(1 << 40),
		},
	}
	if diff := cmp.Diff(want, readAudit(t, b.String())); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(b.String(), "\u202e") {
		t.Error("a character that turns the text around is not escaped")
	}
}

func TestAuditVerdicts(t *testing.T) {
	var b bytes.Buffer
	a, err := observe.OpenAudit(observe.AuditOptions{Writer: &b, Now: auditTime})
	if err != nil {
		t.Fatal(err)
	}
	alive := func(user string) djangosession.Verdict {
		return djangosession.Verdict{User: &djangosession.User{ID: user}}
	}
	ended := func(r djangosession.Reason) djangosession.Verdict { return djangosession.Verdict{Reason: r} }
	first, second := &observe.Event{Session: keyhash.Of("first")}, &observe.Event{Session: keyhash.Of("second")}
	for _, step := range []struct {
		event   *observe.Event
		verdict djangosession.Verdict
	}{
		{first, ended(djangosession.NotFound)}, // was never alive here
		{first, alive("1")},
		{second, alive("2")},
		{first, alive("1")},
		{first, ended(djangosession.UserInactive)}, // recorded
		{first, ended(djangosession.UserInactive)}, // has been
		{second, alive("3")},                       // recorded
		{second, ended(djangosession.NotFound)},    // recorded, as 3's
		{&observe.Event{}, alive("4")},             // no key
		{&observe.Event{}, ended(djangosession.NoCookie)},
	} {
		a.Verdict(step.event, step.verdict)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	var got [][]any
	for _, m := range readAudit(t, b.String()) {
		got = append(got, []any{m["event"], m["session"], m["user_id"], m["before_user_id"], m["reason"]})
	}
	want := [][]any{
		{"session_ended", first.Session.Name(), "1", nil, "user_inactive"},
		{"session_user_changed", second.Session.Name(), "3", "2", nil},
		{"session_ended", second.Session.Name(), "3", nil, "not_found"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAuditRemembersManySessions: as many as the page promises, and no more than twice as many.
func TestAuditRemembersManySessions(t *testing.T) {
	var b bytes.Buffer
	a, err := observe.OpenAudit(observe.AuditOptions{Writer: &b, Now: auditTime})
	if err != nil {
		t.Fatal(err)
	}
	const promised = 50_000
	alive := djangosession.Verdict{User: &djangosession.User{ID: "1"}}
	of := func(n int) *observe.Event { return &observe.Event{Session: keyhash.Of(strconv.Itoa(n))} }
	for n := range 2*promised + 2 {
		a.Verdict(of(n), alive)
	}
	ended := djangosession.Verdict{Reason: djangosession.NotFound}
	a.Verdict(of(0), ended)            // forgotten
	a.Verdict(of(promised+2), ended)   // of the last 50,000
	a.Verdict(of(2*promised+1), ended) // the last
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := readAudit(t, b.String()); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestAuditIsOff(t *testing.T) {
	var a *observe.Audit
	a.Record(observe.AuditEvent{Name: observe.AuditStarted})
	a.Verdict(&observe.Event{Session: keyhash.Of("a")}, djangosession.Verdict{})
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// full is a disk that is full after some bytes, until there is room again.
type full struct {
	mu   sync.Mutex
	b    bytes.Buffer
	room int
	over chan struct{} // gets one for each write that fails
}

func (f *full) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(p), f.room)
	f.b.Write(p[:n])
	if f.room -= n; n < len(p) {
		f.over <- struct{}{}
		return n, errors.New("no space left on device")
	}
	return n, nil
}

// TestAuditOnAFullDisk: lines are lost, counted and told of, and those that come later are whole.
func TestAuditOnAFullDisk(t *testing.T) {
	disk := &full{room: 100, over: make(chan struct{}, 9)}
	var reported []error
	a, err := observe.OpenAudit(observe.AuditOptions{Writer: disk, Now: auditTime, Report: func(err error) { reported = append(reported, err) }})
	if err != nil {
		t.Fatal(err)
	}
	a.Record(observe.AuditEvent{Name: observe.AuditStarted})
	a.Record(observe.AuditEvent{Name: observe.AuditReloaded})
	<-disk.over
	disk.mu.Lock()
	disk.room = 1 << 20
	disk.mu.Unlock()
	a.Record(observe.AuditEvent{Name: observe.AuditStopped})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(disk.b.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[2], `"event":"stopped"}`) || !json.Valid([]byte(lines[0])) || json.Valid([]byte(lines[1])) {
		t.Errorf("the file has %q", lines)
	}
	if a.Lost() != 1 || len(reported) != 1 {
		t.Errorf("%d lost, %v reported; want 1 and one error", a.Lost(), reported)
	}
}

// TestAuditFileIsFollowed: after a rename and after a removal there is a new file, and what was there is kept.
func TestAuditFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	write := func(events ...observe.AuditName) {
		a, err := observe.OpenAudit(observe.AuditOptions{Path: path, Now: auditTime})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			a.Record(observe.AuditEvent{Name: e})
			eventually(t, func() bool {
				text, err := os.ReadFile(path)
				return err == nil && strings.Contains(string(text), string(e))
			})
			if i == 0 {
				if err := os.Rename(path, path+".1"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if a.Lost() != 0 {
			t.Errorf("%d lost", a.Lost())
		}
	}
	write(observe.AuditStarted, observe.AuditReloaded, observe.AuditStopped)
	for name, want := range map[string][]string{path: {"settings_reloaded", "stopped"}, path + ".1": {"started"}} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(readAudit(t, string(text)))); diff != "" {
			t.Errorf("%s: %s", filepath.Base(name), diff)
		}
		if is, err := os.Stat(name); err != nil || is.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, is.Mode(), err)
		}
	}
	if _, err := observe.OpenAudit(observe.AuditOptions{Path: t.TempDir(), Now: auditTime}); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a directory: got %v", err)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it was not so within a minute")
		}
	}
}
