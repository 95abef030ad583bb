package config

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// AdminListener reads how the admin listener is reached, and nothing else, for a health check: the sidecar may have
// been told the rest otherwise. The TLS is nil where it speaks plain HTTP.
func AdminListener() (address string, t *TLS, err error) {
	r := &reader{values: environment()}
	address = r.address("SIDECAR_ADMIN_LISTEN")
	t = r.tls("SIDECAR_ADMIN_TLS_")
	if len(r.faults) > 0 {
		return "", nil, &Error{Faults: r.faults}
	}
	return address, t, nil
}

// readListeners reads where the sidecar listens.
func (c *Config) readListeners(r *reader) {
	c.Listen, c.AdminListen = r.address("SIDECAR_LISTEN"), r.address("SIDECAR_ADMIN_LISTEN")
	if overlap(c.Listen, c.AdminListen) {
		r.fault("SIDECAR_ADMIN_LISTEN", "is the same as SIDECAR_LISTEN: the admin listener must have an "+
			"address of its own")
	}
	c.readGRPCListen(r)
	// In a pod, a NetworkPolicy says who reaches it, and the address is not known before.
	_, pod := os.LookupEnv("KUBERNETES_SERVICE_HOST")
	if isOpen(c.AdminListen) && !pod && !r.value("SIDECAR_ADMIN_TLS_CLIENT_CA_FILE").given {
		r.warn("SIDECAR_ADMIN_LISTEN is %s: whoever reaches that address reads health and metrics. Let a firewall or "+
			"a NetworkPolicy keep strangers out, listen on a private address, or set "+
			"SIDECAR_ADMIN_TLS_CLIENT_CA_FILE", c.AdminListen)
	}
}

// overlap reports whether two listeners want the same port of the same address, or the same socket.
func overlap(a, b string) bool {
	if a == b {
		return a != "" && !strings.HasSuffix(a, ":0")
	}
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" || IsSocket(a) || IsSocket(b) {
		return false
	}
	return isEverywhere(hostA) || isEverywhere(hostB)
}

// isEverywhere reports whether a host stands for all addresses of the machine.
func isEverywhere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// isOpen reports whether a listener is on all addresses, or on one that the whole Internet may reach.
func isOpen(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || IsSocket(address) {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return isEverywhere(host) || err == nil && !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast()
}

// readGRPCListen reads SIDECAR_GRPC_LISTEN, which is off by default.
func (c *Config) readGRPCListen(r *reader) {
	const name = "SIDECAR_GRPC_LISTEN"
	if text := strings.ToLower(r.text(name)); text == "off" || text == "0" {
		return
	}
	c.GRPCListen = r.address(name)
	if overlap(c.GRPCListen, c.Listen) || overlap(c.GRPCListen, c.AdminListen) {
		r.fault(name, "is the same as SIDECAR_LISTEN or SIDECAR_ADMIN_LISTEN: the gRPC listener must have an "+
			"address of its own")
	}
}

// address is where a listener listens.
func (r *reader) address(name string) string {
	text := r.text(name)
	if !isAddress(text) {
		r.refuse(name, "host:port, or unix: and an absolute path of at most 107 bytes")
		return ""
	}
	return text
}

// AuditStderr is the audit log on stderr, beside the log.
const AuditStderr = "stderr"

// auditLog is stderr or an absolute path, "" for off.
func (r *reader) auditLog() string {
	const name = "SIDECAR_AUDIT_LOG"
	text := r.text(name)
	switch {
	case strings.EqualFold(text, "off"):
		return ""
	case text == AuditStderr:
		return text
	case !filepath.IsAbs(text) || strings.ContainsRune(text, 0) || strings.HasSuffix(text, "/"):
		r.refuse(name, "off, stderr, or the absolute path of a file")
		return ""
	}
	return filepath.Clean(text)
}
