package djangocache

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// cacheURL is one URL of CACHE_URL in its parts, percent-decoded except for hosts.
type cacheURL struct {
	scheme         string
	user, password string
	hosts          string // everything between the user and the path: one host and port, or several
	path           string // with its slash
	query          url.Values
}

// errURL is all that is said of a URL that cannot be read, because any part of it may belong to the password.
var errURL = errors.New(`it cannot be read as scheme://user:password@host:port/name?option=value; ` +
	`special characters in the password must be percent-encoded ("@" is %40, "/" is %2F, "#" is %23, "?" is %3F, "%" is %25, "," is %2C)`)

// nextURL is where a list of Redis URLs continues: core/cache/backends/redis.py, 6.1: re.split("[;,]", server).
var nextURL = regexp.MustCompile(`[;,]\s*((?:rediss?|valkeys?|unix)://)`)

// parseURLs reads CACHE_URL: one URL, or several of Redis servers.
func parseURLs(raw string) ([]*cacheURL, error) {
	var all []*cacheURL
	for part := range strings.SplitSeq(nextURL.ReplaceAllString(raw, "\n$1"), "\n") {
		a, err := parseURL(part)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func parseURL(raw string) (*cacheURL, error) {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found || strings.Contains(rest, "#") {
		return nil, errURL
	}
	a := &cacheURL{scheme: strings.ToLower(scheme)}
	rest, query, _ := strings.Cut(rest, "?")
	var err error
	if a.query, err = url.ParseQuery(query); err != nil {
		return nil, errURL
	}
	authority, path, hasPath := strings.Cut(rest, "/")
	if strings.HasPrefix(authority, "unix:") { // memcached://unix:/run/a.sock,unix:/run/b.sock
		authority, path, hasPath = rest, "", false
	}
	// As Python's urlsplit: the last "@" ends the user. One further on ends a password that has a "/" or a "?" as it
	// is; the rest of the URL is a part of that password then, and must not get into messages.
	if strings.Contains(path+query, "@") {
		return nil, errURL
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		var passwordErr error
		a.user, err = url.PathUnescape(user)
		a.password, passwordErr = url.PathUnescape(password)
		if err != nil || passwordErr != nil {
			return nil, errURL
		}
		authority = authority[i+1:]
	}
	a.hosts = authority
	if hasPath {
		if a.path, err = url.PathUnescape("/" + path); err != nil {
			return nil, errURL
		}
	}
	return a, nil
}

// splitHosts is re.split("[;,]", server) of core/cache/backends/memcached.py.
func splitHosts(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ';' })
}

// endpoint is a server's place.
type endpoint struct{ network, host, port string }

// Network and String make an endpoint a net.Addr.
func (e endpoint) Network() string { return e.network }

func (e endpoint) String() string {
	if e.network == "unix" {
		return e.host
	}
	return net.JoinHostPort(e.host, e.port)
}

// parseEndpoint reads host, host:port, [IPv6] and [IPv6]:port.
func parseEndpoint(s, defaultPort string) (endpoint, error) {
	host, port := s, defaultPort
	if rest, ok := strings.CutPrefix(s, "["); ok {
		var after string
		host, after, ok = strings.Cut(rest, "]")
		if !ok || after != "" && after[0] != ':' {
			return endpoint{}, errURL
		}
		if after != "" {
			port = after[1:]
		}
	} else if before, after, ok := strings.Cut(s, ":"); ok {
		host, port = before, after
	}
	host, err := url.PathUnescape(host)
	if err != nil || host == "" {
		return endpoint{}, errURL
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return endpoint{}, errors.New("a port is a number from 1 to 65535")
	}
	return endpoint{"tcp", host, port}, nil
}

// option returns the only value of a query option.
func option(query url.Values, name string) (string, error) {
	values := query[name]
	if len(values) != 1 {
		return "", fmt.Errorf("option %.40q is given %d times", name, len(values))
	}
	return values[0], nil
}
