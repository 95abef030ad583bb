package database

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// postgresConfig makes of a URL and libpq's environment what lib/pq needs. pq.NewConfig would read the process's
// environment by itself, and refuse to work beside variables that are meant for Django's driver.
func postgresConfig(a *address, timeout time.Duration, lookupEnv func(string) (string, bool)) (pq.Config, error) {
	if lookupEnv == nil {
		lookupEnv = func(string) (string, bool) { return "", false }
	}
	c := pq.Config{
		ApplicationName:    "django-sidecar",
		ClientEncoding:     "UTF8",
		Datestyle:          "ISO, MDY",
		SSLSNI:             true,
		MinProtocolVersion: "3.0",
		MaxProtocolVersion: "3.0",
		// One round trip a query, and no prepared statement: pgbouncer in transaction mode carries that.
		BinaryParameters: true,
	}
	if err := applyOptions(&c, a, lookupEnv); err != nil {
		return pq.Config{}, err
	}
	// libpq's default, and so Django's. lib/pq has changed its own between releases.
	c.SSLMode = cmp.Or(c.SSLMode, pq.SSLModePrefer)
	if c.ConnectTimeout == 0 || c.ConnectTimeout > timeout {
		c.ConnectTimeout = timeout
	}
	if err := applyAddress(&c, a, lookupEnv); err != nil {
		return pq.Config{}, err
	}
	return c, checkTLS(&c)
}

// checkTLS refuses what libpq refuses and lib/pq would let pass.
func checkTLS(c *pq.Config) error {
	strict := c.SSLMode == pq.SSLModeVerifyFull || c.SSLMode == pq.SSLModeVerifyCA
	switch {
	case c.SSLRootCert == "system" && c.SSLMode != pq.SSLModeVerifyFull:
		return errors.New("option sslrootcert=system needs sslmode=verify-full")
	case c.SSLRootCert == "" && c.SSLMode == pq.SSLModeVerifyCA:
		// lib/pq would take the system's authorities: anybody has a certificate of one of them.
		return errors.New("option sslmode=verify-ca needs sslrootcert, the file of the authority's certificate")
	case c.SSLNegotiation == pq.SSLNegotiationDirect && !strict && c.SSLMode != pq.SSLModeRequire:
		return errors.New("option sslnegotiation=direct needs sslmode=require, verify-ca or verify-full")
	}
	return nil
}

// applyAddress says where the database is and who asks: from the URL, its query (as in libpq), or libpq's
// environment, in this order.
func applyAddress(c *pq.Config, a *address, lookupEnv func(string) (string, bool)) error {
	find := func(fromURL, option, env string) string {
		if fromURL != "" {
			return fromURL
		}
		if v := a.query.Get(option); v != "" {
			return v
		}
		v, _ := lookupEnv(env)
		return v
	}
	hosts, name := a.hosts, a.path
	if len(hosts) == 0 && strings.HasPrefix(name, "/") {
		// django-environ: postgres:////var/run/postgresql/name is a socket's directory and a name
		i := strings.LastIndexByte(name, '/')
		hosts, name = []hostPort{{host: name[:i]}}, name[i+1:]
	}
	c.Database = find(name, "dbname", "PGDATABASE")
	c.User = find(a.user, "user", "PGUSER")
	if c.User == "" {
		u, err := user.Current()
		if err != nil {
			return errors.New("no user: write it into the URL")
		}
		c.User = u.Username
	}
	c.Database = cmp.Or(c.Database, c.User)
	c.Password = find(a.password, "password", "PGPASSWORD")
	if len(hosts) == 0 {
		for h := range strings.SplitSeq(find("", "host", "PGHOST"), ",") {
			hosts = append(hosts, hostPort{host: h})
		}
	}
	return applyHosts(c, hosts, find("", "hostaddr", "PGHOSTADDR"), find("", "port", "PGPORT"))
}

// applyHosts puts one or several hosts into c. ports is one port, or one for each host, for the hosts without one.
func applyHosts(c *pq.Config, hosts []hostPort, addresses, ports string) error {
	portList, addressList := strings.Split(ports, ","), strings.Split(addresses, ",")
	if len(portList) > 1 && len(portList) != len(hosts) {
		return fmt.Errorf("the number of ports is %d, and that of hosts %d", len(portList), len(hosts))
	}
	if addresses != "" && len(addressList) != len(hosts) {
		return fmt.Errorf("the number of addresses is %d, and that of hosts %d", len(addressList), len(hosts))
	}
	for i, h := range hosts {
		port, err := strconv.ParseUint(cmp.Or(h.port, portList[min(i, len(portList)-1)], "5432"), 10, 16)
		if err != nil || port == 0 {
			return errors.New("a port is a number from 1 to 65535")
		}
		m := pq.ConfigMultihost{Host: h.host, Port: uint16(port)}
		if addresses != "" {
			if m.Hostaddr, err = netip.ParseAddr(addressList[i]); err != nil {
				return errors.New("hostaddr is not an IP address")
			}
		} else if m.Host == "" {
			m.Host = defaultHost(m.Port)
		}
		c.Multi = append(c.Multi, m)
	}
	c.Host, c.Port, c.Hostaddr = c.Multi[0].Host, c.Multi[0].Port, c.Multi[0].Hostaddr
	c.Multi = c.Multi[1:]
	if !slices.ContainsFunc(slices.Concat(c.Multi, []pq.ConfigMultihost{{Host: c.Host, Hostaddr: c.Hostaddr}}), isTCP) {
		c.SSLMode = pq.SSLModeDisable // a socket has no TLS
	}
	return nil
}

// isTCP is lib/pq's own rule: an address goes before a socket's directory, and "@" begins an abstract socket.
func isTCP(m pq.ConfigMultihost) bool {
	return m.Hostaddr.IsValid() || !strings.HasPrefix(m.Host, "/") && !strings.HasPrefix(m.Host, "@")
}

// defaultHost is where libpq looks when no host is named: the socket's directory that it was built with, which
// differs between distributions, else the local host.
func defaultHost(port uint16) string {
	for _, dir := range []string{"/var/run/postgresql", "/run/postgresql", "/tmp"} {
		if _, err := os.Stat(fmt.Sprintf("%s/.s.PGSQL.%d", dir, port)); err == nil {
			return dir
		}
	}
	return "localhost"
}
