//go:build live

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"django-sidecar/internal/djangotest"
)

// auditLog is the audit log of a sidecar, read as far as its test has looked at it.
type auditLog struct {
	path string
	read int
}

// lines are those of the file, and before them those of the one that was renamed.
func (a *auditLog) lines(t *testing.T) (lines []map[string]any) {
	t.Helper()
	for _, file := range []string{a.path + ".1", a.path} {
		text, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var m map[string]any
			if json.Unmarshal([]byte(line), &m) == nil { // the last one may be half there
				lines = append(lines, m)
			}
		}
	}
	return lines
}

// next waits for the next line, which must be of this event.
func (a *auditLog) next(t *testing.T, event string) (line map[string]any) {
	t.Helper()
	eventually(t, func() bool {
		lines := a.lines(t)
		if len(lines) <= a.read {
			return false
		}
		line = lines[a.read]
		return true
	})
	a.read++
	if line["event"] != event {
		t.Fatalf("got %v, want an event %s", line, event)
	}
	return line
}

// members are some members of a line.
func members(line map[string]any, names ...string) map[string]any {
	some := map[string]any{}
	for _, name := range names {
		if value, ok := line[name]; ok {
			some[name] = value
		}
	}
	return some
}

// sendRequest sends a request with a cookie, and returns the status of its answer and the answer's Location.
func sendRequest(t *testing.T, client *http.Client, method, url, cookie, body string, headers ...string) (status int, location string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", cookie)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // it has been read
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, a.Header.Get("Location")
}

// TestAuditLogThatCannotBeOpened: check says so, and what to do, as serve does at its start. It leaves no file behind.
func TestAuditLogThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	newUploadSite(t, dir, nil)
	for path, want := range map[string]string{
		filepath.Join(dir, "audit.log"):         "",
		filepath.Join(dir, "none", "audit.log"): "no such file or directory",
		dir:                                     "is no regular file",
	} {
		t.Setenv("SIDECAR_AUDIT_LOG", path)
		_, said := command(t, "", "check")
		line := regexp.MustCompile(`(?m)^FAIL +audit log +SIDECAR_AUDIT_LOG: .*` + regexp.QuoteMeta(want) + `; its folder must be there.*$`)
		if found := line.MatchString(said); found != (want != "") {
			t.Errorf("%s:\n%s", path, said)
		}
	}
	if entries, err := filepath.Glob(filepath.Join(dir, "*audit*")); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if entries, err := filepath.Glob(filepath.Join(dir, ".django-sidecar-check*")); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestAudit: the program writes each event that docs/audit.md names, as the page says, and nothing secret.
