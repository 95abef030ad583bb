package config

// GroupTables names the tables of groups and permissions.
type GroupTables struct {
	Group, GroupID, GroupName                     string // auth_group, id, name
	Permission                                    string // auth_permission
	UserGroups, UserPermissions, GroupPermissions ManyToMany
}

// ManyToMany is the table of a many-to-many field. "" is what Django calls it, or what is found; a table that is
// named is believed where the database has no foreign keys for it.
type ManyToMany struct{ Table, From, To string }

// AreNamed reports whether a table is not the one that Django would have.
func (g GroupTables) AreNamed() bool {
	return g.Group != "auth_group" || g.Permission != "auth_permission" || g.UserGroups.Table+g.UserPermissions.Table+g.GroupPermissions.Table != ""
}

// readGroups reads where groups and permissions are.
func (c *Config) readGroups(r *reader) {
	const prefix = "DJANGO_AUTH_"
	manyToMany := func(name, from, to string) ManyToMany {
		name = prefix + name
		m := ManyToMany{r.identifier(name + "_TABLE"), r.identifier(name + from), r.identifier(name + to)}
		if m.Table == "" && m.From+m.To != "" {
			for _, column := range []string{from, to} {
				if r.value(name + column).given {
					r.fault(name+column, "needs "+name+"_TABLE too: the table that it is in")
				}
			}
		}
		return m
	}
	c.AuthGroups = GroupTables{
		Group: r.identifier(prefix + "GROUP_TABLE"), GroupID: r.identifier(prefix + "GROUP_ID_COLUMN"), GroupName: r.identifier(prefix + "GROUP_NAME_COLUMN"),
		Permission:       r.identifier(prefix + "PERMISSION_TABLE"),
		UserGroups:       manyToMany("USER_GROUPS", "_USER_COLUMN", "_GROUP_COLUMN"),
		UserPermissions:  manyToMany("USER_PERMISSIONS", "_USER_COLUMN", "_PERMISSION_COLUMN"),
		GroupPermissions: manyToMany("GROUP_PERMISSIONS", "_GROUP_COLUMN", "_PERMISSION_COLUMN"),
	}
}
