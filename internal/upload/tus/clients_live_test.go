//go:build live

package tus_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/upload/tus"
)

// clientDir is where tools/setup.sh installs tus-js-client and Uppy.
func clientDir(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(cache, "django-sidecar", "tus-client")
	for _, name := range []string{"tus-js-client", "@uppy/tus", "@uppy/core"} {
		if _, err := os.Stat(filepath.Join(dir, "node_modules", name, "package.json")); err != nil {
			tb.Fatalf("%s of npm is missing; run `make setup`: %v", name, err)
		}
	}
	if _, err := exec.LookPath("node"); err != nil {
		tb.Fatalf("Node is missing; install nodejs: %v", err)
	}
	return dir
}

// clientJob is what testdata/tus/client.mjs is to do.
type clientJob struct {
	Client                   string `json:"client"`
	Endpoint                 string `json:"endpoint"`
	File                     string `json:"file"`
	Name                     string `json:"name"`
	Cookie                   string `json:"cookie"`
	ChunkSize                int    `json:"chunkSize,omitempty"`
	UploadDataDuringCreation bool   `json:"uploadDataDuringCreation,omitempty"`
	UploadLengthDeferred     bool   `json:"uploadLengthDeferred,omitempty"`
	AbortAt                  *int   `json:"abortAt,omitempty"`
}

// clientResult is what it prints.
type clientResult struct {
	URL, Name, Digest string
	Status            int
	Aborted           bool
}

// clientRun runs the client; disturb is called again and again until it ends.
func clientRun(t *testing.T, dir string, j clientJob, disturb func()) clientResult {
	t.Helper()
	script, err := filepath.Abs("../../../testdata/tus/client.mjs")
	if err != nil {
		t.Fatal(err)
	}
	argument, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", script, string(argument))
	var out, errs strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		pause := time.NewTimer(time.Duration(5+rand.IntN(120)) * time.Millisecond)
		select {
		case err := <-ended:
			pause.Stop()
			var r clientResult
			if err := errors.Join(err, json.Unmarshal([]byte(out.String()), &r)); err != nil {
				t.Fatalf("%v\n%s\n%.4000s", err, out.String(), errs.String())
			}
			return r
		case <-pause.C:
			disturb()
		}
	}
}

// TestClients: what the clients that people use send arrives as it was, whatever happens to their connections.
func TestClients(t *testing.T) {
	dir := clientDir(t)
	for _, c := range []struct {
		name string
		job  clientJob
		size int
	}{
		{"tus-js-client, empty", clientJob{Client: "tus"}, 0},
		{"tus-js-client, one byte", clientJob{Client: "tus"}, 1},
		{"tus-js-client, one request", clientJob{Client: "tus"}, 40 << 20},
		{"tus-js-client, chunks", clientJob{Client: "tus", ChunkSize: 300_000}, 10 << 20},
		{"tus-js-client, with its creation", clientJob{Client: "tus", UploadDataDuringCreation: true}, 100_000},
		{"tus-js-client, chunks with their creation", clientJob{Client: "tus", UploadDataDuringCreation: true, ChunkSize: 200_000}, 5 << 20},
		{"tus-js-client, length deferred", clientJob{Client: "tus", UploadLengthDeferred: true, ChunkSize: 250_000}, 5<<20 + 7},
		{"Uppy, empty", clientJob{Client: "uppy"}, 0},
		{"Uppy, one request", clientJob{Client: "uppy"}, 40 << 20},
		{"Uppy, chunks", clientJob{Client: "uppy", ChunkSize: 1 << 20}, 20 << 20},
	} {
		for _, disturbed := range []bool{false, true} {
			name := c.name
			if disturbed {
				name += ", disturbed"
			}
			t.Run(name, func(t *testing.T) {
				s := newSite(t, func(o *tus.Options) { o.Now = time.Now })
				proxy := djangotest.NewFaultProxy(t, strings.TrimPrefix(s.server.URL, "http://"))
				content := random(uint64(c.size), c.size)
				file := filepath.Join(t.TempDir(), "content")
				if err := os.WriteFile(file, content, 0o600); err != nil {
					t.Fatal(err)
				}
				j := c.job
				j.Endpoint, j.File, j.Name, j.Cookie = "http://"+proxy.Addr()+"/tus/", file, "ä b.bin", "sessionid=alice"
				faults := 0
				r := clientRun(t, dir, j, func() {
					if disturbed {
						disturb(proxy)
						faults++
					}
				})
				expectUpload(t, s, r, content)
				t.Logf("%d bytes, %d faults", c.size, faults)
			})
		}
	}
}

