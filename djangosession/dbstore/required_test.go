package dbstore_test

import (
	"database/sql"
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
)

// TestWhatIsRequired: what is missing is told where it is missing, and not by the first question.
func TestWhatIsRequired(t *testing.T) {
	db := new(sql.DB)
	for name, make := range map[string]func(){
		"sessions":         func() { dbstore.NewSessions(db, newCodec(t), dbstore.SessionsConfig{}) },
		"expired":          func() { dbstore.NewExpired(db, dbstore.ExpiredConfig{}) },
		"users":            func() { dbstore.NewUsers(db, dbstore.UsersConfig{Version: django52}) },
		"permissions":      func() { dbstore.NewPermissions(db, dbstore.PermissionsConfig{}) },
		"cache table":      func() { dbstore.NewCacheTable(db, dbstore.CacheTableConfig{Table: "cache"}) },
		"zone of sessions": func() { dbstore.NewSessions(db, newCodec(t), dbstore.SessionsConfig{Dialect: dbstore.SQLite}) },
		"zone of a writer": func() { dbstore.NewWriter(db, newCodec(t), dbstore.SessionsConfig{Dialect: dbstore.SQLite}) },
		"zone of a cache":  func() { dbstore.NewCacheTable(db, dbstore.CacheTableConfig{Dialect: dbstore.MySQL, Table: "cache"}) },
		"zone of expired":  func() { dbstore.NewExpired(db, dbstore.ExpiredConfig{Dialect: dbstore.MySQL}) },
		"zone of users": func() {
			dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.SQLite, Version: django52}).Writer(db, dbstore.Zone{})
		},
		"zone of an estimate": func() {
			_, _ = dbstore.EstimateSessions(t.Context(), db, dbstore.MySQL, "django_session", dbstore.Zone{}, time.Now())
		},
		"zone of a last login": func() {
			u := dbstore.NewUsers(db, dbstore.UsersConfig{Dialect: dbstore.MySQL, Version: django52})
			_, _ = u.LastLogin(t.Context(), "1", dbstore.Zone{})
		},
		"two zones": func() {
			dbstore.NewSessions(db, newCodec(t), dbstore.SessionsConfig{
				Dialect: dbstore.Postgres, Zone: dbstore.Zone{UseTZ: true, Local: time.UTC},
			})
		},
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || text == "" {
					t.Errorf("%s: made without what it needs", name)
				}
			}()
			make()
		}()
	}
}
