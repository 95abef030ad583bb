package proof_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/proof"
)

const session = `{"key": "00112233445566778899aabbccddeeff", "user": null}`

// TestReadSample: what is no sample says what to do.
func TestReadSample(t *testing.T) {
	whole := `{"format": "django-sidecar sample", "version": 2, "sessions": [` + session + `], "users": {}}`
	for _, c := range []struct{ name, text, says string }{
		{"a sample", whole, ""},
		{"a sample after what a shell prints", "6 objects imported automatically (use -v 2 for details).\n\n" + whole, ""},
		{"nothing", "", "is no sample of sessions: make one with: django-sidecar settings-script -sample"},
		{"text", "DJANGO_VERSION=5.2\n", "is no sample of sessions"},
		{"other JSON", `{"version": 1, "sessions": []}`, "is no sample of sessions"},
		{"a list", `[` + whole + `]`, "is no sample of sessions"},
		{"half of one", whole[:len(whole)-3], "ends in the middle"},
		{"another version", strings.Replace(whole, `"version": 2`, `"version": 3`, 1), "a sample of version 3, and this django-sidecar reads version 2"},
		{"no session", strings.Replace(whole, session, "", 1), "has no session: log in"},
		{"a key that is no hash", strings.Replace(whole, "0011", "s3ss", 1), "has been changed"},
		{"a user of whom nothing is said", strings.Replace(whole, "null", `"42"`, 1), "has been changed"},
		{"permissions that are not there", strings.Replace(whole, `{}`, `{"1": {"permissions": 0}}`, 1), "has been changed"},
		{"sessions of another shape", strings.Replace(whole, session, `"key"`, 1), "has been changed"},
		{"a start that is a key", strings.Replace(whole, `"sessions"`, `"starts": ["`+strings.Repeat("k", 41)+`"], "sessions"`, 1), "has been changed"},
		{"too many sessions", strings.Replace(whole, session, session+strings.Repeat(","+session, 100_000), 1), "has more than 100000 sessions"},
		{"too large", whole + strings.Repeat(" ", 64<<20), "has more than 64 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := proof.ReadSample(strings.NewReader(c.text))
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error %v, want %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "s3ss") {
				t.Errorf("the error repeats what is in the file: %v", err)
			}
		})
	}
}
