package config

import (
	"encoding/json"
	"net"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// parseList reads a JSON array of strings where the text begins with a bracket, else items between separators,
// without the spaces around them. The problem continues the setting's name in a Fault, and quotes nothing: the list
// may be secret.
func parseList(text, separator string) (items []string, problem string) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &items); err != nil { // its text quotes the value: dropped
			return nil, `begins with [ but is not a JSON array of strings in double quotes`
		}
	} else {
		items = strings.Split(text, separator)
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
	}
	for i, item := range items {
		if item == "" {
			return nil, "has an empty item at place " + strconv.Itoa(i+1)
		}
	}
	return items, ""
}

// maxSocketPath is what Linux's sockaddr_un holds, less the NUL that ends it.
const maxSocketPath = 107

// isAddress tells whether a listener can take the text: host:port, :port, [IPv6]:port or unix:/absolute/path.
func isAddress(text string) bool {
	if socket, ok := strings.CutPrefix(text, "unix:"); ok {
		return path.IsAbs(socket) && !strings.HasSuffix(socket, "/") && len(socket) <= maxSocketPath
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	if strings.Contains(host, ":") {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return hostName.MatchString(host)
}

var (
	// hostName matches a host name, an IPv4 address, and nothing at all: every address of the machine.
	hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?)?$`)

	// dottedPath matches a path that Python can import: identifiers, at least two, between dots.
	dottedPath = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)+$`)

	// cookieName matches what a Morsel takes for a key, so what Django can set. Python 3.13, http/cookies.py
	// _LegalChars.
	cookieName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~:-]+$")

	// unprintable matches what no table, column or class has in its name.
	unprintable = regexp.MustCompile(`[\pC]`)
)
