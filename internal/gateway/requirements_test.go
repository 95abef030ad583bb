package gateway_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"django-sidecar/internal/gateway"
)

func TestParseRequirements(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		want        gateway.Requirements
	}{
		{"none demand a user", "", gateway.Requirements{}},
		{"staff", "require=staff", gateway.Requirements{Staff: true}},
		{"superuser", "require=superuser", gateway.Requirements{Superuser: true}},
		{"a group", "require=group:editors", gateway.Requirements{Groups: []string{"editors"}}},
		{"a group with a comma", "require=group:a,b", gateway.Requirements{Groups: []string{"a,b"}}},
		{"a group with a colon", "require=group:a:b", gateway.Requirements{Groups: []string{"a:b"}}},
		{"a group that is encoded", "require=group:M%C3%BCller+%26+Co%2B", gateway.Requirements{Groups: []string{"Müller & Co+"}}},
		{"a permission", "require=perm:blog.add_post", gateway.Requirements{Permissions: []string{"blog.add_post"}}},
		{"a permission whose codename has dots", "require=perm:blog.post.add", gateway.Requirements{Permissions: []string{"blog.post.add"}}},
		{"several", "require=group:a&require=perm:b.c&require=staff&require=group:d&optional=1", gateway.Requirements{
			Staff: true, Groups: []string{"a", "d"}, Permissions: []string{"b.c"}, Optional: true,
		}},
		{"optional", "optional=1", gateway.Requirements{Optional: true}},
		{"a preflight", "preflight=1&require=staff", gateway.Requirements{Preflight: true, Staff: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.ParseRequirements(tt.query)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestRequirementsThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, query, named string }{
		{"another word", "require=admin", "admin"},
		{"capitals", "require=Staff", "Staff"},
		{"an empty one", "require=", `""`},
		{"one without a value", "require", `""`},
		{"several in one", "require=staff,superuser", "staff,superuser"},
		{"a name for staff", "require=staff:x", "staff:x"},
		{"a group without a name", "require=group:", "group:"},
		{"a group without a colon", "require=group", "group"},
		{"a permission without an app", "require=perm:add_post", "perm:add_post"},
		{"a permission with an empty app", "require=perm:.add_post", "perm:.add_post"},
		{"a permission without a codename", "require=perm:blog.", "perm:blog."},
		{"a name that is not UTF-8", "require=group:%ff", `group:\xff`},
		{"another option", "requires=staff", "requires"},
		{"another option beside a good one", "require=staff&group=x", "group"},
		{"optional by another word", "optional=true", "true"},
		{"optional that is off", "optional=0", "0"},
		{"a preflight by another word", "preflight=yes", "yes"},
		{"optional without a value", "optional", `""`},
		{"a bad encoding", "require=group:%zz", "%zz"},
		{"a semicolon", "require=staff;optional=1", "semicolon"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway.ParseRequirements(tt.query)
			if err == nil || !strings.Contains(err.Error(), tt.named) {
				t.Errorf("the error is %v, and does not name %s", err, tt.named)
			}
			if diff := cmp.Diff(gateway.Requirements{}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
