package webhook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzEvent: whatever is in a queue's file, reading it does not panic, and what is read is written again as it was.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"id":"A","at":"2026-11-22T12:00:00Z","user_id":"42","files":[{"field":"file","name":"up/a.txt","size":3}]}`))
	f.Add([]byte(`{"id":"A","at":"2026-11-22T12:00:00.5+01:00","later":[1e999],"files":[{"name":"\u00e9\ud83d\ude00"},{"name":"b"}]}`))
	f.Add([]byte(`{"id":"A","at":"9999-12-31T23:59:59-23:00","files":[{"name":"\ud800"}]}`))
	f.Add([]byte("\x00\x00"))
	f.Add([]byte(`{"id":"A"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := decode(text)
		if err != nil {
			return
		}
		again, err := e.encode()
		if len(text) < maxEventBytes/8 && err != nil {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if !json.Valid(again) || bytes.ContainsFunc(again, func(r rune) bool { return r < ' ' || r > '~' && r != 0x7f }) {
			t.Errorf("not JSON in ASCII: %q", again)
		}
		e.At = e.At.UTC()
		if second, err := decode(again); err != nil || !reflect.DeepEqual(e, second) {
			t.Errorf("%q is read as %+v, and again as %+v, %v", text, e, second, err)
		}
	})
}

// FuzzFile: whatever a file's name and content are, it is an event, or no event, or was never there.
func FuzzFile(f *testing.F) {
	f.Add("00000000000000000001-A.0.0.0.event", []byte(`{"id":"A","at":"2026-11-22T12:00:00Z","files":[{"name":"x"}]}`))
	f.Add("01795413600123456789-a-b_c.1795413600123.12.3.event", []byte("{}"))
	f.Add("-00000000000000000001-A.0.0.0.event", []byte{})
	f.Add("99999999999999999999-A.0.0.0.event", []byte{})
	f.Add("00000000000000000001-A.+1.0x0.00.event", []byte{})
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		e, ok := parseName(name)
		if !ok {
			return
		}
		if e.name() != name || filepath.Base(name) != name || len(name) > 255 {
			t.Fatalf("%q is %+v", name, e)
		}
		d := queueFolder(t.TempDir())
		if err := os.WriteFile(d.path(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := d.take(e)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // it was only read
		text, err := d.read(file, e)
		if err == nil && !bytes.Equal(text, content) {
			t.Errorf("%q is read as %q", content, text)
		}
	})
}
