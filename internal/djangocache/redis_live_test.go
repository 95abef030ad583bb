//go:build live

package djangocache_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/cachestore"
	"django-sidecar/internal/djangocache"
	"django-sidecar/internal/djangotest"
)

// jsonStore reads sessions that a test has written as django-redis's JSON.
func jsonStore(t *testing.T, url string) *deployment {
	t.Helper()
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	c := openCache(t, url+separator+"serializer=json", djangocache.Options{Timeout: timeout, Conns: 2})
	store, err := cachestore.New(cachestore.Config{Cache: c, Serializer: c.Serializer, Version: parseVersion(t, "6.1")})
	if err != nil {
		t.Fatal(err)
	}
	return &deployment{cache: c, store: store}
}

const (
	sessionKey = "0123456789abcdefghijklmnopqrstuv"
	setSession = `SET :1:django.contrib.sessions.cache` + sessionKey + ` '{"_auth_user_id":"1"}'`
)

func TestRedisUsersAndTLS(t *testing.T) {
	secret := djangotest.Redis(t, djangotest.RedisConfig{TLS: true, Settings: []string{
		"bind 127.0.0.1 127.0.0.2", // the second is not in its certificate
		"user default off nopass ~* +@all",
		`user reader on >p@ss:w/rd ~:1:django.contrib.sessions.cache* -@all +get`,
		`user chooser on >p@ss:w/rd ~:1:django.contrib.sessions.cache* -@all +get +select`,
		"user writer on nopass ~* +@all",
	}})
	// The writer logs in on the same line of the socket's one answer: two commands, of which the last is looked at.
	secret.Do("AUTH writer x\r\n" + setSession)
	const password = "p%40ss%3Aw%2Frd"
	secure := "?ssl_ca_certs=" + secret.CertFile
	for name, tt := range map[string]struct{ url, want string }{
		"a user who may only read": {"rediss://reader:" + password + "@" + secret.Addr + "/0" + secure, "1"},
		"named by options":         {"rediss://" + secret.Addr + secure + "&username=reader&password=" + password, "1"},
		"no check of certificates": {"rediss://reader:" + password + "@" + secret.Addr + "?ssl_cert_reqs=none", "1"},
		"any name":                 {"rediss://reader:" + password + "@" + strings.Replace(secret.Addr, "127.0.0.1", "127.0.0.2", 1) + secure + "&ssl_check_hostname=false", "1"},
		"another database":         {"rediss://chooser:" + password + "@" + secret.Addr + "/1" + secure, "not found"},
		"no right to SELECT it":    {"rediss://reader:" + password + "@" + secret.Addr + "/1" + secure, "failure: "},
		"over the socket":          {"unix://reader:" + password + "@" + secret.Socket, "1"},
		"a wrong name":             {"rediss://reader:" + password + "@" + strings.Replace(secret.Addr, "127.0.0.1", "127.0.0.2", 1) + secure, "failure: "},
		"an unknown authority":     {"rediss://reader:" + password + "@" + secret.Addr, "failure: "},
		"a wrong password":         {"rediss://reader:wr0ng@" + secret.Addr + secure, "failure: "},
		"no password":              {"rediss://" + secret.Addr + secure, "failure: "},
		"no TLS":                   {"redis://reader:" + password + "@" + secret.Addr, "failure: "},
	} {
		t.Run(name, func(t *testing.T) {
			got := jsonStore(t, tt.url).within(t, 10*time.Second, sessionKey)
			if got != tt.want && (tt.want == "1" || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for _, word := range []string{"p@ss", password, "wr0ng", sessionKey} {
				if strings.Contains(got, word) {
					t.Errorf("the error %q has a secret in it", got)
				}
			}
		})
	}
	t.Run("a right that is missing is a failure", func(t *testing.T) {
		d := jsonStore(t, "rediss://reader:"+password+"@"+secret.Addr+secure+"&key_prefix=other")
		other, err := cachestore.New(cachestore.Config{
			Cache: d.cache, Serializer: djangosession.JSON, KeyPrefix: "other", Version: parseVersion(t, "6.1"),
		})
		if err != nil {
			t.Fatal(err)
		}
		d.store = other
		if got := d.within(t, time.Second, sessionKey); !strings.HasPrefix(got, "failure: ") {
			t.Errorf("got %q", got)
		}
		if err := d.cache.Probe(t.Context()); err != nil {
			t.Errorf("Probe: %v", err)
		}
	})
}

func TestRedisAnswersThatAreNoStrings(t *testing.T) {
	r := djangotest.Redis(t, djangotest.RedisConfig{})
	r.Do("RPUSH :1:django.contrib.sessions.cache" + sessionKey + " a b")
	jsonStore(t, "redis://"+r.Addr).expect(t, "a list", sessionKey, "unreadable")
}

// TestRedisReplicas: core/cache/backends/redis.py, 6.1: with several URLs, the first is for writing alone. Any other has
// what is asked for.
func TestRedisReplicas(t *testing.T) {
	primary := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"repl-diskless-sync-delay 0"}})
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	primary.Do(setSession)
	url := "redis://" + primary.Addr
	var replicas []*djangotest.RedisServer
	for range 2 {
		r := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"replicaof " + host + " " + port}})
		pollFound(t, jsonStore(t, "redis://"+r.Addr))
		replicas, url = append(replicas, r), url+",redis://"+r.Addr
	}
	d := jsonStore(t, url)
	primary.Stop()
	d.expect(t, "without the primary", sessionKey, "1")
	for _, fault := range []struct {
		name  string
		begin func()
	}{{"one is silent", replicas[0].Pause}, {"one is gone", replicas[0].Kill}} {
		fault.begin()
		for range 6 { // of which each may be asked first
			d.expect(t, fault.name, sessionKey, "1")
		}
		if err := d.cache.Probe(t.Context()); err != nil {
			t.Errorf("%s: Probe: %v", fault.name, err)
		}
		replicas[0].Resume()
	}
	replicas[1].Stop()
	if got := d.within(t, 2*timeout, sessionKey); !strings.HasPrefix(got, "failure: ") {
		t.Errorf("without both: got %q", got)
	}
	if err := d.cache.Probe(t.Context()); err == nil {
		t.Error("Probe is content without both")
	}
}

