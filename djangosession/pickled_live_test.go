//go:build live

package djangosession_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// pickledRow is what testdata/pickled.py prints.
type pickledRow struct {
	Name, Data, Django string
	User               *string
	IDs                map[string]*string
}

// TestPicklesOfDjango: sessions that Djangos with PickleSerializer wrote have the same users here, whatever else is in
// them and whatever their entries are.
func TestPicklesOfDjango(t *testing.T) {
	for _, version := range []string{"1.11", "2.2", "3.2", "4.2"} {
		t.Run("Django "+version, func(t *testing.T) {
			rows := pickledRows(t, version)
			users := 0
			for _, row := range rows {
				if row.User != nil {
					users++
				}
				testPickledRow(t, version, row)
			}
			if len(rows) < 100 || users < 60 {
				t.Errorf("%d sessions with %d users, expected at least 100 with 60", len(rows), users)
			}
		})
	}
}

func pickledRows(t *testing.T, version string) []pickledRow {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(cache, "django-sidecar", "venv", "django-"+version, "bin", "python")
	cmd := exec.Command(python, "-B", filepath.Join("testdata", "pickled.py"), password)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("there is no Django %s: run tools/setup.sh: %v", version, err)
	}
	var rows []pickledRow
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var row pickledRow
		if err := json.Unmarshal(scanner.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := errors.Join(scanner.Err(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	return rows
}

func testPickledRow(t *testing.T, version string, row pickledRow) {
	t.Helper()
	s, err := pickleCodec(t, version).Decode(row.Data)
	if err != nil {
		t.Errorf("%s: %v", row.Name, err)
		return
	}
	if backend, _ := s.AuthBackend.Text(); strings.HasPrefix(row.Name, "be") && backend == "" || s.JSON() == "" {
		t.Errorf("%s: the entries are missing", row.Name)
	}
	verifier := newVerifier(t, version, always(s), ada(djangosession.True))
	got, err := verifier.Verify(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case row.User == nil && got.User != nil:
		t.Errorf("%s: user %s, Django sees nobody", row.Name, got.User.ID)
	case row.User != nil && (got.User == nil || got.User.ID != *row.User):
		t.Errorf("%s: %s, Django sees user %s", row.Name, got.Reason, *row.User)
	}
	for kind, keyType := range map[string]djangosession.KeyType{
		"integer": djangosession.IntegerKey, "uuid": djangosession.UUIDKey, "text": djangosession.TextKey,
	} {
		testPickledID(t, row, kind, s.AuthUserID, keyType)
	}
}

func testPickledID(t *testing.T, row pickledRow, kind string, id djangosession.Value, keyType djangosession.KeyType) {
	t.Helper()
	got, err := keyType.ToPython(id, parseVersion(t, row.Django))
	want := row.IDs[kind]
	switch {
	case err != nil && want == nil, err == nil && want != nil && got == *want:
	case errors.Is(err, djangosession.ErrUserNotFound) && kind == "integer" && len(*want) > 18: // no column holds it
	case errors.Is(err, djangosession.ErrBadUserID) && kind == "text" && isPythonCode(id, *want):
	default:
		wanted := "nothing"
		if want != nil {
			wanted = *want
		}
		t.Errorf("%s, %s: %q, %v, Django has %.200s", row.Name, kind, got, err, wanted)
	}
}

// isPythonCode: the str() of bytes, lists, tuples and dicts is no text key here, nor is an integer of any length.
func isPythonCode(id djangosession.Value, text string) bool {
	return slices.Contains([]djangosession.Kind{djangosession.Bytes, djangosession.Array, djangosession.Object}, id.Kind()) ||
		id.Kind() != djangosession.String && len(text) > 4300
}
