package djangosession

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"django-sidecar/internal/pickle"
)

// appendRepr appends Python's repr() of what json.loads makes of v. Django needs it where the primary key is a text
// and the id in the session is a list, say: CharField.to_python makes a text of it, and a user may be called so.
func (v Value) appendRepr(b []byte) []byte {
	if v.kind == Missing {
		return b
	}
	p := jsonParser{text: v.raw, maxIntDigits: math.MaxInt}
	return p.appendRepr(b)
}

// appendRepr moves past a value whose text has been checked before. It reads each value once, however deeply it is
// nested.
func (p *jsonParser) appendRepr(b []byte) []byte {
	switch p.text[p.pos] {
	case '[':
		return p.appendArrayRepr(b)
	case '{':
		return p.appendObjectRepr(b)
	case '"':
		text, _ := p.string()
		return appendStringRepr(b, text.decode())
	}
	start := p.pos
	kind, _ := p.scalar()
	return appendScalarRepr(b, Value{kind: kind, raw: p.text[start:p.pos]})
}

func (p *jsonParser) appendArrayRepr(b []byte) []byte {
	b = append(b, '[')
	p.pos++
	for p.space(); !p.next(']'); p.space() {
		if p.next(',') {
			b = append(b, ", "...)
			p.space()
		}
		b = p.appendRepr(b)
	}
	return append(b, ']')
}

// appendObjectRepr writes a dict: a name that repeats keeps its first place and its last value.
func (p *jsonParser) appendObjectRepr(b []byte) []byte {
	type member struct{ start, end int } // in b
	var members []member
	places, repeats, first := map[string]int{}, false, len(b)+1
	b = append(b, '{')
	p.pos++
	for p.space(); !p.next('}'); p.space() {
		if p.next(',') {
			b = append(b, ", "...)
			p.space()
		}
		text, _ := p.string()
		name, m := text.decode(), member{start: len(b)}
		b = append(appendStringRepr(b, name), ": "...)
		p.space()
		p.next(':')
		p.space()
		b = p.appendRepr(b)
		m.end = len(b)
		if place, again := places[name]; again {
			members[place], repeats = m, true
			continue
		}
		places[name] = len(members)
		members = append(members, m)
	}
	if repeats {
		all := append([]byte(nil), b...)
		b = b[:first]
		for i, m := range members {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(b, all[m.start:m.end]...)
		}
	}
	return append(b, '}')
}

func appendScalarRepr(b []byte, v Value) []byte {
	switch v.kind {
	case Null:
		return append(b, "None"...)
	case Bool:
		return append(append(b, v.raw[0]-'a'+'A'), v.raw[1:]...)
	case Int:
		return append(b, strings.Replace(v.raw, "-0", "0", 1)...) // no integer but -0 begins so
	case Float:
		return append(b, pickle.FloatRepr(v.float())...)
	case Missing, String, Array, Object, Bytes, Decimal, UUID, Time, Opaque:
	}
	return b
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
