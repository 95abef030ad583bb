package database

import (
	"cmp"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"django-sidecar/djangosession/dbstore"
	"django-sidecar/internal/databaseurl"
)

// mysqlSettings is what a URL decides on.
type mysqlSettings struct {
	network, addr        string // "tcp" and host:port, or "unix" and a path
	host                 string // what a certificate must name
	user, password, name string
	tls                  mysqlTLS
	connectTimeout       time.Duration
	// initCommand is SQL that Django's driver runs on each connection, and so we do.
	initCommand string
}

func openMySQL(rawURL string, a *address, o Options) (*Database, error) {
	s, err := mysqlSettingsOf(a, connectTimeout(o.Timeout))
	if err != nil {
		return nil, err
	}
	first, err := newMySQLConnector(s, o)
	if err != nil {
		return nil, err
	}
	c := o.renew(rawURL, first, func(rawURL string) (driver.Connector, error) {
		a, err := parseURLOf(databaseurl.MySQL, rawURL)
		if err != nil {
			return nil, err
		}
		s, err := mysqlSettingsOf(a, connectTimeout(o.Timeout))
		if err != nil {
			return nil, err
		}
		return newMySQLConnector(s, o)
	})
	return &Database{
		DB: sql.OpenDB(c), Dialect: dbstore.MySQL,
		// Whatever stands between knows which of its own clients has prepared what: the protocol has numbers for that.
		Prepares: func() bool { return o.Prepare != PrepareOff },
		Location: fmt.Sprintf("MySQL database %s at %s", s.name, s.addr),
	}, nil
}

func mysqlSettingsOf(a *address, timeout time.Duration) (*mysqlSettings, error) {
	s := &mysqlSettings{user: a.user, password: a.password, name: a.path, connectTimeout: timeout}
	socket, err := s.applyOptions(a)
	if err != nil {
		return nil, err
	}
	if err := s.applyAddress(a, socket); err != nil {
		return nil, err
	}
	switch {
	case s.user == "":
		return nil, errors.New("no user: write it into the URL")
	case s.name == "":
		return nil, errors.New("no database: write its name into the URL (mysql://user:password@host:3306/name)")
	}
	if err := s.tls.check(); err != nil {
		return nil, err
	}
	if s.network == "unix" {
		s.tls = mysqlTLS{mode: tlsDisabled} // a socket needs none
	}
	return s, nil
}

// applyAddress says where the server is.
func (s *mysqlSettings) applyAddress(a *address, socket string) error {
	if len(a.hosts) > 1 {
		return errors.New("several hosts: a MySQL URL has one")
	}
	var h hostPort
	if len(a.hosts) == 1 {
		h = a.hosts[0]
	}
	if i := strings.LastIndexByte(a.path, '/'); h.host == "" && i > 0 && strings.HasPrefix(a.path, "/") {
		// django-environ: mysql:////cloudsql/project:region:instance/name is a socket and a name
		h.host, s.name = a.path[:i], a.path[i+1:]
	}
	if socket = cmp.Or(socket, h.host); strings.HasPrefix(socket, "/") {
		// db/backends/mysql/base.py, 5.2, get_connection_params: a HOST that begins with a slash is a socket.
		s.network, s.addr = "unix", socket
		return nil
	}
	if (h.host == "" || h.host == "localhost") && h.port == "" {
		// For libmysqlclient, too, localhost means the socket. With a port, the port is meant here.
		for _, path := range mysqlSockets {
			if _, err := os.Stat(path); err == nil {
				s.network, s.addr = "unix", path
				return nil
			}
		}
	}
	port, err := strconv.ParseUint(cmp.Or(h.port, "3306"), 10, 16)
	if err != nil || port == 0 {
		return errors.New("a port is a number from 1 to 65535")
	}
	s.host = cmp.Or(h.host, "localhost")
	s.network, s.addr = "tcp", net.JoinHostPort(s.host, strconv.FormatUint(port, 10))
	return nil
}

// mysqlSockets are where distributions put the server's socket: Debian, Red Hat, and MySQL's own builds.
var mysqlSockets = []string{"/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"}

// applyOptions puts the URL's query into s, and returns the socket that it names.
func (s *mysqlSettings) applyOptions(a *address) (socket string, err error) {
	target := &mysqlTarget{mysqlSettings: s}
	for _, name := range slices.Sorted(maps.Keys(a.query)) {
		o, ok := mysqlOptions[strings.ReplaceAll(strings.ToLower(name), "-", "_")]
		if !ok {
			return "", fmt.Errorf("unknown option %.40q", name)
		}
		value, err := option(a.query, name)
		if err == nil {
			err = o.apply(target, value, strings.ToLower(value))
		}
		if err != nil {
			return "", fmt.Errorf("option %s: %w", name, err)
		}
	}
	return target.socket, nil
}

// mysqlConfig is what the driver wants to know. The texts of the driver's own DSN would need escapes that it does not
// have.
func mysqlConfig(s *mysqlSettings) *mysql.Config {
	c := mysql.NewConfig()
	c.Net, c.Addr = s.network, s.addr
	c.User, c.Passwd, c.DBName = s.user, s.password, s.name
	c.ParseTime, c.Loc = true, time.UTC // which is how dbstore.MySQL wants datetimes
	c.Logger = &mysql.NopLogger{}       // errors are returned
	c.ConnectionAttributes = "program_name:django-sidecar"
	return c
}
