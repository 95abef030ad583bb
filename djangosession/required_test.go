package djangosession_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// TestBackendsAreRequired: without a list, every user would be unknown_backend.
func TestBackendsAreRequired(t *testing.T) {
	store := storeFunc(func(context.Context, string) (*djangosession.Session, error) { return nil, djangosession.ErrNotFound })
	c := djangosession.VerifierConfig{Version: djangosession.MustVersion("5.2"), SecretKey: signing.SecretKey("a secret key for tests")}
	if _, err := djangosession.NewVerifier(c, store, ada(djangosession.True)); err == nil || !strings.Contains(err.Error(), "AUTHENTICATION_BACKENDS") {
		t.Errorf("without backends: %v", err)
	}
	c.AuthenticationBackends = []string{}
	if _, err := djangosession.NewVerifier(c, store, ada(djangosession.True)); err != nil {
		t.Errorf("with no backends: %v", err)
	}
}

// TestZeroBytesAreTheDefault: 0 is the default bound, as in every configuration.
func TestZeroBytesAreTheDefault(t *testing.T) {
	if _, err := djangosession.ParseSession([]byte(`{"a": 1}`), djangosession.JSON, djangosession.MustVersion("5.2"), 0); err != nil {
		t.Error(err)
	}
	large := `{"a": "` + strings.Repeat("x", djangosession.DefaultMaxBytes) + `"}`
	if _, err := djangosession.ParseSession([]byte(large), djangosession.JSON, djangosession.MustVersion("5.2"), 0); err == nil {
		t.Error("more than the default is read")
	}
}

// TestSmallTypes: the methods that spare a comparison.
func TestSmallTypes(t *testing.T) {
	for flag, want := range map[djangosession.Flag]bool{djangosession.False: false, djangosession.True: true, djangosession.NullFlag: false, djangosession.AbsentFlag: false} {
		if flag.Bool() != want {
			t.Errorf("%d is %v", flag, flag.Bool())
		}
	}
	name := "ada"
	if (djangosession.User{}).Name() != "" || (djangosession.User{Username: &name}).Name() != name {
		t.Error("the name of a user is another")
	}
	member := djangosession.Access{IsActive: true, Groups: []string{"editors"}, Permissions: map[string]struct{}{"a.b": {}}}
	inactive, unknown := member, member
	inactive.IsActive, unknown.PermissionsUnknown = false, true
	boss := djangosession.User{IsSuperuser: djangosession.True}
	for _, tt := range []struct {
		access djangosession.Access
		user   djangosession.User
		perm   string
		want   bool
	}{
		{member, djangosession.User{}, "a.b", true},
		{member, djangosession.User{}, "a.c", false},
		{member, boss, "a.c", true},
		{inactive, boss, "a.b", false},
		{unknown, boss, "a.b", false},
		{djangosession.Access{}, boss, "a.b", false},
	} {
		if got := tt.access.HasPerm(tt.user, tt.perm); got != tt.want {
			t.Errorf("%+v has %s: %v", tt.access, tt.perm, got)
		}
	}
	if !member.InGroup("editors") || member.InGroup("Editors") || (djangosession.Access{}).InGroup("") {
		t.Error("groups are others")
	}
	defer func() {
		if recover() == nil {
			t.Error("MustVersion takes no version for one")
		}
	}()
	djangosession.MustVersion("five")
}

// TestImports: who imports a package of the library gets what it needs, and no driver, cache, server or metrics.
func TestImports(t *testing.T) {
	ours := map[string]string{
		"./":            "djangosession internal/pickle internal/pytext signing",
		"./dbstore":     "djangosession djangosession/dbstore internal/pickle internal/pytext internal/sqlcondition signing",
		"./cachestore":  "djangosession djangosession/cachestore internal/pickle internal/pytext signing",
		"./filestore":   "djangosession djangosession/filestore internal/folder internal/pickle internal/pytext signing",
		"./cookiestore": "djangosession djangosession/cookiestore internal/pickle internal/pytext signing",
	}
	for pkg, want := range ours {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		allowed := map[string]bool{"github.com/klauspost/compress/flate": true}
		for name := range strings.FieldsSeq(want) {
			allowed["django-sidecar/"+name] = true
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if !allowed[dep] {
				t.Errorf("%s imports %s", pkg, dep)
			}
		}
	}
}
