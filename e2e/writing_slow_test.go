//go:build live

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlowLogins: very many clients send the body of a login a byte at a time, and one sends a body that never ends. Each is ended,
// others log in meanwhile, and nothing of them is left.
func TestSlowLogins(t *testing.T) {
	r := newWritingRig(t, newCluster(t, 20*time.Second), map[string]string{"SIDECAR_LINGER": "1s"})
	login := func() {
		if status, answer := r.post(t, "/login", "", sesame); status != http.StatusOK {
			t.Errorf("a login meanwhile: %d %s", status, answer)
		}
	}
	login()
	goroutines := runtime.NumGoroutine()
	gone := make(chan struct{})
	var slow sync.WaitGroup
	for i := range 200 {
		conn := keep(t, "tcp", r.addr())
		length := "Content-Length: 5000"
		if i%2 == 0 {
			length = "Transfer-Encoding: chunked"
		}
		_, err := fmt.Fprintf(conn, "POST /login HTTP/1.1\r\nHost: sidecar\r\nCookie: %s\r\nX-CSRFToken: %s\r\nContent-Type: application/json\r\n%s\r\n\r\n",
			writingCSRF, loginToken, length)
		if err != nil {
			t.Fatal(err)
		}
		slow.Go(func() {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				text, _ := io.ReadAll(conn) // however it ends
				if strings.Contains(string(text), "HTTP/1.1 200") {
					t.Errorf("half a login is answered %.100s", text)
				}
			}()
			tick := time.NewTicker(500 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ended:
					return
				case <-tick.C:
					_, _ = io.WriteString(conn, map[bool]string{true: "1\r\n \r\n", false: " "}[i%2 == 0])
				}
			}
		})
	}
	go func() {
		defer close(gone)
		slow.Wait()
	}()
	logins := 0
	waitFor(t, time.Minute, "each slow client ended", func() bool {
		logins++
		login()
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
	t.Logf("%d logins meanwhile", logins)
	waitFor(t, 30*time.Second, "as few goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines+20 })
}
