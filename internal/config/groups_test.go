package config_test

import (
	"testing"

	"django-sidecar/djangosession/dbstore"
)

func TestGroupTables(t *testing.T) {
	c := mustLoad(t, with(env{}))
	if c.AuthGroups != (dbstore.GroupTables{Group: "auth_group", GroupID: "id", GroupName: "name", Permission: "auth_permission"}) || c.AuthGroups.AreNamed() {
		t.Errorf("got %+v", c.AuthGroups)
	}
	c = mustLoad(t, with(env{
		"DJANGO_AUTH_GROUP_TABLE": "accounts_group", "DJANGO_AUTH_GROUP_NAME_COLUMN": "title", "DJANGO_AUTH_USER_GROUPS_TABLE": "memberships",
		"DJANGO_AUTH_USER_GROUPS_USER_COLUMN": "person_id", "DJANGO_AUTH_USER_GROUPS_GROUP_COLUMN": "team_id",
		"DJANGO_AUTH_USER_PERMISSIONS_TABLE": "grants", "DJANGO_AUTH_GROUP_PERMISSIONS_TABLE": "rights",
	}))
	if g := c.AuthGroups; g.Group != "accounts_group" || g.GroupName != "title" || g.UserGroups != (dbstore.ManyToMany{Table: "memberships", From: "person_id", To: "team_id"}) ||
		g.UserPermissions.Table != "grants" || g.GroupPermissions.Table != "rights" || !g.AreNamed() {
		t.Errorf("got %+v", g)
	}
	for _, name := range []string{"GROUP_TABLE", "GROUP_ID_COLUMN", "GROUP_NAME_COLUMN", "PERMISSION_TABLE", "USER_GROUPS_TABLE", "USER_PERMISSIONS_TABLE", "GROUP_PERMISSIONS_TABLE"} {
		name = "DJANGO_AUTH_" + name
		wantFault(t, with(env{name: "a\tb"}), name, "without control characters", name+"=")
	}
	for _, name := range []string{
		"USER_GROUPS_USER_COLUMN", "USER_GROUPS_GROUP_COLUMN", "USER_PERMISSIONS_USER_COLUMN", "USER_PERMISSIONS_PERMISSION_COLUMN",
		"GROUP_PERMISSIONS_GROUP_COLUMN", "GROUP_PERMISSIONS_PERMISSION_COLUMN",
	} {
		name = "DJANGO_AUTH_" + name
		wantFault(t, with(env{name: "x"}), name, "_TABLE too: the table that it is in", name+"=")
	}
}