// pollFound waits for a session to reach a replica, or for a cluster or a Sentinel to make up its mind.
func pollFound(t *testing.T, d *deployment) {
	t.Helper()
	deadline := time.After(90 * time.Second) // a Sentinel that stood still for two seconds does nothing for the next 30
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		got := d.within(t, 10*time.Second, sessionKey)
		if got == "1" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still %q", got)
		}
	}
}

func TestRedisSentinel(t *testing.T) {
	primary := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"requirepass sesame"}})
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	var watching []*djangotest.RedisServer
	var addresses []string
	for range 3 {
		s := djangotest.Redis(t, djangotest.RedisConfig{Sentinel: true, Settings: []string{
			"sentinel monitor mymaster " + host + " " + port + " 1", "sentinel auth-pass mymaster sesame",
		}})
		watching, addresses = append(watching, s), append(addresses, s.Addr)
	}
	sentinels := strings.Join(addresses, ",")
	primary.Do("AUTH sesame\r\n" + setSession)
	d := jsonStore(t, "redis://:sesame@mymaster/0?client_class=django_redis.client.SentinelClient&sentinels="+sentinels)
	pollFound(t, d)
	if err := d.cache.Probe(t.Context()); err != nil {
		t.Errorf("Probe: %v", err)
	}
	for i, s := range watching {
		s.Pause() // whichever was asked before
		primary.Do("AUTH sesame\r\nCLIENT KILL TYPE normal SKIPME yes")
		d.expect(t, fmt.Sprintf("Sentinel %d is silent", i), sessionKey, "1")
		s.Resume()
	}
	unknown := jsonStore(t, "redis://:sesame@nobody/0?sentinels="+sentinels)
	if got := unknown.within(t, 10*time.Second, sessionKey); got != "failure: reading the cache: the Sentinels know no such service" {
		t.Errorf("a service that no Sentinel knows: got %q", got)
	}
	t.Run("a Sentinel that says itself that its primary is down", func(t *testing.T) {
		down := []string{"SENTINEL REMOVE mymaster", "SENTINEL MONITOR mymaster 127.0.0.1 1 9", "SENTINEL SET mymaster down-after-milliseconds 1"}
		watching[0].Do(down...)
		pollFound(t, jsonStore(t, "redis://:sesame@mymaster/0?client_class=django_redis.client.SentinelClient&sentinels="+sentinels))
		// All who answer say so, as until the end of a failover: the silent one is not waited for.
		watching[1].Do(down...)
		watching[2].Pause()
		defer watching[2].Resume()
		asks := jsonStore(t, "redis://:sesame@mymaster/0?client_class=django_redis.client.SentinelClient&sentinels="+sentinels)
		var got string
		deadline := time.Now().Add(90 * time.Second) // until they have noticed, as above
		for time.Now().Before(deadline) && strings.Count(got, "says that the primary is down") != 2 {
			got = asks.within(t, 10*time.Second, sessionKey)
		}
		if strings.Count(got, "says that the primary is down") != 2 || strings.Contains(got, "asking the Sentinel") {
			t.Errorf("two say so, and one is silent: got %q", got)
		}
	})
	t.Run("connections to the primary before are closed", func(t *testing.T) {
		another := djangotest.Redis(t, djangotest.RedisConfig{Settings: []string{"requirepass sesame"}})
		another.Do("AUTH sesame\r\n" + strings.Replace(setSession, `"1"`, `"2"`, 1))
		_, port, err := net.SplitHostPort(another.Addr)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range watching {
			s.Do("SENTINEL REMOVE mymaster", "SENTINEL MONITOR mymaster "+host+" "+port+" 1")
		}
		servers, err := d.cache.Servers()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := servers[0].Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		d.expect(t, "another primary, and the one before lives", sessionKey, "2")
		another.Do("AUTH sesame\r\nCLIENT KILL TYPE normal SKIPME yes")
	})
	for _, s := range watching {
		s.Stop()
	}
	if got := d.within(t, 10*time.Second, sessionKey); !strings.Contains(got, "asking the Sentinel at "+addresses[0]) {
		t.Errorf("without Sentinels: got %q", got)
	}
}

func TestRedisCluster(t *testing.T) {
	node := djangotest.Redis(t, djangotest.RedisConfig{Cluster: true})
	d := jsonStore(t, "redis://"+node.Addr+"?cluster=true")
	if got := d.within(t, 10*time.Second, sessionKey); !strings.HasPrefix(got, "failure: ") {
		t.Errorf("a cluster without slots: got %q", got)
	}
	node.Do("CLUSTER ADDSLOTSRANGE 0 16383")
	deadline := time.After(time.Minute)
	for !node.Answers(setSession, "+OK") {
		select {
		case <-deadline:
			t.Fatal("the cluster does not begin to work")
		case <-time.After(20 * time.Millisecond):
		}
	}
	pollFound(t, jsonStore(t, "redis://"+node.Addr+"?cluster=true"))
	d.eventually(t, "asked before the cluster worked", "1")
}
