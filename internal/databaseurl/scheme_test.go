package databaseurl_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/databaseurl"
)

func TestSchemes(t *testing.T) {
	for kind, schemes := range map[databaseurl.Vendor]string{
		// dj_database_url/__init__.py, 3.1.2, register; environ/environ.py, 0.14.0, DB_SCHEMES.
		databaseurl.Postgres: "postgres postgresql pgsql psql postgis timescale timescalegis cockroach cockroachdb psqlextra POSTGRES " +
			"prometheus_postgresql prometheus_postgis postgresql+psycopg2 postgres+asyncpg django.db.backends.postgresql " +
			"django.contrib.gis.db.backends.postgis django.db.backends.postgresql_psycopg2 django_cockroachdb timescale.db.backends.postgresql",
		databaseurl.MySQL:  "mysql mysql2 mysqlgis mysql-connector mariadb prometheus_mysql mysql+pymysql mariadb+mariadbconnector django.db.backends.mysql",
		databaseurl.SQLite: "sqlite sqlite3 spatialite prometheus_sqlite prometheus_spatialite sqlite+pysqlite django.db.backends.sqlite3",
	} {
		for scheme := range strings.FieldsSeq(schemes) {
			if got, err := databaseurl.Of(scheme + "://u:pa55@h/n"); err != nil || got != kind {
				t.Errorf("%s: got %q, %v, want %s", scheme, got, err, kind)
			}
		}
	}
}

func TestOtherDatabasesAreRefusedByName(t *testing.T) {
	for scheme, name := range map[string]string{
		"oracle": "Oracle", "oraclegis": "Oracle", "ORACLE": "Oracle", "oracle+cx_oracle": "Oracle", "django.db.backends.oracle": "Oracle",
		"mssql": "Microsoft SQL Server", "mssqlms": "Microsoft SQL Server", "pyodbc": "Microsoft SQL Server",
		"redshift": "Amazon Redshift", "snowflake": "Snowflake", "ldap": "LDAP", "mongodb+srv": "MongoDB",
	} {
		got, err := databaseurl.Of(scheme + "://u:pa55@h/n")
		if err == nil || got != "" || !strings.Contains(err.Error(), "names "+name+",") || !strings.Contains(err.Error(), "SIDECAR_INSECURE_SKIP_USER_CHECK") {
			t.Errorf("%s: got %q, %v", scheme, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "pa55") {
			t.Errorf("%s: the error shows the password: %v", scheme, err)
		}
	}
	for _, url := range []string{"", "postgres", "postgres:/h", "://h", "http://u:pa55@h", "postgresqlx://h", "pa55://h", "a.b.pa55+x://h"} {
		got, err := databaseurl.Of(url)
		if err == nil || got != "" || strings.Contains(err.Error(), "pa55") || !strings.Contains(err.Error(), "postgres://") {
			t.Errorf("%s: got %q, %v", url, got, err)
		}
	}
}
