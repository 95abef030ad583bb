package pickle_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/pickle"
)

// logins are what django.contrib.auth.login leaves in a session, pickled by Python 3.13 with protocols 4 and 5.
func login(protocol byte) string {
	entries := "\x8c\x0d_auth_user_id\x94\x8c\x0242\x94" +
		"\x8c\x12_auth_user_backend\x94\x8c\x29django.contrib.auth.backends.ModelBackend\x94" +
		"\x8c\x0f_auth_user_hash\x94\x8c\x40" + strings.Repeat("0a", 32) + "\x94u."
	return "\x80" + string(protocol) + "\x95" + string([]byte{byte(len(entries) + 3), 0, 0, 0, 0, 0, 0, 0}) + "}\x94(" + entries
}

func TestLoginAllocations(t *testing.T) {
	data := login(5)
	if got := testing.AllocsPerRun(100, func() {
		if v, err := pickle.Loads(data); err != nil || v.Lookup("_auth_user_id").Text() != "42" {
			t.Fatal(err)
		}
	}); got > 5 {
		t.Errorf("%v allocations, want at most 5", got)
	}
}

func BenchmarkLoads(b *testing.B) {
	data := login(4)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pickle.Loads(data); err != nil {
			b.Fatal(err)
		}
	}
}
