package plainjson_test

import (
	"encoding/json"
	"testing"

	"django-sidecar/internal/plainjson"
)

// TestAnyByteAnywhere: whichever byte stands at whichever place of what is looked at together, and after it.
func TestAnyByteAnywhere(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := []byte("abcdefghijklmnopqrst")
			text[at] = byte(c)
			want, err := json.Marshal(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if got := plainjson.AppendString(nil, string(text)); string(got) != string(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "ada", "a b~", `"\`, "<&>", "é", "\x00\x1f\x7f", "\xff", "\u2028", "\U0001f600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(plainjson.AppendString([]byte("x"), s)); got != "x"+string(want) {
			t.Errorf("%q: got %s, want %s", s, got[1:], want)
		}
	})
}
