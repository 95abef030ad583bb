package gateway_test

import (
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
)

// TestMissingIsWhatForbids: the log names the requirement that failed, and none for whoever passes or has to sign in.
func TestMissingIsWhatForbids(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		query string
		user  *djangosession.User
		want  string
	}{
		{"require=staff", ada, "staff"},
		{"require=superuser&require=staff", staff, "superuser"},
		{"require=group:editors&require=group:admins", ada, "group:admins"},
		{"require=group:a,b&require=perm:blog.delete_post", ada, "perm:blog.delete_post"},
		{"require=perm:blog.add_post", ada, ""},
		{"require=perm:blog.delete_post", super, ""},
		{"require=group:admins", super, "group:admins"},
		{"require=staff", staff, ""},
		{"require=staff", nil, ""},
		{"require=staff&optional=1", nil, ""},
	} {
		demands, err := gateway.ParseRequirements(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		d := gateway.Judge(gateway.Request{}, demands, gateway.LoginURL{}, tt.user, editor)
		if d.Missing != tt.want || (d.Action == gateway.Forbidden) != (tt.want != "") {
			t.Errorf("%s: missing %q with outcome %d, want %q", tt.query, d.Missing, d.Action, tt.want)
		}
	}
}
