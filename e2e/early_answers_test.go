//go:build live

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEarlyAnswersOfEachStatus: an answer that is given before the body has come arrives at a client that writes all of the body before
// it reads. Package linger tests those that are given in the middle of a body.
func TestEarlyAnswersOfEachStatus(t *testing.T) {
	base := t.TempDir()
	site := newUploadSite(t, base, map[string]string{"SIDECAR_UPLOAD_MAX_AT_ONCE": "1", "SIDECAR_UPLOAD_MIN_RATE": "0"})
	addr := site.serve(t)
	cookie := "Cookie: " + site.cookie
	resumable := cookie + "\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 50000000\r\nContent-Type: application/offset+octet-stream"
	for _, tt := range []struct {
		request, headers string
		status           int
	}{
		{"POST /nowhere", cookie, 404},
		{"PATCH /tus/0123", cookie + "\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream", 404},
		{"DELETE /authenticate", cookie, 405},
		{"DELETE /upload", cookie, 405},
		{"PUT /tus/", cookie, 405},
		{"POST /tus/0123", cookie, 405},
		{"POST /tus/", cookie, 412},
		// A body of a gateway's question is there by mistake.
		{"POST /auth/forward", "Accept: */*", 401},
		{"POST /auth/forward", cookie, 200},
		{"POST /auth/nginx", cookie, 200},
		{"PUT /auth/envoy/photos", cookie, 200},
	} {
		wantEarlyAnswer(t, addr, tt.request, tt.headers, tt.status)
	}
	for request, headers := range map[string]string{"POST /upload": cookie + "\r\nContent-Disposition: attachment; filename=a.txt", "POST /tus/": resumable} {
		// Another upload goes on, and is the only one.
		first, rest := uploadForm("file.txt", 1000)
		going := mustEnter(t, addr, site.other, len(first)+len(rest))
		wantEarlyAnswer(t, addr, request, headers, 429)
		if status, text, err := going.end(first + rest); err != nil || status != http.StatusCreated {
			t.Errorf("the upload meanwhile: %d %s, %v", status, text, err)
		}
	}
	db := openSQLite(t, filepath.Join(base, "db.sqlite3"))
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE django_session RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	wantEarlyAnswer(t, addr, "POST /authenticate", cookie, 503)
	wantEarlyAnswer(t, addr, "POST /upload", cookie, 503)
	wantEarlyAnswer(t, addr, "POST /tus/", resumable, 503)
	wantEarlyAnswer(t, addr, "POST /auth/nginx", cookie, 500)
}

// wantEarlyAnswer sends bodies of 1 MB and 40 MB, of a length and in chunks.
func wantEarlyAnswer(t *testing.T, addr, request, headers string, want int) {
	t.Helper()
	wantEarlyAnswerOver(t, func() (net.Conn, error) { return new(net.Dialer).DialContext(t.Context(), "tcp", addr) }, request, headers, want)
}

// wantEarlyAnswerOver is wantEarlyAnswer over connections of another kind.
func wantEarlyAnswerOver(t *testing.T, dial func() (net.Conn, error), request, headers string, want int) {
	t.Helper()
	const piece = 1 << 16
	for _, size := range []int{1 << 20, 40 << 20} {
		for framing, text := range map[string]string{fmt.Sprintf("Content-Length: %d", size): strings.Repeat("x", piece), "Transfer-Encoding: chunked": "10000\r\n" + strings.Repeat("x", piece) + "\r\n"} {
			conn, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			_, err = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: sidecar\r\n%s\r\n%s\r\n\r\n", request, headers, framing)
			err = errors.Join(err, conn.SetDeadline(time.Now().Add(time.Minute)))
			for range size / piece {
				if err == nil {
					_, err = io.WriteString(conn, text)
				}
			}
			if framing == "Transfer-Encoding: chunked" && err == nil {
				_, err = io.WriteString(conn, "0\r\n\r\n")
			}
			if err != nil {
				t.Errorf("%s, %s, %d bytes: writing: %v", request, framing, size, err)
			} else if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
				t.Errorf("%s, %s, %d bytes: %v", request, framing, size, err)
			} else if err := response.Body.Close(); err != nil || response.StatusCode != want {
				t.Errorf("%s, %s, %d bytes: status %d, want %d; %v", request, framing, size, response.StatusCode, want, err)
			}
			_ = conn.Close() // the sidecar may have
		}
	}
}
