package djangosite_test

import (
	"slices"
	"strings"
	"testing"
)

// TestImportingCostsWhatIsUsed: what each package of the library links beside Go's own packages. "" is this module's.
func TestImportingCostsWhatIsUsed(t *testing.T) {
	drivers := []string{"github.com/lib/pq", "github.com/go-sql-driver/mysql", "modernc.org/sqlite"}
	caches := []string{"github.com/redis/go-redis/v9", "github.com/bradfitz/gomemcache/memcache"}
	never := []string{
		"google.golang.org/grpc", "github.com/envoyproxy", "go.opentelemetry.io", "django-sidecar/handlers",
		"django-sidecar/internal/extauthz", "django-sidecar/internal/serving", "django-sidecar/internal/djangotest",
	}
	const echo = "github.com/labstack/echo"
	leaves := func(path string) bool { // by which nothing outside this module is linked
		return path == "signing" || path == "djangosession" || strings.HasSuffix(path, "store") || path == "djangosite/guard"
	}
	for _, path := range publicPackages(t) {
		if path == "djangosession/storetest" {
			continue // for tests
		}
		absent := slices.Clone(never)
		if path != "djangosite/echosite" {
			absent = append(absent, echo)
		}
		deps := goList(t, "-deps", module+path)
		switch {
		case leaves(path):
			absent = append(absent, outside(deps)...)
			if path != "djangosite/guard" {
				absent = append(absent, "net/http")
			}
		case path == "djangosite/echosite": // but for what Echo links itself
			echos := goList(t, "-deps", echo+"/v4")
			absent = append(absent, slices.DeleteFunc(outside(deps), func(d string) bool { return slices.Contains(echos, d) })...)
		case path == "djangosession/dbopen":
			absent = append(absent, caches...)
		case path == "djangosite": // whose settings may name any of them
			for _, d := range append(drivers, caches...) {
				if !slices.Contains(deps, d) {
					t.Errorf("%s does not link %s, which settings may need", path, d)
				}
			}
		}
		for _, d := range deps {
			for _, a := range absent {
				if d == a || strings.HasPrefix(d, a+"/") {
					t.Errorf("%s links %s", path, d)
				}
			}
		}
	}
}

// outside are the packages that are neither Go's own nor of this module.
func outside(paths []string) (all []string) {
	for _, path := range paths {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			all = append(all, path)
		}
	}
	return all
}

// TestFewPackages: the rules and one store are few packages of this module, and so is what asks a sidecar.
func TestFewPackages(t *testing.T) {
	rules := []string{"djangosession", "internal/pickle", "internal/pytext", "signing"}
	asks := append(slices.Clone(rules), "djangosite/guard", "internal/gateway", "internal/middleware", "internal/reply", "internal/urlquote")
	for path, want := range map[string][]string{
		"djangosession/dbstore":     append(slices.Clone(rules), "internal/sqlcondition"),
		"djangosession/cachestore":  rules,
		"djangosession/filestore":   append(slices.Clone(rules), "internal/folder"),
		"djangosession/cookiestore": rules,
		"djangosite/guard":          asks,
		"djangosite/echosite":       asks,
	} {
		var got []string
		for _, d := range goList(t, "-deps", module+path) {
			if of, ours := strings.CutPrefix(d, module); ours && of != path {
				got = append(got, of)
			}
		}
		want = slices.DeleteFunc(slices.Clone(want), func(of string) bool { return of == path })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s links %v, want %v", path, got, want)
		}
	}
}
