//go:build live && bench

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	speedRounds = 3

	plainVariable = "UPLOADS_PLAIN_SERVER" // where the server with no more than io.Copy listens, in the process that is it
	plainFolder   = "UPLOADS_PLAIN_FOLDER"
)

// init is the server with no more than io.Copy, in a process of its own, whose processor time is measured.
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
	name    string
	addr    string
	pid     int
	cookie  string
	folder  string // where its files go
	raw     bool   // it takes no forms
	seconds []float64
	cpu     []float64
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nobody has used it
	return listener.Addr().String()
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
	s := &speedServer{name: "io.Copy of a raw body", addr: freeAddress(t), folder: filepath.Join(base, "plain"), raw: true}
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
	s := &speedServer{name: "gunicorn and Django 5.2", addr: freeAddress(t), folder: filepath.Join(base, "django")}
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

// upload sends one file, and removes it.
func (s *speedServer) upload(t *testing.T) {
	t.Helper()
	head, tail := "--+++++\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\n\r\n", "\r\n--+++++--\r\n"
	contentType := "multipart/form-data; boundary=+++++"
	if s.raw {
		head, tail, contentType = "", "", "application/octet-stream"
	}
	chunk := make([]byte, 256<<10)
	_, _ = rand.Read(chunk) // as photos and archives are
	before, start := processorSeconds(t, s.pid), time.Now()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		s.cookie, contentType, len(head)+speedBytes+len(tail), head)
	for n := 0; n < speedBytes && err == nil; n += len(chunk) {
		_, err = conn.Write(chunk)
	}
	if err == nil {
		_, err = io.WriteString(conn, tail)
	}
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	answer, err := io.ReadAll(conn)
	if err = errors.Join(err, conn.Close()); err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 201 ")) {
		t.Fatalf("%s: %v, %.300s", s.name, err, answer)
	}
	s.seconds = append(s.seconds, time.Since(start).Seconds())
	s.cpu = append(s.cpu, processorSeconds(t, s.pid)-before)
	for name, size := range filesBelow(t, s.folder) {
		if size != speedBytes {
			t.Errorf("%s: %s has %d bytes", s.name, name, size)
		}
		if err := os.Remove(filepath.Join(s.folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// TestUploadSpeed sends 1 GiB to each server in turn, several times, and prints the medians.
func TestUploadSpeed(t *testing.T) {
	program := sidecarProgram(t)
	for place, base := range map[string]string{"in memory (/dev/shm)": memoryDir(t), "on the disk": t.TempDir()} {
		t.Run(place, func(t *testing.T) {
			servers := []*speedServer{
				newSidecarServer(t, base, program, "the sidecar, with SHA-256", "sha256"), newSidecarServer(t, base, program, "the sidecar, without a digest", "none"),
				newPlainServer(t, base), newDjangoServer(t, base),
			}
			for range speedRounds {
				for _, s := range servers {
					s.upload(t)
				}
			}
			plain, django := servers[2], servers[3]
			for _, s := range servers {
				seconds := median(s.seconds)
				t.Logf("%-32s %5.2f GB/s (%.2f to %.2f)  %5.2f CPU seconds per GiB  %5.2f of io.Copy's speed  %5.2f times Django's", s.name,
					speedBytes/seconds/1e9, speedBytes/slices.Max(s.seconds)/1e9, speedBytes/slices.Min(s.seconds)/1e9, median(s.cpu),
					median(plain.seconds)/seconds, median(django.seconds)/seconds)
			}
		})
	}
}
