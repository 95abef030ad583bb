//go:build live

package dbstore_test

import (
	"net/url"
	"testing"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/database"
)

func TestForeignKeysOnPostgres(t *testing.T) {
	f := newPostgres(t, database.Options{})
	testForeignKeys(t, &f.fixture)
	testAccessOfAView(t, &f.fixture)

	// The same names in another schema are other tables.
	f.linked(t, nil)
	f.exec(t, `CREATE SCHEMA tenant; CREATE TABLE tenant.auth_group (id integer PRIMARY KEY, name text); INSERT INTO tenant.auth_group SELECT id, 'tenant ' || id FROM auth_group;
		ALTER TABLE auth_user_groups DROP CONSTRAINT auth_user_groups_group_id_fkey, ADD FOREIGN KEY (group_id) REFERENCES tenant.auth_group (id)`)
	if got := allowed(t.Context(), f.reader(dbstore.PermissionsConfig{}), "1"); got !=
		"error: the groups of users are not known: table auth_user_groups leads from group_id to tenant.auth_group, and not to auth_group" {
		t.Errorf("with groups in another schema: got %s", got)
	}
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Groups: dbstore.GroupTables{Group: "tenant.auth_group"}}), "1", "active: tenant 1|tenant 2|tenant 3: ")

	// A partitioned table has a constraint for each partition of what it leads to.
	f.linked(t, nil)
	f.exec(t, `ALTER TABLE auth_user_groups DROP CONSTRAINT auth_user_groups_group_id_fkey; DROP TABLE auth_group CASCADE;
		CREATE TABLE auth_group (id integer PRIMARY KEY, name text) PARTITION BY RANGE (id); CREATE TABLE auth_group_1 PARTITION OF auth_group FOR VALUES FROM (0) TO (100);
		INSERT INTO auth_group VALUES (1, 'writers'), (2, 'editors'), (3, 'Zoë, "and" co'), (4, 'x'); ALTER TABLE auth_user_groups ADD FOREIGN KEY (group_id) REFERENCES auth_group (id);
		ALTER TABLE auth_group_permissions ADD FOREIGN KEY (group_id) REFERENCES auth_group (id)`)
	wantAccess(t, f.reader(dbstore.PermissionsConfig{}), "1", adas)
}

func TestForeignKeysOnMariaDB(t *testing.T) {
	f := newMariaDB(t, database.Options{}, "uuid")
	testForeignKeys(t, &f.fixture)
	testAccessOfAView(t, &f.fixture)

	// A user of the database that may read the tables sees where they lead.
	f.linked(t, nil)
	limited := "relations_of_" + f.db.Name()
	f.server.ExecAsSuperuser(t, "CREATE USER "+limited+"@'%'")
	t.Cleanup(func() { f.server.ExecAsSuperuser(t, "DROP USER "+limited) })
	for _, table := range []string{
		"auth_group", "auth_permission", "django_content_type", "auth_group_permissions", "auth_user_groups", "auth_user_user_permissions", "auth_user",
	} {
		f.server.ExecAsSuperuser(t, "GRANT SELECT ON "+f.db.Name()+"."+table+" TO "+limited)
	}
	u, err := url.Parse(f.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(limited)
	reader := &fixture{Database: openReader(t, u.String(), database.Options{}), strict: true}
	wantAccess(t, reader.reader(dbstore.PermissionsConfig{}), "1", adas)

	// MyISAM has no foreign keys, and takes them in silence.
	f.exec(t, `ALTER TABLE auth_user_groups DROP FOREIGN KEY auth_user_groups_ibfk_1, DROP FOREIGN KEY auth_user_groups_ibfk_2;
		ALTER TABLE auth_user_groups ENGINE = MyISAM`)
	if got := allowed(t.Context(), f.reader(dbstore.PermissionsConfig{}), "1"); got !=
		"error: the groups of users are not known: table auth_user_groups has no foreign key on user_id, so that nobody can see whether it leads to auth_user" {
		t.Errorf("with MyISAM: got %s", got)
	}
	wantAccess(t, f.reader(dbstore.PermissionsConfig{Groups: dbstore.GroupTables{UserGroups: dbstore.ManyToMany{Table: "auth_user_groups"}}}), "1", adas)
}
