//go:build live && gateways

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"django-sidecar/internal/djangotest"
)

// oddGroup is a name of characters that mean something in a path, a query or a prefix. Rules write it percent-encoded.
const (
	oddGroup        = "R&D; a/b, 100%"
	oddGroupEncoded = "R%26D%3B%20a%2Fb%2C%20100%25"
)

// requirementRules are paths, and what an operator's file for Envoy requires of each.
var requirementRules = map[string][]string{
	"/staff":   {"staff"},
	"/root":    {"superuser"},
	"/group":   {"group:editors"},
	"/odd":     {"group:" + oddGroupEncoded},
	"/perm":    {"perm:auth.view_group"},
	"/several": {"staff", "group:editors"},
	"/all":     {"superuser", "staff", "group:editors", "perm:auth.view_group"},
	"/mistake": {"staff", "stuff"},
	"/unnamed": {"group:"},
}

// requirementUsers are users beyond those of the rig, and what each has. An inactive user has nothing, whatever the tables say.
var requirementUsers = []struct {
	id, name                 string
	staff, superuser, active bool
	groups                   []int // 1 is editors, 2 writers, 3 the odd one
	permission               bool  // of the user's own
	has                      []string
}{
	{"11", "staff", true, false, true, nil, false, []string{"staff"}},
	{"12", "root", false, true, true, nil, false, []string{"superuser", "perm:auth.view_group"}},
	{"13", "editor", false, false, true, []int{1}, false, []string{"group:editors"}},
	{"14", "odd", false, false, true, []int{3}, false, []string{"group:" + oddGroupEncoded}},
	{"15", "viewer", false, false, true, nil, true, []string{"perm:auth.view_group"}},
	{"16", "member", false, false, true, []int{2}, false, []string{"perm:auth.view_group"}}, // by the group
	{"17", "chief", true, true, true, []int{1}, false, []string{"staff", "superuser", "group:editors", "perm:auth.view_group"}},
	{"18", "gone", true, true, false, []int{1, 2, 3}, true, nil},
}

// TestGatewaysRequirements: Envoy asks with the requirements of its routes, over HTTP in the prefix and over gRPC in the context.
// Each user passes exactly where all that is required holds, by every method, and nobody where a requirement is not understood.
func TestGatewaysRequirements(t *testing.T) {
	rig := newGatewayRig(t)
	keys := rig.addRequirementUsers(t)
	for _, g := range []struct {
		name   string
		start  func(testing.TB, djangotest.GatewayRoute, map[string][]string) *djangotest.Gateway
		broken int // over HTTP, Envoy makes status_on_error of every 5xx
	}{{"envoy", djangotest.EnvoyRules, http.StatusServiceUnavailable}, {"envoy-grpc", djangotest.EnvoyGRPCRules, http.StatusInternalServerError}} {
		t.Run(g.name, func(t *testing.T) {
			through := requirementsTest{gatewayTest{rig: rig, addr: g.start(t, rig.route, requirementRules).Addr}, g.broken}
			asked := 0
			for path, required := range requirementRules {
				for _, user := range requirementUsers {
					asked += through.wantRequired(t, path, required, user.name, keys[user.id], user.active, user.has)
				}
				asked += through.wantRequired(t, path, required, "bob", rig.bob, true, nil)
				asked += through.wantRequired(t, path, required, "", "", false, nil)
				asked += through.wantRequired(t, path, required, "", "0123456789abcdef0123456789abcdef", false, nil)
			}
			t.Logf("%d requests", asked)
		})
	}
}

type requirementsTest struct {
	gatewayTest

	broken int // the status where a requirement is not understood
}

// wantRequired sends requests of one user to one path, and returns how many.
func (g requirementsTest) wantRequired(t *testing.T, path string, required []string, name, key string, alive bool, has []string) (asked int) {
	t.Helper()
	want := http.StatusOK
	switch {
	case slices.Contains(required, "stuff") || slices.Contains(required, "group:"):
		want = g.broken
	case !alive:
		want = http.StatusUnauthorized
	default:
		for _, requirement := range required {
			if !slices.Contains(has, requirement) {
				want = http.StatusForbidden
			}
		}
	}
	before, reached := g.rig.seen(t), 0
	for _, request := range []string{
		get(path, gatewayCookie(key)), get(path+"/x?require=&optional=1", gatewayCookie(key)), requestOf("POST", path, "Content-Length: 0\r\n"+gatewayCookie(key)),
		requestOf("OPTIONS", path, "Origin: http://example.com\r\nAccess-Control-Request-Method: PUT\r\n"+gatewayCookie(key)),
	} {
		asked++
		answer := g.do(t, request)
		if answer.status != want {
			t.Errorf("%.60q by %q: status %d %v, want %d", request, name, answer.status, answer.err, want)
		} else if got := answer.header.Get("X-Application"); want == http.StatusOK && got != name {
			t.Errorf("%.60q by %q: the application sees %q", request, name, got)
		}
		if want == http.StatusOK {
			reached++
		}
	}
	if got := g.rig.seen(t) - before; got != reached {
		t.Errorf("%s by %q: %d requests are at the application, want %d", path, name, got, reached)
	}
	return asked
}

// addRequirementUsers puts the users into the database, and logs them in.
func (r *gatewayRig) addRequirementUsers(t *testing.T) (keys map[string]string) {
	t.Helper()
	permission := "(SELECT p.id FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id" +
		" WHERE c.app_label = 'auth' AND p.codename = 'view_group')"
	r.django.Execute("INSERT INTO auth_group (id, name) VALUES (3, '" + oddGroup + "')")
	r.django.Execute("INSERT INTO auth_group_permissions (group_id, permission_id) SELECT 2, " + permission)
	keys = map[string]string{}
	for _, user := range requirementUsers {
		r.django.Execute(fmt.Sprintf("INSERT INTO auth_user (id, password, username, email, is_staff, is_superuser, is_active, first_name, last_name, date_joined)"+
			" VALUES (%s, 'p', '%s', '', %t, %t, true, '', '', now())", user.id, user.name, user.staff, user.superuser))
		for _, group := range user.groups {
			r.django.Execute(fmt.Sprintf("INSERT INTO auth_user_groups (user_id, group_id) VALUES (%s, %d)", user.id, group))
		}
		if user.permission {
			r.django.Execute("INSERT INTO auth_user_user_permissions (user_id, permission_id) SELECT " + user.id + ", " + permission)
		}
		keys[user.id] = r.django.Login(user.id)
		r.django.Execute(fmt.Sprintf("UPDATE auth_user SET is_active = %t WHERE id = %s", user.active, user.id))
	}
	return keys
}
