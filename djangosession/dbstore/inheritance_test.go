package dbstore_test

import (
	"testing"

	"django-sidecar/djangosession/dbstore"
)

func TestInheritedUsersOnSQLite(t *testing.T) {
	f := newSQLite(t)
	f.strict = true
	f.linked(t, nil)
	if got, err := f.users(dbstore.UsersConfig{}).Inherited(t.Context()); err != nil || got != nil {
		t.Errorf("a model that inherits from none: got %v, %v", got, err)
	}
	f.exec(t, `ALTER TABLE auth_user ADD COLUMN password varchar(128); ALTER TABLE auth_user ADD COLUMN username varchar(150);
		UPDATE auth_user SET password = 'pw', username = 'user ' || id;
		CREATE TABLE shop_member (user_ptr_id integer PRIMARY KEY REFERENCES auth_user (id), email varchar(254));
		CREATE TABLE shop_customer (member_ptr_id integer PRIMARY KEY REFERENCES shop_member (user_ptr_id), is_staff bool);
		INSERT INTO shop_member VALUES (1, 'ada@x'), (2, 'bob@x'); INSERT INTO shop_customer VALUES (1, true)`)
	inherited, err := f.users(dbstore.UsersConfig{Table: "shop_customer"}).Inherited(t.Context())
	if err != nil || inherited == nil || inherited.UserGroups != "auth_user_groups" || inherited.UserPermissions != "auth_user_user_permissions" {
		t.Fatalf("got %+v, %v", inherited, err)
	}
	f.exec(t, inherited.View)
	u := f.users(dbstore.UsersConfig{Table: dbstore.ViewName})
	wantUser(t, u, "1", "1 user 1 ada@x pw "+flags(yes, yes, absent))
	wantUser(t, u, "2", "not found") // a member, and no customer
	a := f.reader(dbstore.PermissionsConfig{Table: dbstore.ViewName, Groups: dbstore.GroupTables{
		UserGroups: dbstore.ManyToMany{Table: inherited.UserGroups}, UserPermissions: dbstore.ManyToMany{Table: inherited.UserPermissions},
	}})
	wantAccess(t, a, "1", adas)
	wantAccess(t, a, "2", none)
}