func TestAudit(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "audit.log"), filepath.Join(dir, "secret")
	log := &auditLog{path: path}
	if err := os.WriteFile(key, []byte(rigSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	authority := djangotest.NewAuthority(t)
	pair := authority.Write(t, dir, "server", x509.ExtKeyUsageServerAuth, time.Hour)
	site := newUploadSite(t, dir, map[string]string{"SIDECAR_UPLOAD_EXTENSIONS": ".txt"})
	for name, value := range map[string]string{
		"DJANGO_SECRET_KEY": "", "DJANGO_SECRET_KEY_FILE": key, "SIDECAR_AUDIT_LOG": path,
		"SIDECAR_TLS_CERT_FILE": pair.Certificate, "SIDECAR_TLS_KEY_FILE": pair.Key,
	} {
		t.Setenv(name, value)
	}
	process, addr := site.startProcess(t, sidecarProgram(t))
	url, roots := "https://"+addr, x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.PEM))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	want := func(got, want map[string]any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	started := log.next(t, "started")
	want(members(started, "listen", "msg"), map[string]any{"listen": addr, "msg": "audit"})
	fingerprint := regexp.MustCompile(`^[0-9a-f]{12} \(SECRET_KEY\)$`)
	if keys, _ := started["keys"].(string); !fingerprint.MatchString(keys) {
		t.Errorf("keys are %v", started["keys"])
	}

	// Uploads: of nobody, with a wrong ending, stored; by a form and by tus.
	form, rest := uploadForm("a.txt", 10)
	formType := []string{"Content-Type", "multipart/form-data; boundary=+++++"}
	status, _ := sendRequest(t, client, http.MethodPost, url+"/upload", "sessionid=nobodys-key-0123456789", form+rest, formType...)
	want(members(log.next(t, "upload_denied"), "reason", "status", "method", "path"),
		map[string]any{"reason": "not_found", "status": 401., "method": "POST", "path": "/upload"})
	if status != http.StatusUnauthorized {
		t.Errorf("a stranger's upload: got %d", status)
	}
	status, _ = sendRequest(t, client, http.MethodPost, url+"/upload", site.cookie, form+rest, formType...)
	stored := log.next(t, "upload_stored")
	ada := members(stored, "user_id", "session", "remote")
	if status != http.StatusCreated || len(ada) != 3 || stored["original_name"] != "a.txt" || stored["size"] != 10. || len(fmt.Sprint(stored["sha256"])) != 64 {
		t.Errorf("got %d and %v", status, stored)
	}
	if content, err := os.ReadFile(filepath.Join(site.root, fmt.Sprint(stored["name"]))); err != nil || len(content) != 10 {
		t.Errorf("the file that was stored: %q, %v", content, err)
	}
	picture, rest := uploadForm("a.exe", 10)
	sendRequest(t, client, http.MethodPost, url+"/upload", site.cookie, picture+rest, formType...)
	denied := log.next(t, "upload_denied")
	want(members(denied, "status", "user_id", "session", "remote"), map[string]any{"status": 415., "user_id": ada["user_id"], "session": ada["session"], "remote": ada["remote"]})
	if denied["reason"] != "Files of this kind are not taken." {
		t.Errorf("denied, because %q", denied["reason"])
	}
	tus := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "3", "Upload-Metadata", "filename Yi50eHQ="} // b.txt
	status, location := sendRequest(t, client, http.MethodPost, url+"/tus/", site.cookie, "", tus...)
	if status != http.StatusCreated {
		t.Fatalf("tus: got %d", status)
	}
	at := url + "/" + strings.TrimPrefix(strings.TrimPrefix(location, url), "/")
	patch := []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"}
	sendRequest(t, client, http.MethodPatch, at, site.other, "abc", patch...)
	want(members(log.next(t, "upload_denied"), "status", "method"), map[string]any{"status": 404., "method": "PATCH"})
	sendRequest(t, client, http.MethodPatch, at, site.cookie, "abc", patch...)
	want(members(log.next(t, "upload_stored"), "original_name", "size", "method", "user_id", "session", "remote"), map[string]any{
		"original_name": "b.txt", "size": 3., "method": "PATCH", "user_id": ada["user_id"], "session": ada["session"], "remote": ada["remote"],
	})

	// A user who is no longer active; only the first answer is an event.
	db := openSQLite(t, filepath.Join(dir, "db.sqlite3"))
	if _, err := db.ExecContext(t.Context(), "UPDATE auth_user SET is_active = 0 WHERE id = ?", ada["user_id"]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		sendRequest(t, client, http.MethodGet, url+"/auth/nginx", site.cookie, "")
	}
	want(members(log.next(t, "session_ended"), "reason", "user_id", "session", "path"), map[string]any{
		"reason": "user_inactive", "user_id": ada["user_id"], "session": ada["session"], "path": "/auth/nginx",
	})

	// Secrets and certificates; a rotation of the file between two events.
	replaceFile(t, key, "another secret key")
	reloaded := log.next(t, "settings_reloaded")
	if reloaded["keys"] == started["keys"] || reloaded["certificate_ends"] != started["certificate_ends"] {
		t.Errorf("after another key: %v, and before it %v", reloaded, started)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, pair.Certificate, "a broken certificate")
	if refused := log.next(t, "settings_refused"); !strings.Contains(fmt.Sprint(refused["error"]), "SIDECAR_TLS") {
		t.Errorf("a broken certificate: %v", refused)
	}
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-process.Exited()
	log.next(t, "stopped")
	events := map[string]int{}
	for _, line := range log.lines(t) {
		events[fmt.Sprint(line["event"])]++
	}
	if diff := cmp.Diff(map[string]int{
		"started": 1, "upload_denied": 3, "upload_stored": 2, "session_ended": 1, "settings_reloaded": 1, "settings_refused": 1, "stopped": 1,
	}, events); diff != "" {
		t.Error(diff)
	}
	for _, file := range []string{path, path + ".1"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{rigSecret, "another secret key", "a broken certificate", "nobodys-key", strings.TrimPrefix(site.cookie, "sessionid=")} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has %q", filepath.Base(file), secret)
			}
		}
	}
}

// TestAuditOnAFullDisk: requests are answered as before, the metric says what is lost, and it goes on when there is room.
func TestAuditOnAFullDisk(t *testing.T) {
	if !djangotest.OwnMounts(t) {
		return
	}
	dir, disk := t.TempDir(), t.TempDir()
	djangotest.Mount(t, "tmpfs", disk, "tmpfs", 0, "size=64k")
	defer djangotest.Unmount(t, disk, unix.MNT_DETACH)
	path, ballast := filepath.Join(disk, "audit.log"), filepath.Join(disk, "ballast")
	log := &auditLog{path: path}
	site := newUploadSite(t, dir, map[string]string{"SIDECAR_AUDIT_LOG": path})
	process, addr := site.startProcess(t, sidecarProgram(t))
	defer kill(t, process)
	log.next(t, "started")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	deny := func() {
		t.Helper()
		if status, _ := sendRequest(t, http.DefaultClient, http.MethodPost, "http://"+addr+"/upload", site.cookie, "no form", "Content-Type", "multipart/form-data"); status != http.StatusBadRequest {
			t.Errorf("got %d", status)
		}
	}
	const lost = "django_sidecar_audit_events_lost_total "
	admin := filepath.Join(filepath.Dir(site.root), "admin.sock")
	eventually(t, func() bool { // what is left of the last page is filled first
		deny()
		return !strings.Contains(metricsOf(t, "unix:"+admin), "\n"+lost+"0\n")
	})
	if metrics := metricsOf(t, "unix:"+admin); !strings.Contains(metrics, "\n"+lost) {
		t.Error("the metric is not there")
	}
	if status, _ := sendRequest(t, http.DefaultClient, http.MethodGet, "http://"+addr+"/authenticate", site.cookie, ""); status != http.StatusOK {
		t.Errorf("a live session: got %d", status)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	form, rest := uploadForm("a.txt", 10)
	sendRequest(t, http.DefaultClient, http.MethodPost, "http://"+addr+"/upload", site.cookie, form+rest, "Content-Type", "multipart/form-data; boundary=+++++")
	eventually(t, func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		last := map[string]any{}
		return json.Unmarshal([]byte(all[len(all)-1]), &last) == nil && last["event"] == "upload_stored"
	})
}

// replaceFile puts another file in the place of one, as Kubernetes and certbot do.
func replaceFile(t *testing.T, path, content string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", []byte(content), 0o600), os.Rename(path+".new", path)); err != nil {
		t.Error(err) // other goroutines call it, too
	}
}
