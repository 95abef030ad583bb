package config_test

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlags(t *testing.T) {
	for text, want := range map[string]bool{
		"true": true, "True": true, "1": true, "yes": true, "ON": true,
		"false": false, "FALSE": false, "0": false, "no": false, "Off": false, " ": false,
	} {
		c := mustLoad(t, with(env{"SIDECAR_EXPLAIN": text}))
		if c.Explain != want {
			t.Errorf("%s: got %t", text, c.Explain)
		}
		if want {
			wantWarning(t, c, "SIDECAR_EXPLAIN is on")
		}
	}
	for _, text := range []string{"2", "y", "enabled", "None"} {
		wantFault(t, with(env{"SIDECAR_EXPLAIN": text}), "SIDECAR_EXPLAIN", "true or false", "=false")
	}
	c := mustLoad(t, with(env{"SIDECAR_INSECURE_SKIP_USER_CHECK": "yes"}))
	if !c.InsecureSkipUserCheck {
		t.Error("the user check is not skipped")
	}
	wantWarning(t, c, "SIDECAR_INSECURE_SKIP_USER_CHECK is on")
}

func TestAddresses(t *testing.T) {
	for _, text := range []string{
		":8100", "0.0.0.0:80", "localhost:0", "[::]:8100", "[::1]:1", "pod-1.example.com:65535", "unix:/run/a.sock",
		"unix:/" + strings.Repeat("a", 106),
	} {
		if c := mustLoad(t, with(env{"SIDECAR_LISTEN": text})); c.Listen != text {
			t.Errorf("got %q, want %q", c.Listen, text)
		}
	}
	for _, text := range []string{
		"8100", "localhost", "localhost:", "localhost:http", "localhost:65536", "localhost:-1", "::1:80x", "[::g]:80", "a b:80",
		"http://localhost:80", "unix:", "unix:run/a.sock", "unix:/run/", "unix:/" + strings.Repeat("a", 107), "off", "-a:80",
	} {
		for _, name := range []string{"SIDECAR_LISTEN", "SIDECAR_ADMIN_LISTEN", "SIDECAR_GRPC_LISTEN"} {
			if name != "SIDECAR_GRPC_LISTEN" || text != "off" {
				wantFault(t, with(env{name: text}), name, "it must be host:port", name+"=127.0.0.1:810")
			}
		}
	}
	wantFault(t, with(env{"SIDECAR_LISTEN": "127.0.0.1:8101"}), "SIDECAR_ADMIN_LISTEN", "is the same as SIDECAR_LISTEN", "=127.0.0.1:8101")
	c := mustLoad(t, with(env{"SIDECAR_LISTEN": "127.0.0.1:0", "SIDECAR_ADMIN_LISTEN": "127.0.0.1:0"}))
	if c.Listen != c.AdminListen {
		t.Errorf("any free port twice: got %s and %s", c.Listen, c.AdminListen)
	}
}

func TestTheGRPCListenerIsOff(t *testing.T) {
	for _, text := range []string{"off", "OFF", "0"} {
		if c := mustLoad(t, with(env{"SIDECAR_GRPC_LISTEN": text})); c.GRPCListen != "" {
			t.Errorf("%q: got %q", text, c.GRPCListen)
		}
	}
	if c := mustLoad(t, with(env{})); c.GRPCListen != "" {
		t.Errorf("by default: got %q", c.GRPCListen)
	}
	if c := mustLoad(t, with(env{"SIDECAR_GRPC_LISTEN": "unix:/run/grpc.sock"})); c.GRPCListen != "unix:/run/grpc.sock" {
		t.Errorf("got %q", c.GRPCListen)
	}
	for _, taken := range []string{"127.0.0.1:8100", "127.0.0.1:8101"} {
		wantFault(t, with(env{"SIDECAR_GRPC_LISTEN": taken}), "SIDECAR_GRPC_LISTEN", "an address of its own", "127.0.0.1:8102")
	}
}

