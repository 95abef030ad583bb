package djangocache

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
)

// TestRefusalsHaveNoPassword: a server that does not know AUTH repeats its arguments, and who asks whether the cache is
// ready is told why it is not.
func TestRefusalsHaveNoPassword(t *testing.T) {
	t.Parallel()
	const password = "sesame"
	l := serveRedis(t, "tcp", "127.0.0.1:0", repeatArguments)
	for name, parameters := range map[string]string{
		"alone": "", "in a cluster": "?cluster=true", "behind a Sentinel": "?sentinels=" + l.Addr().String() + "&sentinel_password=" + password,
	} {
		c := open(t, "redis://:"+password+"@"+l.Addr().String()+"/0"+parameters, Options{Conns: 1})
		_, _, getErr := c.Get(t.Context(), "key")
		for what, err := range map[string]error{"probe": c.Probe(t.Context()), "get": getErr, "delete": c.Delete(t.Context(), "key")} {
			if err == nil || djangosession.IsAnswer(err) || strings.Contains(err.Error(), password) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

// repeatArguments knows no command, and says which arguments it had.
func repeatArguments(words []string) string {
	return fmt.Sprintf("-ERR unknown command '%s', with args beginning with: '%s'\r\n", words[0], strings.Join(words[1:], "' '"))
}

// open opens a cache that waits for long, for the time of a test.
func open(t *testing.T, url string, o Options) *Backend {
	t.Helper()
	o.Timeout, o.MaxBytes = 10*time.Second, 1<<20
	c, err := Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// serveRedis answers each command until the listener, which it returns, is closed.
func serveRedis(t *testing.T, network, addr string, answer func(words []string) string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go answerRedis(l, answer)
	return l
}

// answerRedis is serveRedis of a listener.
func answerRedis(l net.Listener, answer func(words []string) string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				count, _ := strconv.Atoi(strings.TrimPrefix(lines.Text(), "*"))
				words := make([]string, count)
				for i := range words {
					_ = lines.Scan() // its length
					_ = lines.Scan()
					words[i] = lines.Text()
				}
				_, _ = io.WriteString(conn, answer(words))
			}
		}()
	}
}
