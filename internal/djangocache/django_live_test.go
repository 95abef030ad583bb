//go:build live

package djangocache_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"django-sidecar/internal/djangotest"
)

// django is a real Django that writes sessions: testdata/caches.py.
type django struct {
	t    *testing.T
	talk *djangotest.Conversation
	// database is the file of its SQLite database.
	database string
}

const secretKey = "a secret key for tests of caches"

// startDjango starts a Django of a version with one cache, given as an entry of CACHES, and a session engine.
func startDjango(t *testing.T, version, engine string, cache map[string]any) *django {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(djangotest.Python(t, version), filepath.Join("testdata", "caches.py"))
	d := &django{t: t, talk: djangotest.Converse(t, "Django "+version, cmd), database: filepath.Join(dir, "db.sqlite3")}
	d.do(t, map[string]any{"op": "init", "engine": engine, "cache": cache, "database": d.database, "secret_key": secretKey})
	return d
}

type djangoAnswer struct {
	Error, Exception string
	User             *string

	// Of the operation look: whether the session is in the cache and in its row, and for how many seconds more; and
	// get_expiry_age().
	Cached, Row bool
	Left        float64
	Due         int
}

// look asks what there is of a session.
func (d *django) look(t *testing.T, key string) djangoAnswer {
	t.Helper()
	return d.do(t, map[string]any{"op": "look", "key": key})
}

// try sends a request and returns the answer to it.
func (d *django) try(t *testing.T, request map[string]any) djangoAnswer {
	t.Helper()
	var a djangoAnswer
	d.talk.Ask(t, request, &a)
	return a
}

func (d *django) do(t *testing.T, request map[string]any) djangoAnswer {
	t.Helper()
	a := d.try(t, request)
	if a.Error != "" {
		t.Fatalf("Django, %v: %s", request["op"], a.Error)
	}
	return a
}

func (d *django) put(t *testing.T, key string, entries map[string]any) {
	t.Helper()
	d.do(t, map[string]any{"op": "put", "key": key, "entries": entries})
}

func (d *django) setValue(t *testing.T, key, python string) {
	t.Helper()
	d.do(t, map[string]any{"op": "set_value", "key": key, "python": python})
}

func (d *django) simple(t *testing.T, op, key string) {
	t.Helper()
	d.do(t, map[string]any{"op": op, "key": key})
}
