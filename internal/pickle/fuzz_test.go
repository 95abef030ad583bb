package pickle_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"django-sidecar/internal/pickle"
)

// numbersBeyondJSON are what Python writes and JSON has not, outside of texts that have a backslash or a quote before.
var numbersBeyondJSON = regexp.MustCompile(`-?\b(NaN|Infinity)\b`)

// FuzzLoads: whatever the bytes are, there is an end, a value whose parts can all be asked for, and JSON; and what
// follows the pickle changes nothing.
func FuzzLoads(f *testing.F) {
	text, err := os.ReadFile("testdata/python-2.7.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Fields(string(text)) {
		data, err := hex.DecodeString(line)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(login(4))
	f.Add(login(5))
	for _, data := range []string{
		datetime + "cpytz\n_UTC\n)R\x86R.", uuid + "}U\x03intK\x01sb.", "cdecimal\nDecimal\nV1e2\n\x85R.", "]q\x00h\x00a.", "\x8f(K\x01K\x02(N\x91\x90.",
		"((icart\nCart\n(ccart\nCart\nNot.", "ccart\nCart\n)}U\x01aNs\x92.", lazy + "cgettext\ngettext\n(U\x02Hit}tR.", "ccollections\nOrderedDict\n)R(NNu.",
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		v, err := pickle.Loads(data)
		if err != nil {
			if v != (pickle.Object{}) {
				t.Errorf("%q: a value and %v", data, err)
			}
			return
		}
		ask(v, 6)
		text := v.AppendJSON(nil)
		if !json.Valid(numbersBeyondJSON.ReplaceAll(text, []byte("0"))) {
			t.Errorf("%q: no JSON: %s", data, text)
		}
		again, err := pickle.Loads(data + "N.")
		if err != nil || string(again.AppendJSON(nil)) != string(text) {
			t.Errorf("%q: what follows changes it: %v", data, err)
		}
	})
}

// ask calls all methods of a value and of some that it holds.
func ask(v pickle.Object, depth int) {
	v.Class()
	v.Text()
	v.Bool()
	v.Int64()
	v.BigInt()
	v.Float()
	v.Time()
	v.Str()
	v.Truncated()
	v.Lookup("a")
	for i := range min(v.Len(), 3) {
		if depth == 0 {
			return
		}
		if k := v.Type(); k == pickle.Dict || k == pickle.OrderedDict {
			key, value := v.Entry(i)
			ask(key, depth-1)
			ask(value, depth-1)
			continue
		}
		ask(v.At(i), depth-1)
	}
}
