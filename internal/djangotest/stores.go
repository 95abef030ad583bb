package djangotest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// StoredCase is a session that a script of testdata/oracle_stores has made, and what Django's store reads there.
type StoredCase struct {
	Note string // what is special about it
	Key  string
	// Alive says that there is a session that is not empty.
	Alive bool
	// Number and User are its entries "number" and _auth_user_id, whatever they are.
	Number, User any
	// Exception is its type, if Django fails.
	Exception *string
}

// StoredCases is what a script answers.
type StoredCases struct {
	Django, Python string
	Cases          []StoredCase
}

// AskStore runs a script of testdata/oracle_stores under a Django: it makes sessions, and answers what they are.
func AskStore(tb testing.TB, version, script string, request map[string]any) StoredCases {
	tb.Helper()
	line, err := json.Marshal(request)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), Python(tb, version),
		filepath.Join(RepositoryPath(), "testdata", "oracle_stores", script))
	cmd.Stdin = bytes.NewReader(append(line, '\n'))
	cmd.Stderr = os.Stderr // tracebacks
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("Django %s, %s: %v", version, script, err)
	}
	var answer StoredCases
	if err := json.Unmarshal(out, &answer); err != nil {
		tb.Fatalf("Django %s, %s: %v", version, script, err)
	}
	return answer
}
