//go:build live

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/upload/webhook"
	"django-sidecar/signing"
)

// TestUploadsAreToldOf: what is uploaded, in one request or by tus, is told to the application, signed as Django signs.
func TestUploadsAreToldOf(t *testing.T) {
	bodies := make(chan string, 10)
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Cookie") != "" {
			t.Errorf("%v, cookies %q", err, r.Header.Get("Cookie"))
		}
		bodies <- string(body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(application.Close)
	root := filepath.Join(t.TempDir(), "media")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, 20*time.Second, map[string]string{
		"DJANGO_MEDIA_ROOT": root, "SIDECAR_UPLOAD_TO": "up", "SIDECAR_UPLOAD_WEBHOOK": application.URL + "/hook?token=hidden",
	})
	client, closeIdle := newClient(time.Minute)
	defer closeIdle()
	send := func(path string, header map[string]string) (http.Header, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+path, strings.NewReader("abc"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Cookie", "sessionid="+r.live[2])
		for name, value := range header {
			request.Header.Set(name, value)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusCreated {
			t.Fatalf("%s: status %d %v: %s", path, response.StatusCode, err, text)
		}
		return response.Header, string(text)
	}
	_, answer := send("/upload", map[string]string{"Content-Type": "text/plain", "Content-Disposition": "attachment; filename=a.txt"})
	if !strings.Contains(answer, `"name":"up/a.txt"`) {
		t.Errorf("the answer: %s", answer)
	}
	wantEvent(t, <-bodies, "up/a.txt", "file")
	told, _ := send("/tus/", map[string]string{
		"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Content-Type": "application/offset+octet-stream",
		"Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte("b.txt")),
	})
	if name := told.Get("Upload-Name"); name != "up/b.txt" {
		t.Errorf("the name is %q", name)
	}
	wantEvent(t, <-bodies, "up/b.txt", "")
	waitFor(t, 30*time.Second, "two deliveries in the log", func() bool { return strings.Count(r.log.String(), `"outcome":"delivered"`) == 2 })
	if strings.Contains(r.log.String(), "hidden") {
		t.Error("the webhook's query is in the log")
	}
	for _, name := range []string{"a.txt", "b.txt"} {
		if content, err := os.ReadFile(filepath.Join(root, "up", name)); err != nil || string(content) != "abc" {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
}

// wantEvent checks what the application got, as signing.loads would.
func wantEvent(t *testing.T, body, name, field string) {
	t.Helper()
	signer, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey(rigSecret), Salt: webhook.Salt})
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := signer.LoadsWithin(nil, body, 1<<20, time.Minute, time.Now())
	if err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	var event webhook.UploadEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		t.Fatal(err)
	}
	if event.UserID != "3" || event.ID == "" || len(event.Files) != 1 || event.Files[0].Name != name || event.Files[0].Field != field || event.Files[0].Size != 3 {
		t.Errorf("the event: %s", payload)
	}
}
