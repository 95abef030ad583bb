package dbstore_test

import (
	"database/sql"
	"testing"

	"django-sidecar/djangosession/dbstore"
)

// TestDialectIsRequired: what is missing is told where it is missing, and not by the first question.
func TestDialectIsRequired(t *testing.T) {
	db := new(sql.DB)
	for name, make := range map[string]func(){
		"sessions":    func() { dbstore.NewSessions(db, newCodec(t), dbstore.SessionsConfig{}) },
		"users":       func() { dbstore.NewUsers(db, dbstore.UsersConfig{Version: django52}) },
		"permissions": func() { dbstore.NewPermissions(db, dbstore.PermissionsConfig{}) },
		"cache table": func() { dbstore.NewCacheTable(db, dbstore.CacheTableConfig{Table: "cache"}) },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || text == "" {
					t.Errorf("%s: made without a dialect", name)
				}
			}()
			make()
		}()
	}
}
