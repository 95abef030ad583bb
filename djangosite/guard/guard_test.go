package guard_test

import (
	"fmt"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"django-sidecar/djangosite/guard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hello greets whoever asks.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	user, ok := guard.User(r.Context())
	fmt.Fprintf(w, "%s %v", user.Name(), ok)
})

// TestSlipsOfThePen: a requirement that cannot be meant ends the program at its start.
func TestSlipsOfThePen(t *testing.T) {
	var site guard.Guard
	const perm, group = `write "app_label.codename", such as "reports.view_report"`, `write the name of a group, such as "editors"`
	for says, slip := range map[string]func(){
		`RequirePerm(): ` + perm:              func() { site.RequirePerm() },
		`RequirePerm("view_report"): ` + perm: func() { site.RequirePerm("view_report") },
		`RequirePerm(""): ` + perm:            func() { site.RequirePerm("a.b", "") },
		`RequireGroup(): ` + group:            func() { site.RequireGroup() },
		`RequireGroup(""): ` + group:          func() { site.RequireGroup("") },
		`RequireGroup("\xff"): ` + group:      func() { site.RequireGroup("a", "\xff") },
	} {
		func() {
			defer func() {
				if said := recover(); said != "guard: "+says {
					t.Errorf("%v, want %s", said, says)
				}
			}()
			slip()
		}()
	}
}
