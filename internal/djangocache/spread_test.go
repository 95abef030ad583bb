package djangocache

import (
	"strings"
	"testing"
)

// TestSpreads compares with where the real clients put keys: pymemcache 4.0.0 (HashClient), pylibmc 1.6.3 with libmemcached
// 1.1.4 on x86-64, python-memcached 1.59. Each has set the keys on memcached servers that were then asked for them, except
// pymemcache, whose hasher was asked: its choice depends on the names of the servers.
func TestSpreads(t *testing.T) {
	named := []endpoint{{"tcp", "cache-a", "11211"}, {"tcp", "10.1.2.3", "11212"}, {"unix", "/run/memcached.sock", ""}}
	for _, tt := range []struct {
		key                           string
		pymemcache, pylibmc, memcache [2]int // the server's index among the first two, and among all three
	}{
		{":1:django.contrib.sessions.cacherd64x0cik0lw2ac8y2apekk4or550hcy", [2]int{1, 1}, [2]int{0, 1}, [2]int{0, 1}},
		{":1:django.contrib.sessions.cachefzx8ijz77lrful11bman743ikhlfintm", [2]int{1, 2}, [2]int{0, 1}, [2]int{0, 0}},
		{":1:django.contrib.sessions.cache91e9knj6o2jp7y7mejcaxqezci7jgy6a", [2]int{0, 0}, [2]int{1, 0}, [2]int{1, 2}},
		{":1:django.contrib.sessions.cachejt3cl9jjjfpunxqmifqdfmo9uuxxsakz", [2]int{0, 2}, [2]int{0, 1}, [2]int{1, 2}},
		{":1:django.contrib.sessions.cacheqf4odultqx194a4rh6dh42neqdsq7kbu", [2]int{1, 2}, [2]int{1, 0}, [2]int{1, 0}},
		{":1:django.contrib.sessions.cache6pnhv3gowide7i6mq7s7r1f3i9bwmqvp", [2]int{1, 1}, [2]int{1, 1}, [2]int{1, 2}},
		{":1:django.contrib.sessions.cachenakh41jk1vne08z32f45yo1h0ftt68h8", [2]int{0, 0}, [2]int{0, 1}, [2]int{0, 0}},
		{":1:django.contrib.sessions.cachevy1rk86ra2l52lvmy498r4ghv01bozti", [2]int{1, 1}, [2]int{1, 1}, [2]int{0, 2}},
		{"pre:2:django.contrib.sessions.cached_db2lkht0a3fhnqzn8cvnmhgdi006zkjyr6", [2]int{1, 2}, [2]int{0, 1}, [2]int{1, 1}},
		{"pre:2:django.contrib.sessions.cached_dbthvu1dot88adv99e77sqzwya9fpujvy6", [2]int{0, 0}, [2]int{1, 0}, [2]int{0, 1}},
		{"pre:2:django.contrib.sessions.cached_dbcekcy1y7h4lkkktcz3qm3uxv33d1ad7h", [2]int{0, 0}, [2]int{1, 2}, [2]int{0, 2}},
		{"pre:2:django.contrib.sessions.cached_dbcatahnh03na2php2v9h09uku7qdfk4x3", [2]int{0, 0}, [2]int{1, 2}, [2]int{0, 2}},
		{"pre:2:django.contrib.sessions.cached_dbqunkp1njbsoh30wk7spveop3r2i956k3", [2]int{0, 0}, [2]int{1, 1}, [2]int{1, 1}},
		{"pre:2:django.contrib.sessions.cached_dbf7oq7q51m5y5rt093p48pqkz07mf2tky", [2]int{0, 0}, [2]int{0, 2}, [2]int{0, 1}},
		{"a", [2]int{0, 0}, [2]int{0, 0}, [2]int{1, 2}},
		{"ab", [2]int{0, 2}, [2]int{0, 0}, [2]int{1, 2}},
		{"abc", [2]int{1, 1}, [2]int{1, 0}, [2]int{0, 2}},
		{"abcd", [2]int{1, 2}, [2]int{0, 1}, [2]int{0, 2}},
		{"préfixe:1:django.contrib.sessions.cacheabcdefgh", [2]int{0, 0}, [2]int{0, 0}, [2]int{0, 0}},
		{"Ωμέγα:1:xy", [2]int{0, 2}, [2]int{0, 1}, [2]int{0, 1}},
		{"😀:1:abcde", [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 1}},
		{strings.Repeat("k", 250), [2]int{1, 1}, [2]int{0, 1}, [2]int{1, 2}},
	} {
		for i, n := range []int{2, 3} {
			if got := rendezvous(named[:n], tt.key); got != tt.pymemcache[i] {
				t.Errorf("pymemcache, %d servers, %.60s: %d, want %d", n, tt.key, got, tt.pymemcache[i])
			}
			if got := modula(named[:n], tt.key); got != tt.pylibmc[i] {
				t.Errorf("pylibmc, %d servers, %.60s: %d, want %d", n, tt.key, got, tt.pylibmc[i])
			}
			if got := crc32Modulo(named[:n], tt.key); got != tt.memcache[i] {
				t.Errorf("python-memcached, %d servers, %.60s: %d, want %d", n, tt.key, got, tt.memcache[i])
			}
		}
	}
}
