package config_test

import (
	"strings"
	"testing"
)

func TestMisspeltNames(t *testing.T) {
	for name, nearest := range map[string]string{
		"SIDECAR_LISTN":               "SIDECAR_LISTEN",
		"SIDECAR_LISTEN_PORT":         "SIDECAR_LISTEN", // not a service link: its value is not a URL
		"SIDECAR_PORT":                "SIDECAR_LISTEN",
		"SIDECAR_DB_CONNECTIONS":      "SIDECAR_DB_CONNS",
		"SIDECAR_TRUSTED_PROXY":       "SIDECAR_TRUSTED_PROXIES",
		"SIDECAR_STORE_TIMEOUT_FILE":  "SIDECAR_STORE_TIMEOUT",
		"SIDECAR_INSECURE_SKIP_USER":  "SIDECAR_INSECURE_SKIP_USER_CHECK",
		"SIDECAR_MAX_SESSION_BYTE":    "SIDECAR_MAX_SESSION_BYTES",
		"SIDECAR_log_level":           "SIDECAR_LOG_LEVEL",
		"SIDECAR_SERVICE_HOSTNAME_OF": "",
	} {
		t.Run(name, func(t *testing.T) {
			wantFault(t, with(env{name: "pa55word"}), name, "is not a setting; did you mean "+nearest, nearest+"=")
		})
	}
}

func TestHostileNames(t *testing.T) {
	faults := faultsOf(t, with(env{"SIDECAR_A\nB": "pa55word", "SIDECAR_" + strings.Repeat("X", 100_000): "pa55word"}))
	if len(faults) != 2 || faults[0].Name != `SIDECAR_A\nB` {
		t.Fatalf("got %d faults, the first %v", len(faults), faults[0])
	}
	if n := len(faults[1].Name); n > 70 {
		t.Errorf("a name of %d bytes is printed", n)
	}
}

func TestServiceLinksAreIgnored(t *testing.T) {
	c := mustLoad(t, with(env{
		"SIDECAR_SERVICE_HOST": "10.0.0.1", "SIDECAR_SERVICE_PORT": "8100", "SIDECAR_SERVICE_PORT_HTTP": "8100",
		"SIDECAR_SERVICE_PORT_AUTH_HTTP": "8100", "SIDECAR_PORT": "tcp://10.0.0.1:8100",
		"SIDECAR_PORT_8100_TCP": "tcp://10.0.0.1:8100", "SIDECAR_PORT_8100_TCP_PROTO": "tcp",
		"SIDECAR_PORT_8100_TCP_PORT": "8100", "SIDECAR_PORT_8100_TCP_ADDR": "10.0.0.1",
		"SIDECAR_ADMIN_SERVICE_HOST": "10.0.0.2", "SIDECAR_ADMIN_PORT": "udp://10.0.0.2:80",
		"SIDECAR_ADMIN_PORT_80_TCP": "tcp://10.0.0.2:80", "SIDECAR_ADMIN_V2_PORT_53_UDP_ADDR": "10.0.0.2",
	}))
	if d := diff(defaults(), c); d != "" {
		t.Errorf("unexpected Config (-want +got):\n%s", d)
	}
}
