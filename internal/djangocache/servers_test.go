package djangocache

import (
	"testing"
	"time"
)

// TestServers: a server that cannot be another one is not looked for.
func TestServers(t *testing.T) {
	for url, want := range map[string]time.Duration{
		"redis://127.0.0.1:1": 0, "redis://[::1]:1": 0, "unix:///c": 0, "redis://10.0.0.1,redis://10.0.0.2": 0,
		"redis://localhost:1": lookAtNames, "rediss://redis.example": lookAtNames, "redis://service/0?sentinels=host:1": 1,
	} {
		c, err := Open(url, Options{Timeout: time.Second, Conns: 1})
		if err != nil {
			t.Fatal(err)
		}
		servers, err := c.Servers()
		if err != nil || len(servers) != 1 || servers[0].Look != want {
			t.Errorf("%s: %+v, %v", url, servers, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
