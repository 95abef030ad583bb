package tus_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"django-sidecar/internal/upload/tus"
)

func init() { roles["server"] = serve }

// serve serves uploads until it is killed: its arguments are MEDIA_ROOT, the state directory, and a file that has a line
// for each file that Published is told of.
func serve() error {
	dir, err := openDir(os.Args[1], os.Args[2])
	if err != nil {
		return err
	}
	told, err := os.OpenFile(os.Args[3], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s := &site{}
	h, err := tus.New(tus.Options{
		Media: dir, Name: s.name, Now: time.Now, MaxBytes: maxBytes, Expiry: time.Hour, Digest: true,
		Published: func(_ context.Context, u tus.Upload) error {
			_, err := fmt.Fprintln(told, u.ID, u.SHA256, u.Name)
			return err
		},
	})
	if err != nil {
		return err
	}
	h.SyncEvery(10_000)
	if err := h.Sweep(context.Background()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Answer(w, r, tus.Visit{
			Owner:  func() (string, error) { return "1", nil },
			Report: func(err error) { fmt.Fprintln(os.Stderr, "reported:", err) },
		})
	}))
}

// job is one upload of a client's, across the lives of the server.
type job struct {
	seed    uint64
	content []byte
	path    string // "" until the server has told it
	acked   int    // what the server has said that it has
}

func newJob() *job {
	seed := rand.Uint64N(1 << 16)
	return &job{seed: seed, content: random(seed, 1+rand.IntN(200_000))}
}

// filename tells what the file must hold.
func (j *job) filename() string {
	return fmt.Sprintf("%d-%d-%016x.bin", j.seed, len(j.content), rand.Uint64())
}

var errDone = errors.New("the upload is done")

// step does one request, at random. An error of the connection ends the client until the next life.
func (j *job) step(tb testing.TB, client *http.Client, base string) error {
	if j.path == "" {
		return j.create(client, base)
	}
	a, err := ask(client, http.MethodHead, base+j.path, nil, nil)
	if err != nil {
		return err
	}
	offset, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	if a.StatusCode != 200 || err != nil || offset < j.acked || offset > len(j.content) {
		tb.Errorf("HEAD: %d, offset %q after %d of %d", a.StatusCode, a.Header.Get("Upload-Offset"), j.acked, len(j.content))
		return errDone
	}
	if j.acked = offset; offset == len(j.content) {
		if a.Header.Get("Upload-Name") == "" {
			tb.Error("it is complete and has no name")
		}
		return errDone
	}
	end := min(len(j.content), offset+1+rand.IntN(100_000))
	a, err = ask(client, http.MethodPatch, base+j.path, map[string]string{"Upload-Offset": strconv.Itoa(offset)}, j.content[offset:end])
	if err != nil {
		return err
	}
	if a.StatusCode != 204 || a.Header.Get("Upload-Offset") != strconv.Itoa(end) {
		tb.Errorf("PATCH: %d %s", a.StatusCode, a.body)
		return errDone
	}
	j.acked = end
	return nil
}

// create makes the upload, every now and then with its first bytes.
func (j *job) create(client *http.Client, base string) error {
	var body []byte
	if rand.IntN(2) == 0 {
		body = j.content[:rand.IntN(len(j.content)+1)]
	}
	a, err := ask(client, http.MethodPost, base+"/tus/", map[string]string{
		"Upload-Length": strconv.Itoa(len(j.content)), "Upload-Metadata": meta(j.filename()),
	}, body)
	if err != nil {
		return err
	}
	j.path, j.acked = a.Header.Get("Location"), len(body)
	return nil
}

func ask(client *http.Client, method, url string, header map[string]string, body []byte) (answer, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Content-Type", octets)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(response.Body)
	return answer{response, string(text)}, errors.Join(err, response.Body.Close())
}

// TestKilled: however often, and at whatever instant, the server is killed, what is under MEDIA_ROOT is whole and there
// once, and told of; and no byte is lost that the server had said it has.
func TestKilled(t *testing.T) {
	const lives, clients = 40, 5
	below := t.TempDir()
	root, state, told := filepath.Join(below, "media"), filepath.Join(below, "state"), filepath.Join(below, "told")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	jobs := make([]*job, clients)
	for i := range jobs {
		jobs[i] = newJob()
	}
	done := 0
	for life := range lives {
		done += live(t, []string{root, state, told}, jobs, life == lives-1)
		verifyWhole(t, root)
		if t.Failed() {
			return
		}
	}
	n := verifyTold(t, root, told)
	t.Logf("%d lives, %d files, %d of them by clients that know", lives, n, done)
	if done == 0 || n < done {
		t.Errorf("%d uploads are done, and there are %d files", done, n)
	}
}

// live starts a server, and kills it while clients upload; the last life ends when each has done its job. It returns how
// many were done.
func live(t *testing.T, args []string, jobs []*job, last bool) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roles.As("server"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err = errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(errors.Join(err, cmd.Wait()))
	}
	base := strings.TrimSpace(line)
	if !last {
		timer := time.AfterFunc(time.Duration(rand.IntN(100_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	var wait sync.WaitGroup
	done := make([]int, len(jobs))
	for i := range jobs {
		wait.Go(func() {
			for {
				switch err := jobs[i].step(t, client, base); {
				case errors.Is(err, errDone):
					done[i]++
					if jobs[i] = newJob(); last || t.Failed() {
						return
					}
				case err != nil:
					return
				}
			}
		})
	}
	wait.Wait()
	transport.CloseIdleConnections()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return sum
}

// verifyWhole fails the test unless every file is what its name says, and published once.
func verifyWhole(t *testing.T, root string) {
	t.Helper()
	for name, content := range files(t, root) {
		var seed uint64
		var size int
		if n, err := fmt.Sscanf(name, "up/%d-%d-", &seed, &size); n != 2 || err != nil { // up/2_… is a second time
			t.Errorf("%s: %v", name, err)
		} else if content != string(random(seed, size)) {
			t.Errorf("%s has %d bytes, and is not whole", name, len(content))
		}
	}
}

// verifyTold fails the test unless each file was told of, always under one id, and nothing else was.
func verifyTold(t *testing.T, root, told string) int {
	t.Helper()
	text, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	ids, found := map[string]string{}, files(t, root)
	again := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		id, sum, name := f[0], f[1], f[2]
		if before := ids[name]; before == id {
			again++
		} else if before != "" {
			t.Errorf("%s was told of as %s and %s", name, before, id)
		}
		ids[name] = id
		if content, ok := found[name]; !ok || sha256Hex([]byte(content)) != sum {
			t.Errorf("%s was told of, and is not that", name)
		}
	}
	for name := range found {
		if ids[name] == "" {
			t.Errorf("nobody was told of %s", name)
		}
	}
	t.Logf("told of %d of them again", again)
	return len(found)
}
