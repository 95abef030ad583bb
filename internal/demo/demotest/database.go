// Package demotest gives tests the demo's database, for a sidecar that they start themselves.
package demotest

import (
	"os"
	"testing"
	"time"

	_ "modernc.org/sqlite" // for demo.Make

	"django-sidecar/djangosession"
	"django-sidecar/internal/demo"
	"django-sidecar/signing"
)

// Database makes a database of Django 5.2 with this SECRET_KEY at path, and returns requests whose answers are
// known. It is made elsewhere and moved, so that a sidecar that runs never sees half of it.
func Database(tb testing.TB, path, secretKey string) []demo.Example {
	tb.Helper()
	version, err := djangosession.ParseVersion("5.2")
	if err != nil {
		tb.Fatal(err)
	}
	codec, err := djangosession.NewCodec(djangosession.CodecConfig{Version: version, SecretKey: signing.SecretKey(secretKey)})
	if err != nil {
		tb.Fatal(err)
	}
	var unused struct{ djangosession.Store } // the verifier is here for its hashes alone
	verifier, err := djangosession.NewVerifier(djangosession.VerifierConfig{
		Version: version, SecretKey: signing.SecretKey(secretKey), InsecureSkipUserCheck: true,
	}, unused, nil)
	if err != nil {
		tb.Fatal(err)
	}
	made := path + ".new"
	examples, err := demo.Make(tb.Context(), made, codec, verifier, time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(made, path); err != nil {
		tb.Fatal(err)
	}
	return examples
}
