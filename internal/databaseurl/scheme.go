// Package databaseurl knows the schemes of DATABASE_URL: which database each names, and which of them cannot be read
// here.
package databaseurl

import (
	"errors"
	"fmt"
	"strings"
)

// Vendor is a database that can be read, as connection.vendor of Django tells them apart.
type Vendor string

// The vendors; the zero Vendor is none.
const (
	Postgres Vendor = "PostgreSQL"
	MySQL    Vendor = "MySQL"
	SQLite   Vendor = "SQLite"
)

// kinds has the schemes of dj-database-url 3.1.2 (ENGINE_SCHEMES) and django-environ 0.14.0 (Env.DB_SCHEMES), those
// that older releases and other packages register, and the last words of Django's own engines. CockroachDB,
// TimescaleDB and django-postgres-extra speak PostgreSQL's protocol, and have its tables.
var kinds = map[string]Vendor{
	"postgres": Postgres, "postgresql": Postgres, "psql": Postgres, "pgsql": Postgres, "postgis": Postgres,
	"postgresql_psycopg2": Postgres, "psqlextra": Postgres, "timescale": Postgres, "timescaledb": Postgres,
	"timescalegis": Postgres,
	"cockroach":    Postgres, "cockroachdb": Postgres, "django_cockroachdb": Postgres,
	"mysql": MySQL, "mysql2": MySQL, "mysqlgis": MySQL, "mysql-connector": MySQL, "mariadb": MySQL,
	"sqlite": SQLite, "sqlite3": SQLite, "spatialite": SQLite,
}

// others are what those packages map to databases that are not read here.
var others = map[string]string{
	"oracle": "Oracle", "oraclegis": "Oracle",
	"mssql": "Microsoft SQL Server", "mssqlms": "Microsoft SQL Server", "pyodbc": "Microsoft SQL Server",
	"sqlserver": "Microsoft SQL Server",
	"redshift":  "Amazon Redshift", "django_redshift_backend": "Amazon Redshift",
	"snowflake": "Snowflake", "django_snowflake": "Snowflake", "ldap": "LDAP", "mongodb": "MongoDB",
	"mongo": "MongoDB", "spanner": "Google Spanner",
	"db2": "IBM Db2", "ibm_db_django": "IBM Db2",
}

// errScheme is the error of a scheme that names nothing.
var errScheme = errors.New("is not a URL that begins with postgres://, postgresql://, mysql://, mariadb:// " +
	"or sqlite://, or with another scheme of dj-database-url or django-environ")

// Of returns the kind of database that a URL names by its scheme, in any case. The scheme may have a driver after it,
// as SQLAlchemy writes it (postgresql+psycopg://), and before it the module of an engine
// (django.db.backends.postgresql://), or the prefix of django-prometheus. The error continues a sentence that begins
// with the setting's name, and says what to do; it holds no part of the URL but a scheme that is known.
func Of(url string) (Vendor, error) {
	scheme, _, found := strings.Cut(url, "://")
	if !found {
		return "", errScheme
	}
	scheme, _, _ = strings.Cut(strings.ToLower(scheme), "+")
	scheme = strings.TrimPrefix(scheme[strings.LastIndexByte(scheme, '.')+1:], "prometheus_")
	if kind, ok := kinds[scheme]; ok {
		return kind, nil
	}
	if name, ok := others[scheme]; ok {
		return "", fmt.Errorf("names %s, which django-sidecar does not read: PostgreSQL, MySQL, MariaDB and "+
			"SQLite it does. "+
			"Let a database router of Django keep users and sessions in one of these; or keep sessions in a cache, "+
			"in files or in signed cookies, and set "+
			"SIDECAR_INSECURE_SKIP_USER_CHECK=true, with which deactivated users and changed passwords go unseen", name)
	}
	return "", errScheme
}
