package djangosession

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendRepr appends Python's repr() of what json.loads makes of v. Django needs it where the primary key is a text
// and the id in the session is a list, say: CharField.to_python makes a text of it, and a user may be called so.
func (v Value) appendRepr(b []byte) []byte {
	switch v.kind {
	case Missing:
		return b
	case Null:
		return append(b, "None"...)
	case Bool:
		return append(append(b, v.raw[0]-'a'+'A'), v.raw[1:]...)
	case Int:
		return append(b, strings.Replace(v.raw, "-0", "0", 1)...) // no integer but -0 begins so
	case Float:
		return append(b, pyFloatRepr(v.float())...)
	case String:
		text, _ := v.Text()
		return appendStringRepr(b, text)
	case Array:
		return v.appendArrayRepr(b)
	case Object:
		return v.appendObjectRepr(b)
	}
	return b
}

// checked returns a parser at the start of v, whose text has been checked before.
func (v Value) checked() *jsonParser {
	return &jsonParser{text: v.raw, maxIntDigits: math.MaxInt}
}

func (v Value) appendArrayRepr(b []byte) []byte {
	p := v.checked()
	b = append(b, '[')
	for p.pos++; ; p.pos++ { // past the bracket, then past each comma
		p.space()
		if item, ok := p.value(len(p.text)); ok {
			b = item.appendRepr(b)
		}
		p.space()
		if p.text[p.pos] == ']' {
			return append(b, ']')
		}
		b = append(b, ", "...)
	}
}

// appendObjectRepr writes a dict: a name that repeats keeps its first place and its last value.
func (v Value) appendObjectRepr(b []byte) []byte {
	var names []string
	values := map[string]Value{}
	v.checked().object(len(v.raw), func(name string, item Value) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		values[name] = item
	})
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(appendStringRepr(b, name), ": "...)
		b = values[name].appendRepr(b)
	}
	return append(b, '}')
}

// appendStringRepr is unicode_repr of Objects/unicodeobject.c, CPython 3.13: single quotes unless only those occur
// inside, and escapes for what is not printable, which is the space apart what Go's unicode.IsPrint says.
func appendStringRepr(b []byte, s string) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b = append(b, quote)
	for len(s) > 0 {
		r, n := decodeWTF8(s)
		s = s[n:]
		switch {
		case r == rune(quote) || r == '\\':
			b = utf8.AppendRune(append(b, '\\'), r)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r <= 0xff:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r <= 0xffff:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
	}
	return append(b, quote)
}

// decodeWTF8 reads what appendWTF8 wrote.
func decodeWTF8(s string) (r rune, n int) {
	if r, n = utf8.DecodeRuneInString(s); r == utf8.RuneError && n == 1 && len(s) >= 3 {
		return rune(s[0]&0x0f)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, n
}

// pyFloatRepr is Python's repr of a float: the shortest digits that read back as f, with an exponent from 1e+16
// up and below 1e-4 (Python/pystrtod.c of CPython, format code 'r').
func pyFloatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f != 0 && (math.Abs(f) >= 1e16 || math.Abs(f) < 1e-4):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
