package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"django-sidecar/internal/dial"
)

// mysqlConnector opens MySQL connections that cannot wait for ever.
type mysqlConnector struct {
	driver.Connector

	settings *mysqlSettings
	timeout  time.Duration
	setup    string // the statement that makes a session ours
}

func newMySQLConnector(s *mysqlSettings, o Options) (*mysqlConnector, error) {
	c := &mysqlConnector{settings: s, timeout: o.Timeout, setup: mysqlSetup(o.Timeout)}
	config := mysqlConfig(s)
	// Values in the text of a query save nothing where it is prepared, and a round trip where it must not be.
	config.InterpolateParams = o.Prepare == PrepareOff
	config.DialFunc = c.dial
	// The driver would change a configuration that several connections share.
	err := config.Apply(mysql.BeforeConnect(func(_ context.Context, own *mysql.Config) (err error) {
		own.TLS, err = s.tls.config(s.host)
		own.AllowFallbackToPlaintext = s.tls.mode == tlsPreferred
		return err
	}))
	if err != nil {
		return nil, err
	}
	c.Connector, err = mysql.NewConnector(config)
	return c, err
}

// mysqlSetup makes a session independent of the server's defaults. Without autocommit, the first query would begin a
// transaction, and all later ones see what it saw: whoever has logged out would stay logged in. This sql_mode has
// backslashes escape, and what does not fit into a column is an error: a password hash would lose its end. The rest
// ends queries for which nobody waits any more: most of the server does not notice that, and its connections would be
// used up. Of the two comments MySQL executes one, and MariaDB the other.
func mysqlSetup(timeout time.Duration) string {
	limit := timeout + grace // the context comes first
	return fmt.Sprintf("SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', lock_wait_timeout = %d"+
		" /*!50708 , max_execution_time = %d */ /*M!100101 , max_statement_time = %.3f */",
		int((limit+time.Second-1)/time.Second), limit.Milliseconds(), limit.Seconds())
}

// Connect implements driver.Connector.
func (c *mysqlConnector) Connect(ctx context.Context) (driver.Conn, error) {
	// database/sql also connects in the background, without a deadline.
	ctx, cancel := context.WithTimeout(ctx, c.settings.connectTimeout)
	defer cancel()
	dialed := new(connecting)
	s, err := c.connect(ctx, dialed)
	if dialed.conn.brokeMySQL(err) {
		// What broke it while it was being opened may be over; see connector.Connect.
		s, err = c.connect(ctx, new(connecting))
	}
	// Of MariaDB's nonce for ed25519 the driver takes away the last byte where that is 0, once in 256 connections:
	// go-sql-driver/mysql v1.10.1, packets.go, readAuthResult.
	for tries := 1; tries < 3 && errors.Is(err, mysql.ErrMalformPkt); tries++ {
		s, err = c.connect(ctx, new(connecting))
	}
	if err != nil {
		return nil, translateMySQL(err)
	}
	return s, nil
}

func (c *mysqlConnector) connect(ctx context.Context, dialed *connecting) (*mysqlSession, error) {
	opened, err := c.Connector.Connect(context.WithValue(ctx, connectingKey{}, dialed))
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connection lacks methods"), opened.Close())
	}
	for _, statement := range []string{c.settings.initCommand, c.setup} {
		if statement == "" {
			continue
		}
		if _, err := conn.ExecContext(ctx, statement, nil); err != nil {
			_ = conn.Close() // the first error is the one that tells
			return nil, err
		}
	}
	dialed.conn.renew()
	return &mysqlSession{session{conn, dialed.conn}}, nil
}

func (c *mysqlConnector) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := dial.New(0).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	dc := &deadlineConn{Conn: conn, timeout: c.timeout}
	dc.allow(ctx)
	if dialed, ok := ctx.Value(connectingKey{}).(*connecting); ok {
		dialed.conn = dc
	}
	return dc, nil
}

// brokeMySQL is broke for an error of MySQL's driver, which does not tell whether the connection broke or was too slow.
// One whose context ended has used up the time for another too: the driver closes it.
func (c *deadlineConn) brokeMySQL(err error) bool {
	var server *mysql.MySQLError
	switch {
	case err == nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &server):
		return mysqlGoing[server.Number]
	}
	return c != nil && c.broken.Load() && !c.slow.Load()
}
