package gateway_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
)

func text(s string) *string { return &s }

// A user of every kind.
var (
	ada      = &djangosession.User{ID: "42", Username: text("ada"), Email: text("ada@example.com")}
	staff    = &djangosession.User{ID: "1", IsStaff: djangosession.True}
	super    = &djangosession.User{ID: "2", IsSuperuser: djangosession.True}
	null     = &djangosession.User{ID: "3", IsStaff: djangosession.NullFlag, IsSuperuser: djangosession.NullFlag}
	flagless = &djangosession.User{ID: "4", IsStaff: djangosession.AbsentFlag, IsSuperuser: djangosession.AbsentFlag}
)

// In these tables, a user who is active, and one who may do something too.
var (
	active = djangosession.Access{IsActive: true}
	editor = djangosession.Access{
		IsActive: true, Groups: []string{"a,b", "editors"},
		Permissions: map[string]struct{}{"blog.add_post": {}, "blog.change_post": {}},
	}
)

type decideTest struct {
	name, query string
	user        *djangosession.User
	access      djangosession.Access
	want        gateway.Action
}

func TestDecideByUser(t *testing.T) {
	t.Parallel()
	decide(t, []decideTest{
		{"nobody signs in", "", nil, active, gateway.SignIn},
		{"nobody signs in where staff is demanded", "require=staff", nil, active, gateway.SignIn},
		{"nobody passes where a user is optional", "optional=1", nil, active, gateway.Allow},
		{"nobody passes where staff is demanded of users, and a user is optional", "require=staff&optional=1", nil, active, gateway.Allow},
		{"a user passes", "", ada, djangosession.Access{}, gateway.Allow},
		{"a user passes where one is optional", "optional=1", ada, active, gateway.Allow},
		{"a user who is no staff is forbidden", "require=staff", ada, editor, gateway.Forbidden},
		{"a user who is no staff is forbidden where a user is optional", "require=staff&optional=1", ada, editor, gateway.Forbidden},
		{"staff is staff", "require=staff", staff, active, gateway.Allow},
		{"staff is no superuser", "require=superuser", staff, active, gateway.Forbidden},
		{"a superuser is one", "require=superuser", super, active, gateway.Allow},
		{"a superuser is not staff by that", "require=staff", super, active, gateway.Forbidden},
		{"NULL is not staff", "require=staff", null, active, gateway.Forbidden},
		{"NULL is no superuser", "require=superuser", null, active, gateway.Forbidden},
		{"a model without the column has no staff", "require=staff", flagless, active, gateway.Forbidden},
		{"a model without the column has no superusers", "require=superuser", flagless, active, gateway.Forbidden},
		{"a model without the columns has users", "", flagless, active, gateway.Allow},
		{"a model without the column has no superusers for permissions", "require=perm:a.b", flagless, active, gateway.Forbidden},
	})
}

func TestDecideByAccess(t *testing.T) {
	t.Parallel()
	decide(t, []decideTest{
		{"a member of the group", "require=group:editors", ada, editor, gateway.Allow},
		{"a member of a group with a comma", "require=group:a,b", ada, editor, gateway.Allow},
		{"a member of another group", "require=group:a", ada, editor, gateway.Forbidden},
		{"groups differ by case", "require=group:Editors", ada, editor, gateway.Forbidden},
		{"a superuser is in no group by that", "require=group:editors", super, active, gateway.Forbidden},
		{"a permission", "require=perm:blog.add_post", ada, editor, gateway.Allow},
		{"a permission that is lacking", "require=perm:blog.delete_post", ada, editor, gateway.Forbidden},
		{"nothing is known of what the user may do", "require=perm:blog.add_post", ada, djangosession.Access{}, gateway.Forbidden},
		{"a superuser has every permission", "require=perm:blog.delete_post", super, active, gateway.Allow},
		{"an inactive superuser has none", "require=perm:blog.delete_post", super, djangosession.Access{}, gateway.Forbidden},
		{"all that is demanded holds", "require=perm:blog.add_post&require=perm:blog.change_post&require=group:editors", ada, editor, gateway.Allow},
		{"the first of two permissions is lacking", "require=perm:blog.x&require=perm:blog.add_post", ada, editor, gateway.Forbidden},
		{"the second of two permissions is lacking", "require=perm:blog.add_post&require=perm:blog.x", ada, editor, gateway.Forbidden},
		{"the second of two groups is lacking", "require=group:editors&require=group:x", ada, editor, gateway.Forbidden},
		{"the group holds and the permission does not", "require=group:editors&require=perm:blog.x", ada, editor, gateway.Forbidden},
		{"the permission holds and staff does not", "require=perm:blog.add_post&require=staff", ada, editor, gateway.Forbidden},
	})
}

func decide(t *testing.T, tests []decideTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := gateway.ParseRequirements(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			got, identity := r.Decide(tt.user, tt.access)
			if got != tt.want {
				t.Errorf("outcome %d, want %d", got, tt.want)
			}
			want := ""
			if tt.want == gateway.Allow && tt.user != nil {
				want = tt.user.ID
			}
			if identity.UserID != want {
				t.Errorf("the identity is %+v", identity)
			}
			if want == "" && !cmp.Equal(identity, gateway.Identity{}) {
				t.Errorf("%+v is not empty", identity)
			}
		})
	}
}

func TestWhatNeedsAccess(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"": false, "require=staff": false, "require=superuser&optional=1": false,
		"require=group:a": true, "require=perm:a.b": true, "require=staff&require=perm:a.b": true,
	} {
		r, err := gateway.ParseRequirements(query)
		if err != nil || r.NeedsAccess() != want {
			t.Errorf("%q: %v, %v", query, r.NeedsAccess(), err)
		}
	}
}

func TestZeroValuesDeny(t *testing.T) {
	t.Parallel()
	if got := (gateway.Decision{}).Action; got != gateway.Unavailable {
		t.Errorf("the zero Decision is %d", got)
	}
	if got, _ := (gateway.Requirements{}).Decide(nil, djangosession.Access{}); got != gateway.SignIn {
		t.Errorf("the zero Requirements let nobody pass with %d", got)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	login := newLogin(t, "/login/", "next")
	page := gateway.Request{Method: "GET", Scheme: "http", Host: "h", URI: "/a", Navigation: true}
	script := page
	script.Navigation = false
	demands := gateway.Requirements{Staff: true}
	tests := []struct {
		name    string
		request gateway.Request
		user    *djangosession.User
		want    gateway.Decision
	}{
		{"a page is sent to the login page", page, nil, gateway.Decision{Action: gateway.SignIn, Location: "/login/?next=/a"}},
		{"a script is not", script, nil, gateway.Decision{Action: gateway.SignIn}},
		{"who is forbidden is not", page, ada, gateway.Decision{Action: gateway.Forbidden, Missing: "staff"}},
		{"who is allowed is not", page, staff, gateway.Decision{Action: gateway.Allow, Identity: gateway.Identity{UserID: "1", Groups: []string{"g"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := gateway.Judge(tt.request, demands, login, tt.user, djangosession.Access{Groups: []string{"g"}})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
