package database

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteDSN names the file of a sqlite:/// URL, opened for reading only unless write is true. Nothing of the URL
// reaches the driver but the path, because the driver executes what its _pragma options say.
func sqliteDSN(a *address, timeout time.Duration, write bool) (string, error) {
	if a.path == "" && len(a.hosts) == 0 && a.user == "" || strings.Contains(a.path, ":memory:") || len(a.hosts) == 1 && a.hosts[0].host == ":memory" {
		return "", errors.New("a database in memory cannot be shared with Django; name its file " +
			"(sqlite:////srv/db.sqlite3)")
	}
	if len(a.hosts) > 0 || a.user != "" || a.password != "" {
		return "", errors.New("a SQLite URL has three slashes before a relative path (sqlite:///db.sqlite3) and " +
			"four before an absolute one (sqlite:////srv/db.sqlite3)")
	}
	// mode=ro: the file is neither made nor changed; rw: it is not made. SQLite waits busy_timeout for a writer to
	// finish.
	mode := "mode=ro&_pragma=query_only(1)"
	if write {
		mode = "mode=rw"
	}
	return fmt.Sprintf("file:%s?%s&_pragma=busy_timeout(%d)",
		(&url.URL{Path: a.path}).EscapedPath(), mode, timeout.Milliseconds()), nil
}
