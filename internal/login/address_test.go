package login_test

import (
	"testing"

	"django-sidecar/internal/login"
)

// TestAddress: a client has one address, whatever its port, and of IPv6 a whole network.
func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "192.0.2.1:4711": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "[2001:db8:1:2:5::6]:4711": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
		"": "", "@": "", "example.com:80": "", "192.0.2.1:x": "", "192.0.2.1, 192.0.2.2": "",
	} {
		if got, ok := login.Address(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}
