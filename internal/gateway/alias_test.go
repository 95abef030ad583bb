package gateway_test

import (
	"slices"
	"testing"

	"django-sidecar/internal/gateway"
)

func TestIsAlias(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"remote-user": false, "Remote-User": false, "REMOTE-GROUPS": false,
		"remote_user": true, "Remote_User": true, "remote.user": true, "remote-user_id": true, "remote_user.id": true, "remote~groups": true,
		"remote user": true, "remote-email ": false, "remoteuser": false, "remote--user": false, "x-remote_user": false, "": false, "remote\x00user": true,
	} {
		if got := gateway.IsAlias(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	list := gateway.Aliases()
	if len(list) != 2+8+2+2 {
		t.Errorf("%d aliases: %q", len(list), list)
	}
	for _, name := range list {
		if !gateway.IsAlias(name) {
			t.Errorf("%q is no alias", name)
		}
	}
	for _, name := range []string{"remote_user", "remote.user", "remote_user_id", "remote-user_id", "remote.user_id", "remote_groups"} {
		if !slices.Contains(list, name) {
			t.Errorf("%q is missing", name)
		}
	}
}
