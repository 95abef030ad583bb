package gateway

import (
	"net/netip"
	"strconv"
	"strings"
)

// normalHost is a Host header in lower case, with its port, or "" where it is malformed. Its form is host_validation_re
// of django/http/request.py, 6.1, but that a name may have underscores: Django refuses such a host by itself, and
// other applications behind the same gateway need not. Unlike there, a port is a number up to 65535.
func normalHost(host string) string {
	if !isASCII(host) { // asked first, because ToLower makes a k of the Kelvin sign
		return ""
	}
	host = strings.ToLower(host)
	name, port, ok := splitPort(host)
	if !ok || port != "" && !isPort(port) {
		return ""
	}
	if strings.HasPrefix(name, "[") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(name[1:], "]"))
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return ""
		}
		return host
	}
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return ""
	}
	return host
}

// splitPort takes the port from a host. An address of IPv6 is in brackets.
func splitPort(host string) (name, port string, ok bool) {
	name, port = host, ""
	end := strings.LastIndexByte(host, ']')
	if colon := strings.LastIndexByte(host, ':'); colon > end {
		name, port = host[:colon], host[colon+1:]
		if port == "" {
			return "", "", false
		}
	}
	if strings.HasPrefix(name, "[") != strings.HasSuffix(name, "]") {
		return "", "", false
	}
	return name, port, true
}

func isPort(port string) bool {
	if strings.Trim(port, "0123456789") != "" {
		return false // ParseUint takes a sign
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
