//go:build live && bench

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

const (
	speedBytes  = 1 << 30
	speedRounds = 7
	speedChunk  = 8 << 20 // of the tus uploads that are sent in chunks

	plainVariable = "UPLOADS_PLAIN_SERVER" // where the server with no more than io.Copy listens, in the process that is it
	plainFolder   = "UPLOADS_PLAIN_FOLDER"
)

// init is the server with no more than io.Copy, as in the PATCH of tusd, in a process of its own, whose processor time is
// measured.
func init() {
	if os.Getenv(plainVariable) == "" {
		return
	}
	server := http.Server{Addr: os.Getenv(plainVariable), ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(plainUpload)}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

func plainUpload(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		return // somebody asks whether it is there
	}
	f, err := os.CreateTemp(os.Getenv(plainFolder), "")
	if err == nil {
		_, err = io.Copy(f, r.Body)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// djangoSite is a view that saves a form's file, with its temporary file on the same file system.
const djangoSite = `
import os
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], MEDIA_ROOT=os.environ["DJANGO_MEDIA_ROOT"],
    FILE_UPLOAD_TEMP_DIR=os.environ["DJANGO_MEDIA_ROOT"])
import django
django.setup()
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.urls import path

def view(request):
    for f in request.FILES.values():
        default_storage.save(f.name, f)
    return HttpResponse(status=201)

urlpatterns = [path("upload", view)]
from django.core.handlers.wsgi import WSGIHandler
application = WSGIHandler()

if __name__ == "__main__":
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server
    host, port = os.environ["DJANGO_LISTEN"].split(":")
    make_server(host, int(port), application).serve_forever()
`

// speedServer is a server that is measured.
type speedServer struct {
	name   string
	addr   string
	pid    int
	cookie string
	folder string // where its files go
}

// startSpeedServer runs a command until something answers.
func startSpeedServer(t *testing.T, cmd *exec.Cmd, addr string) int {
	t.Helper()
	return djangotest.StartProcess(t.Context(), t, cmd, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}).Pid()
}

func newSidecarServer(t *testing.T, base, program, name, digest string) *speedServer {
	t.Helper()
	settings := uploadSettings()
	settings["SIDECAR_UPLOAD_DIGEST"], settings["SIDECAR_UPLOAD_MAX_BYTES"] = digest, "2GiB"
	folder := filepath.Join(base, "sidecar-"+digest)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	site := newUploadSite(t, folder, settings)
	process, addr := site.startProcess(t, program)
	return &speedServer{name: name, addr: addr, pid: process.Pid(), cookie: site.cookie, folder: site.root}
}

func newPlainServer(t *testing.T, base string) *speedServer {
	t.Helper()
	s := &speedServer{name: "io.Copy to a file", addr: djangotest.FreeAddr(t), folder: filepath.Join(base, "plain")}
	if err := os.Mkdir(s.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), plainVariable+"="+s.addr, plainFolder+"="+s.folder)
	s.pid = startSpeedServer(t, cmd, s.addr)
	return s
}

// newDjangoServer is gunicorn with one worker where it can be had, wsgiref otherwise.
func newDjangoServer(t *testing.T, base string) *speedServer {
	t.Helper()
	s := &speedServer{name: "gunicorn and Django 5.2", addr: djangotest.FreeAddr(t), folder: filepath.Join(base, "django")}
	packages := filepath.Join(base, "packages")
	if err := errors.Join(os.Mkdir(s.folder, 0o755), os.Mkdir(packages, 0o755), os.WriteFile(filepath.Join(packages, "site_of_uploads.py"), []byte(djangoSite), 0o600)); err != nil {
		t.Fatal(err)
	}
	python := djangotest.Python(t, "5.2")
	cmd := exec.Command(python, "-m", "gunicorn", "--bind", s.addr, "--workers", "1", "--timeout", "600", "site_of_uploads:application")
	if out, err := exec.CommandContext(t.Context(), python, "-m", "pip", "install", "-q", "--target", packages, "gunicorn").CombinedOutput(); err != nil {
		t.Logf("no gunicorn: %v\n%s", err, out)
		s.name = "wsgiref and Django 5.2"
		cmd = exec.Command(python, filepath.Join(packages, "site_of_uploads.py"))
	}
	cmd.Dir = packages
	cmd.Env = append(os.Environ(), "PYTHONPATH="+packages, "DJANGO_MEDIA_ROOT="+s.folder, "DJANGO_LISTEN="+s.addr)
	s.pid = startSpeedServer(t, cmd, s.addr)
	return s
}

// processorSeconds is what all processes of a group have used.
func processorSeconds(t *testing.T, group int) float64 {
	t.Helper()
	const ticks = 100 // a second, on Linux
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // proc(5), from the third on
		if fields[2] != strconv.Itoa(group) {
			continue
		}
		for _, field := range fields[11:13] {
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			total += n / ticks
		}
	}
	return total
}

// speedText is of lines as short as they come, some of which begin as the boundary does, with bytes of the boundary in all of
// them.
const speedText = "id;name;value-1;2026-11-22\r\n--;\"\";-;+\r\n"

// speedContents are what is sent again and again until the file is large enough.
func speedContents() map[string][]byte {
	random := make([]byte, 256<<10)
	_, _ = rand.Read(random) // as photos and archives are
	return map[string][]byte{"random bytes": random, "text of short lines": bytes.Repeat([]byte(speedText), len(random)/len(speedText))}
}

// speedClient is one connection, on which one file is sent.
type speedClient struct {
	*speedServer
	conn    net.Conn
	reader  *bufio.Reader
	content []byte
	sent    int
}

