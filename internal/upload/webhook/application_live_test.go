//go:build live

package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// djangoApp is testdata/webhook_app under a live Django, with the code of docs/uploads.md.
type djangoApp struct {
	version, media string
	addr           string
	command        []string
	client         *http.Client
}

// newDjangoApp prepares it; Start starts it.
func newDjangoApp(t *testing.T, version string) *djangoApp {
	t.Helper()
	dir := t.TempDir()
	a := &djangoApp{version: version, media: filepath.Join(dir, "media"), addr: djangotest.FreeAddr(t)}
	a.client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	documentedCode(t, filepath.Join(dir, "uploads"))
	_, port, err := net.SplitHostPort(a.addr)
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := json.Marshal(map[string]any{
		"port": port, "package": dir, "database": filepath.Join(dir, "db.sqlite3"), "media": a.media, "secret_key": secretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(djangotest.RepositoryPath(), "testdata", "webhook_app", "app.py")
	a.command = []string{djangotest.Python(t, version), "-W", "ignore", app, string(configuration)}
	return a
}

// documentedCode makes a Python package of the code in the section of docs/uploads.md.
func documentedCode(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "docs", "uploads.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Telling Django\n")
	section, _, _ = strings.Cut(section, "\n## ")
	files := map[string]string{"__init__.py": ""}
	for _, block := range regexp.MustCompile("(?s)```python\n# uploads/([a-z]+\\.py)\n(.*?)\n```").FindAllStringSubmatch(section, -1) {
		files[block[1]] = block[2] + "\n"
	}
	if files["models.py"] == "" || files["views.py"] == "" {
		t.Fatal("docs/uploads.md has no models.py or no views.py any more")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, code := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Start starts the application, and waits until it answers.
func (a *djangoApp) Start(t *testing.T) {
	t.Helper()
	djangotest.StartProcess(t.Context(), t, exec.Command(a.command[0], a.command[1:]...), func(ctx context.Context) error {
		code, err := a.ask(ctx, http.MethodGet, "/-/documents", "", nil)
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("it answers %d", code)
		}
		return err
	})
}

func (a *djangoApp) url() string { return "http://" + a.addr }

// ask sends a request, and reads JSON into the answer if there is to be one.
func (a *djangoApp) ask(ctx context.Context, method, path, body string, answer any) (code int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, a.url()+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if answer != nil {
		err = json.NewDecoder(response.Body).Decode(answer)
	}
	return response.StatusCode, err
}

// post sends a request to the webhook, and returns the status.
func (a *djangoApp) post(t *testing.T, method, body string) int {
	t.Helper()
	code, err := a.ask(t.Context(), method, "/webhooks/upload", body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// failOnce has the next webhook answered by 500.
func (a *djangoApp) failOnce(t *testing.T) {
	t.Helper()
	if code, err := a.ask(t.Context(), http.MethodPost, "/-/fail", "", nil); err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
}

// document is a row, and the file that its FileField opens.
type document struct {
	Owner, Name, URL string
	Size             int
	Content          string
}

// made is what the webhook has made so far.
type made struct {
	Django    string
	Events    []string
	Documents []document
}

func (a *djangoApp) made(t *testing.T) made {
	t.Helper()
	var m made
	if code, err := a.ask(t.Context(), http.MethodGet, "/-/documents", "", &m); err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	return m
}

// publish puts a file under MEDIA_ROOT, as an upload would.
func (a *djangoApp) publish(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(a.media, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}
