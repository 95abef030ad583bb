package warm_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"django-sidecar/internal/warm"
)

// TestObject compares an object with encoding/json's.
func TestObject(t *testing.T) {
	at := time.Date(2026, 11, 28, 12, 0, 0, 500, time.FixedZone("", 3600))
	type member struct {
		ID string `json:"id"`
		On bool   `json:"on"`
	}
	want, err := json.Marshal(struct {
		Name   string    `json:"name"`
		Member member    `json:"member"`
		None   struct{}  `json:"none"`
		N      int       `json:"n"`
		F      float64   `json:"f"`
		Zero   float64   `json:"zero"`
		At     time.Time `json:"at"`
	}{"<ada>", member{"42", true}, struct{}{}, -7, 1.25, 0, at})
	if err != nil {
		t.Fatal(err)
	}
	o := warm.NewJSONObject([]byte("before "))
	o.String("name", "<ada>")
	m := o.Object("member")
	m.String("id", "42")
	m.Bool("on", true)
	o.EndObject(m)
	o.EndObject(o.Object("none"))
	o.Int("n", -7)
	o.Float("f", 1.25)
	o.Float("zero", 0)
	o.Time("at", at, time.RFC3339Nano)
	if got := string(o.End()); got != "before "+string(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEscape: what is not all plain ASCII passes it, in members of members too.
func TestEscape(t *testing.T) {
	o := warm.NewJSONObject(nil)
	o.Escape = bytes.ToUpper
	o.String("plain", "ada")
	o.String("del", "a\x7fb")
	m := o.Object("member")
	m.String("tab", "\ta")
	m.String("wide", "é")
	o.EndObject(m)
	if got, want := string(o.End()), `{"plain":"ada","del":"A`+"\x7f"+`B","member":{"tab":"\TA","wide":"É"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// object is one member, by encoding/json and by a JSONObject.
func object(t *testing.T, text string) (got, want string) {
	t.Helper()
	o := warm.NewJSONObject([]byte("x"))
	o.String("text", text)
	b, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	return string(o.End()), "x" + string(b)
}

// TestAnyByteAnywhere: whichever byte stands at whichever place.
func TestAnyByteAnywhere(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := []byte("abcdefghijklmnopqrst")
			text[at] = byte(c)
			if got, want := object(t, string(text)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "ada", "a b~", `"\`, "<&>", "é", "\x00\x1f\x7f", "\xff", "\u2028", "\U0001f600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := object(t, s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	})
}
