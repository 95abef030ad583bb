//go:build !(goexperiment.jsonv2 && go1.27) && !go1.28

package pytext

import (
	"bytes"
	"encoding/json"
)

// marshal is json.Marshal without escapes for HTML. It refuses texts that are not UTF-8.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if replaced(text) {
		return nil, errNotText
	}
	return text, nil
}

// replaced reports whether encoding/json has put U+FFFD in the place of a byte that is no UTF-8: it writes that as an
// escape, and the character itself as it is.
func replaced(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		if text = text[i+1:]; bytes.HasPrefix(text, []byte("ufffd")) {
			return true
		}
		text = text[1:] // what the backslash escapes may be another one
	}
}