// disturb does something to all connections, and leaves things as they should be.
func disturb(proxy *djangotest.FaultProxy) {
	switch rand.IntN(4) {
	case 0:
		proxy.SetMode(djangotest.Reset())
	case 1:
		proxy.SetMode(djangotest.Refuse())
	case 2: // the client only learns of it by the reset; the server has a dead request meanwhile
		proxy.SetMode(djangotest.BlackHole())
		proxy.SetMode(djangotest.Reset())
	default: // in the middle of an answer, of which there is none as long as a body is sent
		proxy.SetMode(djangotest.CutAfter(1 + rand.IntN(300)))
		return
	}
	proxy.SetMode(djangotest.Pass())
}

// expectUpload fails the test unless a content was published, told of once, and the client knows it.
func expectUpload(t *testing.T, s *site, r clientResult, content []byte) {
	t.Helper()
	sum, err := hex.DecodeString(sha256Hex(content))
	if err != nil {
		t.Fatal(err)
	}
	told := s.told()
	// A creation whose answer was lost is made again: an upload that is complete with it is there twice.
	found := files(t, s.root)
	if len(told) != len(found) {
		t.Errorf("%d files, told of %d", len(found), len(told))
	}
	known := false
	for _, u := range told {
		if u.SHA256 != hex.EncodeToString(sum) || found[u.Name] != string(content) || u.OriginalName != "ä b.bin" {
			t.Errorf("%s has %d of %d bytes, or others", u.Name, len(found[u.Name]), len(content))
		}
		known = known || strings.ReplaceAll(strings.ReplaceAll(u.Name, "ä", "%C3%A4"), " ", "%20") == r.Name
	}
	if !known || r.Digest != "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":" || !strings.Contains(r.URL, "/tus/") {
		t.Errorf("the client has %+v", r)
	}
	s.expectNoReports()
}

// TestClientTerminates: tus-js-client's abort(true) removes the upload.
func TestClientTerminates(t *testing.T) {
	dir := clientDir(t)
	s := newSite(t, nil)
	file := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(file, random(9, 30<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	at := 1 << 20
	r := clientRun(t, dir, clientJob{
		Client: "tus", Endpoint: s.server.URL + "/tus/", File: file, Name: "a.bin", Cookie: "sessionid=alice", AbortAt: &at, ChunkSize: 1 << 20,
	}, func() {})
	if !r.Aborted {
		t.Fatalf("got %+v", r)
	}
	s.do("HEAD", strings.TrimPrefix(r.URL, s.server.URL), nil, nil).want(t, 404)
	if n := len(files(t, s.root)) + len(files(t, s.state)); n != 0 {
		t.Errorf("%d files stay", n)
	}
	s.expectNoReports()
}

// TestClientRefused: a client without a session is told so, and gives up.
func TestClientRefused(t *testing.T) {
	dir := clientDir(t)
	s := newSite(t, nil)
	for _, client := range []string{"tus", "uppy"} {
		script, err := filepath.Abs("../../../testdata/tus/client.mjs")
		if err != nil {
			t.Fatal(err)
		}
		argument := fmt.Sprintf(`{"client": %q, "endpoint": %q, "file": %q, "name": "a", "cookie": "sessionid=nobody"}`, client, s.server.URL+"/tus/", script)
		cmd := exec.CommandContext(t.Context(), "node", script, argument)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "401") {
			t.Errorf("%s: %v\n%s", client, err, out)
		}
	}
}
