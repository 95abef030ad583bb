package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// renewing is a connector for a URL whose password is changed while we run. A server that refuses the password may be
// ahead of the URL, or behind it: whoever changes both cannot do it in one instant. So the URL is asked for again,
// and the server too.
type renewing struct {
	driver.Connector // of the first URL, for Driver

	now  func() (rawURL string, ok bool)
	open func(rawURL string) (driver.Connector, error)

	mu      sync.Mutex
	url     string           // the newest that is known,
	current driver.Connector // what connects with it,
	refused time.Time        // and since when the server refuses it; zero: it does not
}

const (
	// patience is how long a refusal is taken for one that passes. A password that is wrong is told at once after that.
	patience = 2 * time.Second
	// The server is asked again after firstPause, then after twice as long each time, up to lastPause.
	firstPause, lastPause = 10 * time.Millisecond, 160 * time.Millisecond
)

// renew returns c, or where the URL may change, what follows that.
func (o Options) renew(rawURL string, c driver.Connector, open func(rawURL string) (driver.Connector, error)) driver.Connector {
	if o.URLNow == nil {
		return c
	}
	return &renewing{Connector: c, now: o.URLNow, open: open, url: rawURL, current: c}
}

// Connect implements driver.Connector. It takes no longer than two connectors take that are refused at once.
func (r *renewing) Connect(ctx context.Context) (driver.Conn, error) {
	url, current := r.newest()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		conn, err := current.Connect(ctx)
		if err == nil {
			r.worked(url)
			return conn, nil
		}
		if !isRefusal(err) {
			return nil, err
		}
		if next, connector := r.renewed(); next != url {
			url, current = next, connector
			continue
		}
		if !r.passes(url) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
			url, current = r.renewed()
		}
	}
}

func (r *renewing) newest() (string, driver.Connector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.url, r.current
}

// renewed asks for the URL. One that cannot be used changes nothing.
func (r *renewing) renewed() (string, driver.Connector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if url, ok := r.now(); ok && url != r.url {
		if c, err := r.open(url); err == nil {
			r.url, r.current, r.refused = url, c, time.Time{}
		}
	}
	return r.url, r.current
}

func (r *renewing) worked(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if url == r.url {
		r.refused = time.Time{}
	}
}

// passes says whether the server may still take what it has refused.
func (r *renewing) passes(url string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now() //nolint:forbidigo // the network's clock
	if url == r.url && r.refused.IsZero() {
		r.refused = now
	}
	return url != r.url || now.Sub(r.refused) < patience
}

// isRefusal says whether a server has refused the user or the password.
func isRefusal(err error) bool {
	if pq.As(err, pqerror.InvalidPassword, pqerror.InvalidAuthorizationSpecification) != nil {
		return true
	}
	const accessDenied, accessDeniedNoPassword = 1045, 1698 // ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR
	var server *mysql.MySQLError
	return errors.As(err, &server) && (server.Number == accessDenied || server.Number == accessDeniedNoPassword)
}
