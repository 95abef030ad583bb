package config_test

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// certificates are the settings of a listener, in files of a folder of its own.
func certificates(t *testing.T, prefix string) env {
	t.Helper()
	dir, authority := t.TempDir(), djangotest.NewAuthority(t)
	pair := authority.Write(t, dir, "tls", x509.ExtKeyUsageServerAuth, time.Hour)
	return env{
		prefix + "CERT_FILE": pair.Certificate, prefix + "KEY_FILE": pair.Key,
		prefix + "CLIENT_CA_FILE": authority.WriteAuthority(t, dir, "ca"),
	}
}

func TestTLS(t *testing.T) {
	c := mustLoad(t, with(certificates(t, "SIDECAR_TLS_")))
	if c.TLS == nil || c.TLS.Certificate().Leaf == nil || c.TLS.ClientCAs() == nil || c.TLS.Authorities() != 1 || c.AdminTLS != nil {
		t.Errorf("got %+v and %+v", c.TLS, c.AdminTLS)
	}
	c = mustLoad(t, with(certificates(t, "SIDECAR_ADMIN_TLS_")))
	if c.TLS != nil || c.AdminTLS == nil || c.AdminTLS.Authorities() != 1 {
		t.Errorf("got %+v and %+v", c.TLS, c.AdminTLS)
	}
	if c := mustLoad(t, with(env{})); c.TLS != nil || c.AdminTLS != nil {
		t.Error("there is TLS by default")
	}
}

// TestTLSIsNotPrinted: a key is in no text of the settings.
func TestTLSIsNotPrinted(t *testing.T) {
	c := mustLoad(t, with(certificates(t, "SIDECAR_TLS_")))
	inJSON, err := json.Marshal(struct{ Config any }{c})
	if err != nil || !strings.Contains(string(inJSON), `"TLS":{}`) {
		t.Errorf("as JSON: %s, %v", inJSON, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, "ecdsa") || len(text) > 20000 {
			t.Errorf("%s prints it: %d bytes", verb, len(text))
		}
	}
}

