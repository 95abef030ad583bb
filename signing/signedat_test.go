package signing_test

import (
	"strings"
	"testing"
	"time"

	"django-sidecar/signing"
)

func TestSignedAt(t *testing.T) {
	s, err := signing.NewTimestampSigner(signing.Options{Secret: signing.SecretKey("secret"), Salt: "salt"})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(-1, 0), time.Unix(1_800_000_000, 0),
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got, ok := s.SignedAt(s.Sign("a:value", at)); !ok || !got.Equal(at) {
			t.Errorf("signed at %v: got %v, %v", at, got, ok)
		}
	}
	for _, signed := range []string{
		"", "value", "value:1wbGhM", "value::signature", "value:é:signature", "value:" + strings.Repeat("z", 300) + ":signature",
		s.Sign("value", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), s.Sign("value", time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC)),
	} {
		if got, ok := s.SignedAt(signed); ok {
			t.Errorf("%.50q: got %v", signed, got)
		}
	}
}
