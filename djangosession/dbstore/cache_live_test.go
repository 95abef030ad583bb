//go:build live

package dbstore_test

import (
	"testing"

	"django-sidecar/internal/database"
)

func TestCacheOnPostgres(t *testing.T) {
	testCache(t, &newPostgres(t, database.Options{}).fixture)
}

func TestCacheOnMariaDB(t *testing.T) {
	f := newMariaDB(t, database.Options{}, "char(32)")
	testCache(t, &f.fixture)
	// To this collation, "alive", "ALIVE" and "alíve " are equal; to the dict in which Django looks for the key, they are not.
	f.db.Exec(t, "ALTER DATABASE "+f.db.Name()+" COLLATE utf8mb4_general_ci")
	testCache(t, &f.fixture)
}
