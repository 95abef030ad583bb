//go:build bench

package sidebyside

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"django-sidecar/internal/djangotest"
)

var columns = []string{
	"", "requests/s", "(lowest to highest)", "of no-op", "× obvious", "× Django", "server µs", "database µs", "transactions", "a core's worth", "p50", "p99", "RSS", "at most", "servers' core", "load's core",
}

// report prints the table, and where and how it was made.
func report(t *testing.T, b *bench, peers []*peer, loadBefore string) {
	t.Helper()
	medians := map[string]float64{}
	for _, p := range peers {
		medians[p.name] = p.median(sample.rate)
	}
	rows := [][]string{columns}
	for _, p := range peers {
		rows = append(rows, p.row(medians))
	}
	conditions := conditions(t, b, loadBefore)
	fmt.Println()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\n%s\n", conditions)
	if *markdown == "" {
		return
	}
	if err := os.WriteFile(*markdown, []byte(asMarkdown(rows)+"\n"+conditions+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func asMarkdown(rows [][]string) string {
	var text strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&text, "|---%s|\n", strings.Repeat("|---:", len(row)-1))
		}
	}
	return text.String()
}

// median is that of one figure of all rounds.
func (p *peer) median(figure func(sample) float64) float64 {
	var values []float64
	for _, s := range p.samples {
		values = append(values, figure(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (p *peer) row(medians map[string]float64) []string {
	rates := make([]float64, len(p.samples))
	for i, s := range p.samples {
		rates[i] = s.rate()
	}
	rate := medians[p.name]
	ratio := func(format, to string) string {
		if medians[to] == 0 {
			return "-" // not measured
		}
		return fmt.Sprintf(format, rate/medians[to])
	}
	noop := ratio("%.3f", noopName)
	duration := func(of func(sample) time.Duration) string {
		ms := p.median(func(s sample) float64 { return float64(of(s)) / float64(time.Millisecond) })
		return fmt.Sprintf("%.2f ms", ms)
	}
	memory := func(of func(sample) float64) string {
		if mib := p.median(of); mib > 0 {
			return fmt.Sprintf("%.0f MiB", mib)
		}
		return "-"
	}
	busy := p.median(func(s sample) float64 { return 100 * (s.server + s.database).Seconds() / s.seconds })
	load := p.median(func(s sample) float64 { return 100 * s.load.Seconds() / s.seconds })
	return []string{
		p.name, fmt.Sprintf("%.0f", rate), fmt.Sprintf("%.0f to %.0f", slices.Min(rates), slices.Max(rates)),
		noop, ratio("%.2f", obviousName), ratio("%.1f", djangoName),
		fmt.Sprintf("%.1f", p.median(func(s sample) float64 { return s.each(s.server) })),
		fmt.Sprintf("%.1f", p.median(func(s sample) float64 { return s.each(s.database) })),
		fmt.Sprintf("%.2f", p.median(func(s sample) float64 { return s.transactions })),
		fmt.Sprintf("%.0f/s", p.median(func(s sample) float64 { return 1e6 / s.each(s.server+s.database) })),
		duration(func(s sample) time.Duration { return s.p50 }), duration(func(s sample) time.Duration { return s.p99 }),
		memory(func(s sample) float64 { return s.rss }), memory(func(s sample) float64 { return s.peak }),
		fmt.Sprintf("%.0f %%", busy), fmt.Sprintf("%.0f %%", load),
	}
}

// conditions say what the figures are to be read with.
func conditions(t *testing.T, b *bench, loadBefore string) string {
	t.Helper()
	first := func(pattern, path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(pattern).FindSubmatch(text)
		if match == nil {
			return "unknown"
		}
		return strings.TrimSpace(string(match[1]))
	}
	revision := exec.Command("git", "rev-parse", "--short=12", "HEAD")
	revision.Dir = djangotest.RepositoryPath()
	commit, err := revision.Output()
	if err != nil {
		commit = []byte("unknown")
	}
	size := b.cluster.psql(t, nil, "SELECT round(avg(length(session_data))) FROM (SELECT session_data FROM django_session LIMIT 1000) AS a_thousand")
	return fmt.Sprintf(`%s, %d cores, Linux %s, load average before %s; %s, PostgreSQL %s over loopback TCP, without a password; commit %s, %s.
Server and database on core %s, the load on core %s: wrk with %d connections. %d sessions of %s bytes, %d users. Medians of %d rounds of %.0f s each.
Processor time and transactions are those of one request. "A core's worth" is how many requests the measured processor time is
enough for. The last columns say how busy server and database, and the load generator, kept their cores: near 100 %% is what limits;
where neither is, somebody else was on the machine.`,
		first(`model name\s*: (.*)`, "/proc/cpuinfo"), runtime.NumCPU(), first(`(\S+)`, "/proc/sys/kernel/osrelease"), loadBefore,
		runtime.Version(), b.cluster.psql(t, nil, "SHOW server_version"), strings.TrimSpace(string(commit)), time.Now().UTC().Format(time.DateOnly),
		*serverCore, *loadCore, *connections, *sessions, size, *users, *rounds, *seconds)
}

// loadAverage is how many processes ran in the last minute, which should be none.
func loadAverage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))[0]
}
