package config

import "django-sidecar/djangosession/dbstore"

// readGroups reads where groups and permissions are.
func (c *Config) readGroups(r *reader) {
	const prefix = "DJANGO_AUTH_"
	manyToMany := func(name, from, to string) dbstore.ManyToMany {
		name = prefix + name
		m := dbstore.ManyToMany{
			Table: r.identifier(name + "_TABLE"), From: r.identifier(name + from),
			To: r.identifier(name + to),
		}
		if m.Table == "" && m.From+m.To != "" {
			for _, column := range []string{from, to} {
				if r.value(name + column).given {
					r.fault(name+column, "needs "+name+"_TABLE too: the table that it is in")
				}
			}
		}
		return m
	}
	c.AuthGroups = dbstore.GroupTables{
		Group: r.identifier(prefix + "GROUP_TABLE"), GroupID: r.identifier(prefix + "GROUP_ID_COLUMN"),
		GroupName:        r.identifier(prefix + "GROUP_NAME_COLUMN"),
		Permission:       r.identifier(prefix + "PERMISSION_TABLE"),
		UserGroups:       manyToMany("USER_GROUPS", "_USER_COLUMN", "_GROUP_COLUMN"),
		UserPermissions:  manyToMany("USER_PERMISSIONS", "_USER_COLUMN", "_PERMISSION_COLUMN"),
		GroupPermissions: manyToMany("GROUP_PERMISSIONS", "_GROUP_COLUMN", "_PERMISSION_COLUMN"),
	}
}