// ask sends a request with so many bytes of the file, and returns the header of the answer, which has to be this.
func (c *speedClient) ask(status int, request, headers, head string, size int, tail string) (http.Header, error) {
	_, err := fmt.Fprintf(c.conn, "%s HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nContent-Length: %d\r\n%s\r\n%s", request, c.cookie, len(head)+size+len(tail), headers, head)
	for end := c.sent + size; c.sent < end && err == nil; {
		rest := c.content[c.sent%len(c.content):]
		_, err = c.conn.Write(rest[:min(len(rest), end-c.sent)])
		c.sent += min(len(rest), end-c.sent)
	}
	if _, last := io.WriteString(c.conn, tail); err != nil || last != nil {
		return nil, errors.Join(err, last)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err == nil && response.StatusCode != status {
		err = fmt.Errorf("status %d, %.300s", response.StatusCode, text)
	}
	return response.Header, err
}

func (c *speedClient) form() error {
	_, err := c.ask(http.StatusCreated, "POST /upload", "Content-Type: multipart/form-data; boundary=+++++\r\n",
		"--+++++\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n\r\n", speedBytes, "\r\n--+++++--\r\n")
	return err
}

func (c *speedClient) body() error {
	_, err := c.ask(http.StatusCreated, "PATCH /upload", "", "", speedBytes, "")
	return err
}

// tus sends the file as tus-js-client does, in one PATCH where chunk is all of it.
func (c *speedClient) tus(chunk int) error {
	const version = "Tus-Resumable: 1.0.0\r\n"
	h, err := c.ask(http.StatusCreated, "POST /tus/", version+"Upload-Length: "+strconv.Itoa(speedBytes)+"\r\nUpload-Metadata: filename eC5iaW4=\r\n", "", 0, "")
	if err != nil {
		return err
	}
	at, err := url.Parse(h.Get("Location"))
	for err == nil && c.sent < speedBytes {
		_, err = c.ask(http.StatusNoContent, "PATCH "+at.Path,
			version+"Content-Type: application/offset+octet-stream\r\nUpload-Offset: "+strconv.Itoa(c.sent)+"\r\n", "", min(chunk, speedBytes-c.sent), "")
	}
	return err
}

// speedRow is one way to send a file to one server.
type speedRow struct {
	name    string
	server  *speedServer
	send    func(*speedClient) error
	seconds []float64
	cpu     []float64
}

// upload sends one file, and removes it.
func (r *speedRow) upload(t *testing.T, content []byte) {
	t.Helper()
	s := r.server
	before, start := processorSeconds(t, s.pid), time.Now()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	err = r.send(&speedClient{speedServer: s, conn: conn, reader: bufio.NewReader(conn), content: content})
	if err = errors.Join(err, conn.Close()); err != nil {
		t.Fatalf("%s, %s: %v", s.name, r.name, err)
	}
	r.seconds = append(r.seconds, time.Since(start).Seconds())
	r.cpu = append(r.cpu, processorSeconds(t, s.pid)-before)
	files := filesBelow(t, s.folder)
	if len(files) != 1 {
		t.Errorf("%s, %s: there are %d files", s.name, r.name, len(files))
	}
	for name, size := range files {
		if size != speedBytes {
			t.Errorf("%s, %s: %s has %d bytes", s.name, r.name, name, size)
		}
		if err := os.Remove(filepath.Join(s.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// times says how many times as fast a row was as another in the same round: the median, and the least and the most.
func (r *speedRow) times(other *speedRow) string {
	var ratios []float64
	for i, seconds := range r.seconds {
		ratios = append(ratios, other.seconds[i]/seconds)
	}
	return fmt.Sprintf("%5.2f (%.2f to %.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
}

// speedRows are the ways to send a file to servers of these files; the last two are what the others are compared with.
func speedRows(t *testing.T, base, program string) []*speedRow {
	t.Helper()
	var rows []*speedRow
	for _, digest := range []string{"sha256", "none"} {
		s := newSidecarServer(t, base, program, "the sidecar, digest "+digest, digest)
		rows = append(rows, &speedRow{name: "form", server: s, send: (*speedClient).form},
			&speedRow{name: "tus, one PATCH", server: s, send: func(c *speedClient) error { return c.tus(speedBytes) }},
			&speedRow{name: "tus, 8 MiB a PATCH", server: s, send: func(c *speedClient) error { return c.tus(speedChunk) }})
	}
	return append(rows, &speedRow{name: "body", server: newPlainServer(t, base), send: (*speedClient).body},
		&speedRow{name: "form", server: newDjangoServer(t, base), send: (*speedClient).form})
}

// TestUploadSpeed sends 1 GiB in each way in turn, several times, and prints the medians.
func TestUploadSpeed(t *testing.T) {
	program := sidecarProgram(t)
	for _, place := range []struct{ name, base string }{{"in memory", memoryDir(t)}, {"on the disk", t.TempDir()}} {
		t.Run(place.name, func(t *testing.T) {
			rows := speedRows(t, place.base, program)
			plain, django := rows[len(rows)-2], rows[len(rows)-1]
			for content, bytes := range speedContents() {
				for _, r := range rows {
					r.seconds, r.cpu = nil, nil
				}
				for range speedRounds {
					for _, r := range rows {
						r.upload(t, bytes)
					}
				}
				t.Logf("%s, %s: GB/s, CPU seconds per GiB, times as fast as io.Copy, and as Django", place.name, content)
				for _, r := range rows {
					t.Logf("%-27s %-18s  %5.2f (%.2f to %.2f)  %5.2f  %s  %s", r.server.name, r.name, speedBytes/median(r.seconds)/1e9,
						speedBytes/slices.Max(r.seconds)/1e9, speedBytes/slices.Min(r.seconds)/1e9, median(r.cpu), r.times(plain), r.times(django))
				}
			}
		})
	}
}