func TestNumbersAndDurations(t *testing.T) {
	c := mustLoad(t, with(env{"SIDECAR_STORE_TIMEOUT": "1m30s", "SIDECAR_DB_CONNS": "1"}))
	if c.StoreTimeout != 90*time.Second || c.DBConns != 1 {
		t.Errorf("got %s and %d", c.StoreTimeout, c.DBConns)
	}
	for _, text := range []string{"0", "0s", "-1s", "2", "2 s", "soon"} {
		wantFault(t, with(env{"SIDECAR_STORE_TIMEOUT": text}), "SIDECAR_STORE_TIMEOUT", "a duration above 0", "=2s")
	}
	for _, text := range []string{"0", "1001", "-1", "4.0", "0x4", "99999999999999999999", "many"} {
		wantFault(t, with(env{"SIDECAR_DB_CONNS": text}), "SIDECAR_DB_CONNS", "from 1 to 1000", "=4")
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "10b": 10, "1KiB": 1024, "2 MiB": 2 << 20, "1GiB": 1 << 30, "1kb": 1000, "5MB": 5e6, "1GB": 1e9,
		"1073741824": 1 << 30,
	} {
		if c := mustLoad(t, with(env{"SIDECAR_MAX_SESSION_BYTES": text})); c.MaxSessionBytes != want {
			t.Errorf("%s: got %d, want %d", text, c.MaxSessionBytes, want)
		}
	}
	for _, text := range []string{
		"0", "-1", "1.5MiB", "1TiB", "MiB", "1M", "1073741825", "2GiB", "9223372036854775807GiB", "big", "1 000", "0x10",
	} {
		wantFault(t, with(env{"SIDECAR_MAX_SESSION_BYTES": text}), "SIDECAR_MAX_SESSION_BYTES", "a size above 0", "=1MiB")
	}
}

func TestChoices(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "Info": slog.LevelInfo, "warn": slog.LevelWarn, "WARNING": slog.LevelWarn, "error": slog.LevelError,
	} {
		if c := mustLoad(t, with(env{"SIDECAR_LOG_LEVEL": text})); c.LogLevel != want {
			t.Errorf("%s: got %s", text, c.LogLevel)
		}
	}
	for name, text := range map[string]string{
		"SIDECAR_LOG_LEVEL": "verbose", "SIDECAR_LOG_FORMAT": "xml", "SIDECAR_DB_PREPARE": "yes", "SIDECAR_ENDED_STATUS": "403",
	} {
		wantFault(t, with(env{name: text}), name, `is "`+text+`": it must be`, name+"=")
	}
	for _, text := range []string{"auto", "on", "off"} {
		if c := mustLoad(t, with(env{"SIDECAR_DB_PREPARE": text})); c.DBPrepare != text {
			t.Errorf("got %q", c.DBPrepare)
		}
	}
}

func TestTrustedProxies(t *testing.T) {
	const name = "SIDECAR_TRUSTED_PROXIES"
	for text, want := range map[string][]netip.Prefix{
		"none":                     nil,
		"[]":                       nil,
		"::ffff:192.0.2.7":         {netip.MustParsePrefix("192.0.2.7/32")},
		"::ffff:192.0.2.7/120":     {netip.MustParsePrefix("192.0.2.0/24")},
		`["2001:db8::1/32","::1"]`: {netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("::1/128")},
	} {
		c := mustLoad(t, with(env{name: text}))
		if !slices.Equal(c.TrustedProxies, want) || len(c.Warnings) > 0 {
			t.Errorf("%s: got %v, warnings %q", text, c.TrustedProxies, c.Warnings)
		}
	}
	for _, text := range []string{"10.0.0.0/33", "proxy.example", "10.0.0.0/08", "fe80::1%eth0", "fe80::1%eth0/64", "10.0.0", "*"} {
		wantFault(t, with(env{name: text}), name, "neither an IP address nor a network", name+"=10.0.0.0/8")
	}
	wantFault(t, with(env{name: "10.0.0.1,"}), name, "empty item", name+"=")
	wantWarning(t, mustLoad(t, with(env{name: "0.0.0.0/0"})), "anybody's")
}
