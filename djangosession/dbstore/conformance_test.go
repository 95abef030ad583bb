package dbstore_test

import (
	"testing"
	"time"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/djangosession/storetest"
	"django-sidecar/signing"
)

func TestConformanceOnSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness { return conformance(t, newSQLite(t)) })
}

// conformance is the harness of every database.
func conformance(t *testing.T, f *fixture) storetest.Harness {
	t.Helper()
	f.table(t, "django_session", sessionColumns)
	at := func(expires time.Time) string {
		text := expires.UTC().Format("2006-01-02 15:04:05")
		if f.Dialect == dbstore.Postgres {
			text += "+00"
		}
		return text
	}
	return storetest.Harness{
		Store: f.sessions(t, dbstore.SessionsConfig{}),
		Put: func(t *testing.T, s storetest.SessionToStore) string {
			data, err := newCodec(t).Encode(s.Entries, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			f.exec(t, "DELETE FROM django_session WHERE session_key = '"+s.Key+"'")
			f.exec(t, "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('"+s.Key+"', '"+data+"', '"+at(s.ExpireDate)+"')")
			return s.Key
		},
		Expire: func(t *testing.T, key string) string {
			f.exec(t, "UPDATE django_session SET expire_date = '"+at(time.Now().Add(-time.Second))+"' WHERE session_key = '"+key+"'")
			return key
		},
		Delete: func(t *testing.T, key string) { f.exec(t, "DELETE FROM django_session WHERE session_key = '"+key+"'") },
		Corrupt: func(t *testing.T, key string) string {
			f.exec(t, "UPDATE django_session SET session_data = 'e30:1wbGhM:c2lnbmF0dXJl' WHERE session_key = '"+key+"'")
			return key
		},
		Break:     func(t *testing.T) { f.exec(t, "ALTER TABLE django_session RENAME TO away") },
		Repair:    func(t *testing.T) { f.exec(t, "ALTER TABLE away RENAME TO django_session") },
		Corrupted: signing.ErrBadSignature, TellsExpired: true, Secrets: []string{"a secret key for tests of stores"},
	}
}
