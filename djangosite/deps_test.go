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
	leaves := func(path string) bool { // of which nothing outside this module is linked, and no server's protocol
		return path == "signing" || path == "djangosession" || strings.HasSuffix(path, "store")
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
			for _, d := range deps {
				if first, _, _ := strings.Cut(d, "/"); strings.Contains(first, ".") || d == "net/http" {
					t.Errorf("%s links %s", path, d)
				}
			}
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

// TestFewPackages: the rules and one store are few packages of this module.
func TestFewPackages(t *testing.T) {
	for store, want := range map[string][]string{
		"dbstore":     {"djangosession", "djangosession/dbstore", "internal/pickle", "internal/pytext", "internal/sqlcondition", "signing"},
		"cachestore":  {"djangosession", "djangosession/cachestore", "internal/pickle", "internal/pytext", "signing"},
		"filestore":   {"djangosession", "djangosession/filestore", "internal/folder", "internal/pickle", "internal/pytext", "signing"},
		"cookiestore": {"djangosession", "djangosession/cookiestore", "internal/pickle", "internal/pytext", "signing"},
	} {
		var got []string
		for _, d := range goList(t, "-deps", module+"djangosession/"+store) {
			if path, ours := strings.CutPrefix(d, module); ours {
				got = append(got, path)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("djangosession/%s links %v, want %v", store, got, want)
		}
	}
}
