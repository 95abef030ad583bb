//go:build live

package e2e

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// uploadSettings let one user do all that these tests do.
func uploadSettings() map[string]string {
	return map[string]string{
		"SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER": "0", "SIDECAR_UPLOAD_MAX_AT_ONCE": "0", "SIDECAR_UPLOAD_MAX_BYTES": "1GiB", "SIDECAR_DB_CONNS": "16",
		"SIDECAR_STORE_TIMEOUT": "20s", // SQLite with one user more than 1,000 times at once
	}
}

// TestUploadsSurviveKills: a sidecar that is killed while it takes many files leaves whole ones, or none, and the next one
// cleans up.
func TestUploadsSurviveKills(t *testing.T) {
	const rounds, clients, size = 5, 60, 200 << 10
	program, site := sidecarProgram(t), newUploadSite(t, t.TempDir(), uploadSettings())
	told, found := 0, 0
	for round := range rounds {
		process, addr := site.startProcess(t, program)
		if left := filesBelow(t, site.state); len(left) > 0 {
			t.Errorf("after a start there is %v", left)
		}
		answered := make(chan string, 10*clients)
		var running sync.WaitGroup
		for n := range clients {
			running.Go(func() {
				for i := range 10 { // until it is killed
					name := fmt.Sprintf("%d-%d-%d.txt", round, n, i)
					first, rest := uploadForm(name, size)
					u, err := beginUpload(t.Context(), addr, site.cookie, first, len(first)+len(rest))
					if err != nil {
						return
					}
					status, text, err := u.end(rest)
					if err != nil {
						return
					}
					if status != http.StatusCreated || !strings.Contains(text, name) {
						t.Errorf("got %d %s", status, text)
					}
					answered <- name
				}
			})
		}
		for range 20 + rand.IntN(2*clients) { // all are going on by then
			<-answered
			told++
		}
		kill(t, process)
		running.Wait()
		told += len(answered)
	}
	process, _ := site.startProcess(t, program)
	defer kill(t, process)
	for name, bytes := range filesBelow(t, site.root) {
		found++
		content, err := os.ReadFile(filepath.Join(site.root, name))
		if err != nil || bytes != size || strings.Trim(string(content), "x") != "" {
			t.Errorf("%s is no whole file: %d bytes, %v", name, bytes, err)
		}
	}
	if left := filesBelow(t, site.state); len(left) > 0 {
		t.Errorf("after a start there is %v", left)
	}
	t.Logf("%d kills: %d uploads were answered, %d whole files are there", rounds, told, found)
	if found < told || found > told+rounds*clients {
		t.Error("that is not what was answered")
	}
}

// residentKiB is what a process has in memory, VmRSS, or has had at most, VmHWM.
func residentKiB(t *testing.T, pid int, field string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Fatalf("no %s in %s", field, status)
	}
	n, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestUploadMemory: each upload has its buffer and little more, however many there are, and a large one has no more.
func TestUploadMemory(t *testing.T) {
	const uploads, mostKiB = 1000, 512
	site := newUploadSite(t, memoryDir(t), uploadSettings())
	process, addr := site.startProcess(t, sidecarProgram(t))
	admin := "unix:" + filepath.Join(filepath.Dir(site.root), "admin.sock")
	one, oneRest := uploadForm("warm.txt", 1<<20)
	if status, text, err := mustBegin(t, addr, site.cookie, one, len(one)+len(oneRest)).end(oneRest); err != nil || status != http.StatusCreated {
		t.Fatalf("got %d %s, %v", status, text, err)
	}
	before := residentKiB(t, process.Pid(), "VmRSS")
	var slow []*slowUpload
	first, rest := uploadForm("slow.txt", 600<<10) // more than the buffer, so that all of it is used
	for range uploads {
		slow = append(slow, mustBegin(t, addr, site.cookie, first, len(first)+len(rest)))
	}
	waitFor(t, 60*time.Second, "all of them going on", func() bool {
		return strings.Contains(metricsOf(t, admin), fmt.Sprintf("uploads_in_flight %d\n", uploads))
	})
	for _, u := range slow {
		if _, err := io.WriteString(u.conn, rest[:len(rest)-100]); err != nil {
			t.Fatal(err)
		}
	}
	if status, text, err := mustBegin(t, addr, site.cookie, one, len(one)+len(oneRest)).end(oneRest); err != nil || status != http.StatusCreated {
		t.Errorf("an honest client meanwhile: got %d %s, %v", status, text, err)
	}
	for _, u := range slow {
		if status, text, err := u.end(rest[len(rest)-100:]); err != nil || status != http.StatusCreated {
			t.Fatalf("got %d %s, %v", status, text, err)
		}
	}
	most := residentKiB(t, process.Pid(), "VmHWM")
	t.Logf("%d KiB before, %d KiB at most with %d slow uploads: %d KiB an upload", before, most, uploads, (most-before)/uploads)
	if most-before > uploads*mostKiB {
		t.Errorf("more than %d KiB an upload", mostKiB)
	}
}

func mustBegin(t *testing.T, addr, cookie, body string, length int) *slowUpload {
	t.Helper()
	u, err := beginUpload(t.Context(), addr, cookie, body, length)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestBase64Memory: a large part in base64 is decoded as it comes.
func TestBase64Memory(t *testing.T) {
	const mebibytes, mostKiB = 300, 512
	site := newUploadSite(t, memoryDir(t), uploadSettings())
	process, addr := site.startProcess(t, sidecarProgram(t))
	head := "--+++++\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	const tail = "\r\n--+++++--\r\n"
	chunk := base64.StdEncoding.EncodeToString(make([]byte, 768<<10)) // 1 MiB of text
	send := func(mib int) {
		u := mustBegin(t, addr, site.cookie, head, len(head)+mib<<20+len(tail))
		for range mib {
			if _, err := io.WriteString(u.conn, chunk); err != nil {
				t.Fatal(err)
			}
		}
		status, text, err := u.end(tail)
		if err != nil || status != http.StatusCreated || !strings.Contains(text, fmt.Sprintf(`"size":%d,`, mib*768<<10)) {
			t.Fatalf("got %d %s, %v", status, text, err)
		}
	}
	send(8) // so that all is there that one upload needs
	before := residentKiB(t, process.Pid(), "VmHWM")
	send(mebibytes)
	after := residentKiB(t, process.Pid(), "VmHWM")
	t.Logf("%d KiB after 8 MiB of base64, %d KiB after %d MiB more", before, after, mebibytes)
	if after-before > 8*mostKiB { // what the garbage collector lets lie is a few MiB, and no more
		t.Errorf("%d KiB more", after-before)
	}
}
