package pytext

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

var errNotText = errors.New("a text that is not UTF-8")

// AppendJSON writes v in the form of json.dumps(v, separators=(",", ":")): compact, and in printable ASCII alone. The
// members of objects are sorted by name, and numbers are written as encoding/json writes them. It refuses texts that
// are not UTF-8.
func AppendJSON(dst []byte, v any) ([]byte, error) {
	text, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return AppendASCII(dst, string(text)), nil
}

// AppendJSONString writes a text as json.dumps does (json/encoder.py of CPython 3.13, ESCAPE_ASCII).
func AppendJSONString(dst []byte, text string) ([]byte, error) {
	dst = append(dst, '"')
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n == 1 {
			unit, ok := loneSurrogate(text)
			if !ok {
				return nil, errNotText
			}
			dst = fmt.Appendf(dst, `\u%04x`, unit)
			text = text[3:]
			continue
		}
		text = text[n:]
		switch i := strings.IndexRune("\"\\\n\r\t\f\b", r); {
		case i >= 0:
			dst = append(dst, '\\', `"\nrtfb`[i])
		case r < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = AppendASCII(dst, string(r))
		}
	}
	return append(dst, '"'), nil
}

// loneSurrogate reads what AppendRune writes for a surrogate.
func loneSurrogate(text string) (rune, bool) {
	if len(text) < 3 || text[0] != 0xed || text[1] < 0xa0 || text[1] > 0xbf || text[2] < 0x80 || text[2] > 0xbf {
		return 0, false
	}
	return 0xd000 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f), true
}