// TestWrongTLS: each fault says what to do, and the start lists all of them.
func TestWrongTLS(t *testing.T) {
	const cert, key, ca = "SIDECAR_TLS_CERT_FILE", "SIDECAR_TLS_KEY_FILE", "SIDECAR_TLS_CLIENT_CA_FILE"
	good, other := certificates(t, "SIDECAR_TLS_"), certificates(t, "SIDECAR_TLS_")
	text := write(t, "no PEM at all\n")
	broken := write(t, "-----BEGIN CERTIFICATE-----\nMTIz\n-----END CERTIFICATE-----\n")
	locked := write(t, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMTIz\n-----END ENCRYPTED PRIVATE KEY-----\n")
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tt := range []struct {
		settings      env
		name, problem string
	}{
		{env{cert: good[cert]}, cert, "is set without SIDECAR_TLS_KEY_FILE: set both"},
		{env{key: good[key]}, key, "is set without SIDECAR_TLS_CERT_FILE: set both"},
		{env{ca: good[ca]}, ca, "is set without SIDECAR_TLS_CERT_FILE"},
		{env{cert: good[cert], key: other[key]}, key, "is not the key of the first certificate of SIDECAR_TLS_CERT_FILE"},
		{env{cert: good[cert], key: locked}, key, "openssl pkey"},
		{env{cert: good[cert], key: text}, key, "is not the key of"},
		{env{cert: text, key: good[key]}, cert, "holds no certificate in PEM form"},
		{env{cert: broken, key: good[key]}, cert, "a certificate that cannot be read"},
		{env{cert: missing, key: good[key]}, cert, "which cannot be read: no such file or directory"},
		{env{cert: good[cert], key: missing}, key, "which cannot be read: no such file or directory"},
		{env{cert: good[cert], key: good[key], ca: missing}, ca, "which cannot be read"},
		{env{cert: good[cert], key: good[key], ca: text}, ca, "holds no certificate in PEM form"},
		{env{cert: good[cert], key: good[key], "SIDECAR_LISTEN": "unix:/run/a.sock"}, cert, "is a unix socket, which has no TLS"},
		{env{cert: good[cert], key: good[key], "SIDECAR_LISTEN": "unix:/run/a.sock", "SIDECAR_GRPC_LISTEN": "unix:/run/b.sock"}, cert, "is a unix socket, which has no TLS"},
	} {
		wantFault(t, with(tt.settings), tt.name, tt.problem, tt.name+"=/run/tls/")
		admin := env{"SIDECAR_ADMIN_LISTEN": "127.0.0.1:8101"}
		for name, value := range tt.settings {
			name = strings.Replace(name, "SIDECAR_TLS_", "SIDECAR_ADMIN_TLS_", 1)
			admin[strings.Replace(name, "SIDECAR_LISTEN", "SIDECAR_ADMIN_LISTEN", 1)] = value
		}
		wantFault(t, with(admin), strings.Replace(tt.name, "TLS", "ADMIN_TLS", 1), strings.Replace(tt.problem, "SIDECAR_TLS_", "SIDECAR_ADMIN_TLS_", 1), "=/run/tls/")
	}
	if n := len(faultsOf(t, with(env{cert: text, key: missing, ca: text, "SIDECAR_ADMIN_TLS_KEY_FILE": good[key]}))); n != 4 {
		t.Errorf("%d faults at once", n)
	}
	mustLoad(t, with(env{cert: good[cert], key: good[key], "SIDECAR_LISTEN": "unix:/run/a.sock", "SIDECAR_GRPC_LISTEN": "127.0.0.1:8102"}))
}

// TestTLSIsReadAgain: a new pair counts when both of its files are new, and a broken one keeps the old.
func TestTLSIsReadAgain(t *testing.T) {
	settings := certificates(t, "SIDECAR_TLS_")
	next := certificates(t, "SIDECAR_TLS_")
	watch(t, mustLoad(t, with(settings)), func(t *testing.T, step func() heard) {
		replace := func(name string) heard {
			t.Helper()
			raw, err := os.ReadFile(next[name])
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, settings[name], string(raw))
			return step()
		}
		if h := replace("SIDECAR_TLS_CERT_FILE"); len(h.configs) != 0 || len(h.errs) != 1 || !strings.Contains(h.errs[0].Error(), "is not the key of the first certificate") {
			t.Errorf("half of a pair: %d configs, %v", len(h.configs), h.errs)
		}
		if h := replace("SIDECAR_TLS_KEY_FILE"); len(h.configs) != 1 || h.configs[0].TLS == nil {
			t.Errorf("the new pair: %d configs, %v", len(h.configs), h.errs)
		}
		if h := replace("SIDECAR_TLS_CLIENT_CA_FILE"); len(h.configs) != 1 || h.configs[0].TLS.Authorities() != 1 {
			t.Errorf("the new authority: %d configs, %v", len(h.configs), h.errs)
		}
	})
}

// TestAdminIsNotPublic: the admin listener has an address of its own, and whoever opens it to all is told.
func TestAdminIsNotPublic(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if err := os.Unsetenv("KUBERNETES_SERVICE_HOST"); err != nil {
		t.Fatal(err)
	}
	for _, admin := range []string{"0.0.0.0:8101", ":8101", "[::]:8101", "203.0.113.7:8101", "[2001:db8::1]:8101"} {
		wantWarning(t, mustLoad(t, with(env{"SIDECAR_ADMIN_LISTEN": admin})), "whoever reaches that address reads health and metrics")
	}
	for _, admin := range []string{"127.0.0.1:8101", "[::1]:8101", "10.1.2.3:8101", "[fd00::1]:8101", "localhost:8101", "unix:/run/admin.sock"} {
		if c := mustLoad(t, with(env{"SIDECAR_ADMIN_LISTEN": admin})); len(c.Warnings) > 0 {
			t.Errorf("%s: %q", admin, c.Warnings)
		}
	}
	settings := certificates(t, "SIDECAR_ADMIN_TLS_")
	settings["SIDECAR_ADMIN_LISTEN"] = ":8101"
	if c := mustLoad(t, with(settings)); len(c.Warnings) > 0 {
		t.Errorf("with certificates of clients: %q", c.Warnings)
	}
	for listen, admin := range map[string]string{":8101": "127.0.0.1:8101", "127.0.0.1:8101": "0.0.0.0:8101", "[::]:8101": "localhost:8101"} {
		wantFault(t, with(env{"SIDECAR_LISTEN": listen, "SIDECAR_ADMIN_LISTEN": admin}), "SIDECAR_ADMIN_LISTEN", "an address of its own", "=127.0.0.1:8101")
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	if c := mustLoad(t, with(env{"SIDECAR_ADMIN_LISTEN": ":8101"})); len(c.Warnings) > 0 {
		t.Errorf("in a pod: %q", c.Warnings)
	}
}
