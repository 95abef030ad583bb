//go:build bench

package sidebyside

import (
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

var (
	wantedCurves = flag.String("curve", "all", "the curves to measure or draw, with commas: connections, sessions, hitrate, memory, many, logout")
	pointSeconds = flag.Float64("pointseconds", 4, "how long each point is measured; whole seconds")
	large        = flag.Bool("large", true, "three times as many sessions too, where their number is varied")
	quick        = flag.Bool("quick", false, "few points, few sidecars and few changes, to see that it works")
	drawOnly     = flag.Bool("draw", false, "draw what was measured before")
	curvesFolder = flag.String("curvesfolder", "", "where the numbers and pictures go; docs/scaling")
)

// curve is something that is measured, the numbers in a .csv and their picture in a .svg.
type curve struct {
	name    string
	measure func(*curves, *testing.T) *numbers
	figure  func(*numbers) figure
}

// allCurves are in the order of docs/scaling.md.
func allCurves() []curve {
	return []curve{
		{"connections", (*curves).overConnections, drawConnections},
		{"sessions", (*curves).overSessions, drawSessions},
		{"hitrate", (*curves).overHitRate, drawHitRate},
		{"memory", (*curves).overEntries, drawMemory},
		{"many", (*curves).overSidecars, drawMany},
		{"logout", (*curves).logout, drawLogout},
	}
}

// TestCurves measures how far a sidecar goes. `make bench-curves` runs it.
func TestCurves(t *testing.T) {
	if *curvesFolder == "" {
		*curvesFolder = filepath.Join(djangotest.RepositoryPath(), "docs", "scaling")
	}
	wanted := allCurves()
	if *wantedCurves != "all" {
		names := strings.Split(*wantedCurves, ",")
		wanted = slices.DeleteFunc(wanted, func(c curve) bool { return !slices.Contains(names, c.name) })
		if len(wanted) != len(names) {
			t.Fatalf("-curve=%s: there is no such curve", *wantedCurves)
		}
	}
	if !*drawOnly {
		c := newCurves(t)
		for _, w := range wanted {
			t.Run(w.name, func(t *testing.T) {
				before := loadAverage(t)
				n := w.measure(c, t)
				n.notes = append(n.notes, c.conditions(t, before))
				n.write(t, w.name)
			})
		}
	}
	for _, w := range wanted {
		if !t.Failed() {
			draw(t, w)
		}
	}
}

// newCurves builds what all curves need.
func newCurves(t *testing.T) *curves {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Fatal("the server and the load need a core each")
	}
	if *sessions < 1000 || *sessions > maxSessions || *users < 1 || *users > maxUsers || *warmKeys*10 > *sessions || *pointSeconds < 1 {
		t.Fatal("the flags ask for something that cannot be had")
	}
	c := &curves{bench: &bench{}, lastPort: firstPort}
	c.sidecar = build(t, "django-sidecar/cmd/django-sidecar")
	c.peers = build(t, "django-sidecar/internal/sidebyside/peers")
	return c
}

// few thins a list out where a quick look is enough.
func few[T any](all []T) []T {
	if *quick && len(all) > 2 {
		return []T{all[0], all[len(all)/2]}
	}
	return all
}

// conditions are one line about where a curve was measured.
func (c *curves) conditions(t *testing.T, loadBefore string) string {
	t.Helper()
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(info), "model name"); ok {
			name, _, _ := strings.Cut(strings.TrimLeft(rest, "\t :"), "\n")
			model = name
		}
	}
	revision := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
	revision.Dir = djangotest.RepositoryPath()
	commit, err := revision.Output()
	if err != nil {
		commit = []byte("unknown")
	}
	return fmt.Sprintf("%s; servers and database share one core, the load has another; load average before %s. PostgreSQL %s, %s, commit %s, %s, %g s a point.",
		model, loadBefore, c.cluster.psql(t, nil, "SHOW server_version"), runtime.Version(), strings.TrimSpace(string(commit)),
		time.Now().UTC().Format(time.DateOnly), *pointSeconds)
}

// numbers are a table with a name for each column, as they stand in a .csv.
type numbers struct {
	columns []string
	rows    [][]string
	notes   []string
}

func newNumbers(columns ...string) *numbers { return &numbers{columns: columns} }

// add appends a row, and prints it: somebody is waiting.
func (n *numbers) add(values ...any) {
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = fmt.Sprint(v)
		if f, ok := v.(float64); ok {
			row[i] = strconv.FormatFloat(f, 'g', 4, 64)
			if f >= 1000 {
				row[i] = strconv.FormatFloat(f, 'f', 0, 64)
			}
		}
	}
	n.rows = append(n.rows, row)
	var b strings.Builder
	for i, column := range n.columns {
		fmt.Fprintf(&b, "  %s=%s", column, row[i])
	}
	fmt.Println(b.String())
}

// points are two columns, of the rows that begin with a text.
func (n *numbers) points(of, x, y string) []point {
	var points []point
	for _, row := range n.rows {
		if of == "" || row[0] == of {
			points = append(points, point{n.number(row, x), n.number(row, y)})
		}
	}
	return points
}

func (n *numbers) number(row []string, column string) float64 {
	v, err := strconv.ParseFloat(row[slices.Index(n.columns, column)], 64)
	if err != nil {
		panic(err) // we have written it
	}
	return v
}

func (n *numbers) write(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(*curvesFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, note := range n.notes {
		fmt.Fprintf(&b, "# %s\n", note)
	}
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{n.columns}, n.rows...)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*curvesFolder, name+".csv"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readNumbers(t *testing.T, name string) *numbers {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(*curvesFolder, name+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	n := &numbers{}
	for line := range strings.Lines(string(text)) {
		if note, ok := strings.CutPrefix(line, "# "); ok {
			n.notes = append(n.notes, strings.TrimSpace(note))
		}
	}
	r := csv.NewReader(strings.NewReader(string(text)))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s.csv has %d rows, %v", name, len(rows), err)
	}
	n.columns, n.rows = rows[0], rows[1:]
	return n
}
