//go:build bench

package sidebyside

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"

	"django-sidecar/internal/djangotest"
)

var (
	sessions    = flag.Int("sessions", maxSessions, "sessions in the database")
	users       = flag.Int("users", 100_000, "users in the database")
	rounds      = flag.Int("rounds", 3, "how often each is measured")
	seconds     = flag.Float64("seconds", 10, "how long, each time; whole seconds")
	connections = flag.Int("connections", 32, "connections that requests come over")
	warmKeys    = flag.Int("warm", 10_000, "sessions that are asked for again and again, where they are cached")
	cacheTTL    = flag.String("cachettl", "1h", "SIDECAR_CACHE_TTL where sessions are cached")
	only        = flag.String("only", "", "measures what matches this regular expression only")
	serverCore  = flag.String("servercore", "0", "the core of servers and database")
	loadCore    = flag.String("loadcore", "1", "the core of the load")
	before      = flag.String("before", "", "a sidecar of an older commit, which is measured too, in turn with this one: the path of its program")
	markdown    = flag.String("markdown", "", "a file for the table, besides")
)

const (
	djangoVersion = "6.1"
	warmUp        = 2 // seconds
)

// peer is one line of the table.
type peer struct {
	name    string
	measure func(*testing.T) sample
	samples []sample
}

// The lines that others are compared with.
const (
	noopName    = "Echo, no-op"
	obviousName = "obvious version, 4 connections"
	djangoName  = "Django " + djangoVersion + " under gunicorn, CONN_MAX_AGE=None"
)

// TestSideBySide measures each peer in turn, several times, and prints the medians.
func TestSideBySide(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Fatal("the server and the load need a core each")
	}
	if *sessions < 10 || *sessions > maxSessions || *users < 1 || *users > maxUsers || *warmKeys > *sessions || *rounds < 1 || *seconds < 1 {
		t.Fatal("the flags ask for something that cannot be had")
	}
	b := &bench{site: testdata(t), gunicorn: gunicornDirectory(t), logs: filepath.Join(t.TempDir(), "log")}
	b.sidecar = build(t, "django-sidecar/cmd/django-sidecar")
	b.peers = build(t, "django-sidecar/internal/sidebyside/peers")
	loaded := loadAverage(t)
	b.cluster = startCluster(t, *serverCore, *sessions, *users)
	wanted, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	var peers []*peer
	for _, p := range b.all(t) {
		if wanted.MatchString(p.name) {
			peers = append(peers, p)
		}
	}
	for range *rounds {
		for _, p := range peers {
			s := p.measure(t)
			p.samples = append(p.samples, s)
			fmt.Printf("  %-46s %8.0f/s  server %7.1f µs  database %7.1f µs  cores %3.0f %% and %3.0f %%\n", p.name, s.rate(),
				s.each(s.server), s.each(s.database), 100*(s.server+s.database).Seconds()/s.seconds, 100*s.load.Seconds()/s.seconds)
		}
	}
	report(t, b, peers, loaded)
}

// all are the peers, in the order of the table.
func (b *bench) all(t *testing.T) []*peer {
	t.Helper()
	python := djangotest.Python(t, djangoVersion)
	overHTTP := func(name string, s server) *peer {
		return &peer{name: name, measure: func(t *testing.T) sample { return b.measure(t, s) }}
	}
	pgbench := func(owner, core string, clients int) *peer {
		name := fmt.Sprintf("pgbench, no HTTP, %d clients on the %s core", clients, owner)
		return &peer{name: name, measure: func(t *testing.T) sample { return b.pgbench(t, core, clients) }}
	}
	peers := []*peer{overHTTP(noopName, server{path: sidecarPath, blind: true, alike: true, start: b.peerServer("-mode=noop")})}
	cache := "SIDECAR_CACHE_TTL=" + *cacheTTL
	for _, s := range []struct {
		name string
		server
		settings []string
	}{
		{"sidecar", server{path: sidecarPath, alike: true}, nil},
		{"sidecar, /auth/nginx", server{path: "/auth/nginx"}, nil},
		{"sidecar with a cache, sessions new to it", server{path: sidecarPath}, []string{cache}},
		{"sidecar with a cache, sessions known to it", server{path: sidecarPath, asked: *warmKeys}, []string{cache}},
		{"sidecar with a cache, known, /auth/nginx", server{path: "/auth/nginx", asked: *warmKeys}, []string{cache}},
	} {
		s.start = b.sidecarServer(b.sidecar, s.settings...)
		peers = append(peers, overHTTP(s.name, s.server))
		if *before != "" {
			s.start = b.sidecarServer(*before, s.settings...)
			peers = append(peers, overHTTP("before: "+s.name, s.server))
		}
	}
	return append(peers,
		overHTTP("library", server{path: sidecarPath, start: b.libraryServer()}),
		overHTTP("library with a cache, sessions known to it", server{path: sidecarPath, asked: *warmKeys, start: b.libraryServer(cache)}),
		overHTTP(obviousName, server{path: sidecarPath, start: b.peerServer("-mode=obvious", "-conns=4")}),
		overHTTP("obvious version, 16 connections", server{path: sidecarPath, start: b.peerServer("-mode=obvious", "-conns=16")}),
		pgbench("server's", *serverCore, 4),
		pgbench("server's", *serverCore, min(*connections, 64)), // as the load has, as far as the database lets in so many
		pgbench("load's", *loadCore, 4),
		overHTTP(djangoName, server{path: sidecarPath, start: b.djangoServer(python, "BENCH_KEEP_CONNECTIONS=1")}),
		overHTTP("the same, a connection for each request", server{path: sidecarPath, start: b.djangoServer(python)}),
	)
}

// build compiles a program as `make build` does.
func build(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	cmd := exec.Command("go", "build", "-tags=bench", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", path, pkg)
	cmd.Dir = djangotest.RepositoryPath()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return path
}
