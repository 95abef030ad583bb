package checkup

import (
	"context"
	"fmt"
	"strings"

	"django-sidecar/djangosession/dbstore"
)

// relationSettings are what the settings of a relation's table begin with.
var relationSettings = map[dbstore.Relation]string{
	dbstore.UserGroups: "DJANGO_AUTH_USER_GROUPS", dbstore.UserPermissions: "DJANGO_AUTH_USER_PERMISSIONS",
	dbstore.GroupPermissions: "DJANGO_AUTH_GROUP_PERMISSIONS",
}

// RelationRemedy says what to do about a table that does not lead to Django's groups or permissions.
func RelationRemedy(e *dbstore.RelationError) string {
	refused := "until then require=group and require=perm are refused, and Remote-Groups is empty"
	if e.Relation != dbstore.UserGroups {
		refused = "until then require=perm is refused"
	}
	setting := relationSettings[e.Relation]
	switch {
	case e.Why != "":
		return fmt.Sprintf("set %s_TABLE and its two columns, %s_…_COLUMN; %s", setting, setting, refused)
	case e.Leads == "":
		return fmt.Sprintf("if it does, say so: %s_TABLE=%s; %s", setting, e.Table, refused)
	case e.Relation == dbstore.UserGroups && strings.Contains(e.Column, "group"):
		return fmt.Sprintf("if the user model's groups are those of %s, set DJANGO_AUTH_GROUP_TABLE=%s, and "+
			"DJANGO_AUTH_GROUP_NAME_COLUMN if their names are not in name; %s",
			e.Leads, e.Leads, refused)
	}
	return fmt.Sprintf("if the user model has another table for them, name it in %s_TABLE; %s", setting, refused)
}

// columnRemedy says what to do about a column that the user table lacks. It may be a property of the user model, for
// which a column that is left out would be the wrong answer.
func columnRemedy(err error) string {
	_, column, _ := strings.Cut(err.Error(), "has no column ")
	remedy := fmt.Sprintf("if %s has another name, set its DJANGO_AUTH_USER_…_COLUMN", column)
	if !strings.Contains(column, "active") {
		return remedy
	}
	return remedy + ". If the user model has is_active as a property, set DJANGO_AUTH_USER_ACTIVE_WHERE to what it " +
		"computes, in SQL, such as " +
		"\"status = 'active'\"; or make a view, CREATE VIEW django_sidecar_users AS SELECT *, CASE WHEN status = " +
		"'active' THEN 1 ELSE 0 END AS is_active " +
		"FROM the table, and set DJANGO_AUTH_USER_TABLE=django_sidecar_users. DJANGO_AUTH_USER_ACTIVE_COLUMN=- says " +
		"that the model has no is_active of its own " +
		"at all, neither column nor property: then everybody is active, as in Django"
}

// inheritanceRemedy says what to do about a user model whose columns are in several tables; "" for any other.
func (d *Checkup) inheritanceRemedy(ctx context.Context) string {
	inherited, err := d.Users.Inherited(ctx)
	if err != nil || inherited == nil {
		return ""
	}
	remedy := "the user model inherits from another one's table. Join them, " + inherited.View +
		"; and set DJANGO_AUTH_USER_TABLE=" + dbstore.ViewName
	for _, m := range []struct{ setting, table string }{
		{"DJANGO_AUTH_USER_GROUPS_TABLE", inherited.UserGroups},
		{"DJANGO_AUTH_USER_PERMISSIONS_TABLE", inherited.UserPermissions},
	} {
		if m.table != "" {
			remedy += ", " + m.setting + "=" + m.table
		}
	}
	return remedy
}
