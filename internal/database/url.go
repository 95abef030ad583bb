package database

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"django-sidecar/internal/databaseurl"
)

// address is a DATABASE_URL in its parts, percent-decoded.
type address struct {
	vendor         databaseurl.Vendor
	user, password string
	hosts          []hostPort // empty: none named
	path           string     // after the slash that ends the authority
	query          url.Values
}

type hostPort struct {
	host, port string
}

// errURL is all that is said of a URL that cannot be read, because any part of it may belong to the password.
var errURL = errors.New(`it cannot be read as scheme://user:password@host:port/name?option=value; ` +
	`special characters in the password must be percent-encoded ("@" is %40, "/" is %2F, "#" is %23, "?" is %3F, "%" is %25)`)

// parseURL reads a URL more leniently than net/url, which knows neither several hosts nor a socket's path as host.
func parseURL(raw string) (*address, error) {
	_, rest, found := strings.Cut(raw, "://")
	if !found {
		return nil, errURL
	}
	kind, err := databaseurl.Of(raw)
	if err != nil {
		return nil, err
	}
	a := &address{vendor: kind}
	if strings.Contains(rest, "#") {
		return nil, errURL
	}
	rest, query, _ := strings.Cut(rest, "?")
	if a.query, err = url.ParseQuery(query); err != nil {
		return nil, errURL
	}
	authority, path, _ := strings.Cut(rest, "/")
	if a.path, err = url.PathUnescape(path); err != nil {
		return nil, errURL
	}
	// As Python's urlsplit: the last "@" ends the user.
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		if a.user, err = url.PathUnescape(user); err != nil {
			return nil, errURL
		}
		if a.password, err = url.PathUnescape(password); err != nil {
			return nil, errURL
		}
		authority = authority[i+1:]
	}
	// An "@" further on ends a password that has a "/" or a "?" as it is. What would be taken for the rest of the
	// URL is a part of that password then, and must not get into messages.
	if kind != databaseurl.SQLite && strings.Contains(path+query, "@") {
		return nil, errURL
	}
	if authority == "" {
		return a, nil
	}
	for part := range strings.SplitSeq(authority, ",") {
		h, err := parseHostPort(part)
		if err != nil {
			return nil, err
		}
		a.hosts = append(a.hosts, h)
	}
	return a, nil
}

func parseHostPort(s string) (hostPort, error) {
	host, port := s, ""
	if rest, ok := strings.CutPrefix(s, "["); ok { // an IPv6 address
		var after string
		if host, after, ok = strings.Cut(rest, "]"); !ok {
			return hostPort{}, errURL
		}
		if after != "" && after[0] != ':' {
			return hostPort{}, errURL
		}
		port = strings.TrimPrefix(after, ":")
	} else if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i+1:]
	}
	host, err := url.PathUnescape(host)
	if err != nil || strings.Trim(port, "0123456789") != "" {
		return hostPort{}, errURL
	}
	return hostPort{host, port}, nil
}

// option returns the only value of a query option.
func option(query url.Values, name string) (string, error) {
	values := query[name]
	if len(values) != 1 {
		return "", fmt.Errorf("option %s is given %d times", name, len(values))
	}
	return values[0], nil
}
