//go:build bench

package sidebyside

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// largestPicture is what a reader of the documentation has to load for one.
const largestPicture = 15_000

// draw draws the numbers of a curve, and looks at the picture as a program can.
func draw(t *testing.T, c curve) {
	t.Helper()
	n := readNumbers(t, c.name)
	picture := c.figure(n).svg(strings.Join(n.notes, " "))
	d := xml.NewDecoder(strings.NewReader(picture))
	var err error
	for err == nil {
		_, err = d.Token()
	}
	if !errors.Is(err, io.EOF) || len(picture) > largestPicture || strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
		t.Errorf("%s.svg: %d bytes, %v", c.name, len(picture), err)
	}
	if err := os.WriteFile(filepath.Join(*curvesFolder, c.name+".svg"), []byte(picture), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The names of servers, in the first column of connections.csv.
const (
	coldServer = "cold"
	warmServer = "warm"
	noopServer = "noop"
)

// xs are the values of a column, for ticks.
func (n *numbers) xs(of, column string) []float64 {
	var all []float64
	for _, p := range n.points(of, column, column) {
		all = append(all, p.x)
	}
	return all
}

func drawConnections(n *numbers) figure {
	const x = "connections"
	servers := []struct{ name, label string }{{noopServer, "Echo, no-op"}, {warmServer, "cached"}, {coldServer, "without a cache"}}
	var rates, latencies []line
	for i, s := range servers {
		rates = append(rates, line{label: s.label, color: i, points: n.points(s.name, x, "requests_per_second")})
		latencies = append(latencies, line{label: s.label + ", p99", color: i, points: n.points(s.name, x, "p99_ms")},
			line{label: s.label + ", p50", color: i, dashed: true, points: n.points(s.name, x, "p50_ms")})
	}
	ticks := n.xs(coldServer, x)
	return figure{
		title: "One sidecar against connections",
		desc: "Requests a second, and latency at p50 and p99, from 1 to 512 connections: sessions from the tables, sessions from the cache, " +
			"and a handler that does nothing.",
		panels: []panel{
			{title: "Requests a second", x: "connections", y: "requests/s", xLog: true, xTicks: ticks, lines: rates},
			{title: "Latency under full load", x: "connections", y: "ms", xLog: true, yLog: true, xTicks: ticks, lines: latencies},
		},
	}
}

// speed are the two panels that most curves have.
func speed(n *numbers, column, title string, log bool, ticks []float64) []panel {
	return []panel{
		{title: "Requests a second", x: title, y: "requests/s", xLog: log, xTicks: ticks, lines: []line{
			{label: "requests/s", points: n.points("", column, "requests_per_second")},
		}},
		{title: "Latency under full load", x: title, y: "ms", xLog: log, xTicks: ticks, lines: []line{
			{label: "p99", color: 1, points: n.points("", column, "p99_ms")},
			{label: "p50", color: 1, dashed: true, points: n.points("", column, "p50_ms")},
		}},
	}
}

func drawSessions(n *numbers) figure {
	return figure{
		title:  "One sidecar without a cache against sessions in the table",
		desc:   "Requests a second, and latency at p50 and p99, from ten thousand sessions to three million.",
		panels: speed(n, "sessions", "sessions in the table", true, n.xs("", "sessions")),
	}
}

func drawHitRate(n *numbers) figure {
	return figure{
		title:  "One sidecar against the hit rate of its cache",
		desc:   "Requests a second, and latency at p50 and p99, from none of the requests answered by the cache to all of them.",
		panels: speed(n, "hit_percent", "requests that the cache answers, %", false, []float64{0, 25, 50, 75, 90, 100}),
	}
}

func drawMemory(n *numbers) figure {
	const x = "entries"
	return figure{
		title: "Memory against sessions in the cache",
		desc: "What the sidecar has in memory more than one without a cache, what it counts for its cache, and what 400 bytes for each " +
			"session would be.",
		panels: []panel{
			{title: "Memory", x: "sessions in the cache", y: "MiB", lines: []line{
				{label: "RSS, above one without a cache", points: n.points("", x, "more_mib")},
				{label: "400 bytes each", color: 4, dashed: true, bare: true, points: n.points("", x, "bound_mib")},
				{label: "django_sidecar_cache_bytes", color: 1, points: n.points("", x, "cache_mib")},
			}},
		},
	}
}

func drawMany(n *numbers) figure {
	const x = "sidecars"
	ticks := n.xs("", x)
	return figure{
		title: "Many sidecars, one PostgreSQL, through pgbouncer",
		desc: "From 1 to 100 sidecars: connections of PostgreSQL, processor time of a request and of a change that is told to all of them, " +
			"and how long until they have forgotten it.",
		panels: []panel{
			{title: "Connections of PostgreSQL", x: x, y: "connections", xLog: true, yLog: true, xTicks: ticks, lines: []line{
				{label: "all", points: n.points("", x, "connections")},
				{label: "from pgbouncer", color: 1, points: n.points("", x, "from_pgbouncer")},
				{label: "that listen", color: 2, dashed: true, points: n.points("", x, "listening")},
			}},
			{title: "Processor time of a request, at a rate that stays the same", x: x, y: "µs", xLog: true, xTicks: ticks, lines: []line{
				{label: "PostgreSQL", points: n.points("", x, "database_us_a_request")},
				{label: "pgbouncer", color: 1, points: n.points("", x, "pgbouncer_us_a_request")},
				{label: "all sidecars together", color: 2, points: n.points("", x, "sidecars_us_a_request")},
			}},
			{title: "Processor time of a change, told to all", x: x, y: "µs", xLog: true, yLog: true, xTicks: ticks, lines: []line{
				{label: "PostgreSQL", points: n.points("", x, "database_us_a_change")},
				{label: "all sidecars together", color: 2, points: n.points("", x, "sidecars_us_a_change")},
			}},
			{title: "From a logout's commit to its first 401", x: x, y: "ms", xLog: true, xTicks: ticks, lines: []line{
				{label: "p99", color: 3, points: n.points("", x, "forgotten_p99_ms")},
				{label: "p50", color: 3, dashed: true, points: n.points("", x, "forgotten_p50_ms")},
			}},
		},
	}
}

func drawLogout(n *numbers) figure {
	return figure{
		title: "From a logout's commit to its first 401, at 5,000 requests a second",
		desc:  "How many percent of the logouts were seen within a time.",
		panels: []panel{{title: "Logouts that have been seen; dashed: 50 ms", x: "ms after the commit", y: "%", xLog: true, lines: []line{
			{points: n.points("", "ms", "percent")}, {color: 4, dashed: true, bare: true, points: []point{{50, 0}, {50, 100}}},
		}}},
	}
}
