package djangosession

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// pyObject walks the members of the object in text, JSON as Python's json.loads reads it after
// data.decode("latin-1") (django/core/signing.py, 5.2, JSONSerializer; Lib/json of CPython 3.13). It differs from
// encoding/json in what Python's reader lets pass and what it does not:
//
//   - NaN, Infinity and -Infinity are numbers, and numbers may be of any size up to Python's bound on integers;
//   - surrogates may stand alone (kept here in the three bytes that UTF-8 would have for them);
//   - each byte from 0x80 up is a character of its own;
//   - the last of several members of one name wins: visit is called for each, in order.
//
// The whole text is checked before pyObject returns, whatever visit does. ok is false if it is not JSON, not an
// object, or nested deeper than v.maxDepth.
func pyObject(text string, v Version, visit func(name string, v Value)) (ok bool) {
	p := jsonParser{text: text, maxIntDigits: v.maxIntDigits()}
	p.space()
	if !p.object(v.maxDepth(), visit) {
		return false
	}
	p.space()
	return p.pos == len(p.text)
}

// jsonParser reads text from pos on. Each method reads what its name says, and moves pos past it; false is a syntax
// error.
type jsonParser struct {
	text         string
	pos          int
	maxIntDigits int
}

// space: WHITESPACE of json/decoder.py, [ \t\n\r]*.
func (p *jsonParser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next moves past c if c is next.
func (p *jsonParser) next(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *jsonParser) object(depth int, visit func(string, Value)) bool {
	if depth <= 0 || !p.next('{') {
		return false
	}
	p.space()
	if p.next('}') {
		return true
	}
	for {
		name, ok := p.string()
		if !ok {
			return false
		}
		p.space()
		if !p.next(':') {
			return false
		}
		p.space()
		start := p.pos
		kind, ok := p.value(depth - 1)
		if !ok {
			return false
		}
		if visit != nil {
			visit(name.decode(), Value{kind: kind, raw: p.text[start:p.pos]})
		}
		p.space()
		if p.next('}') {
			return true
		}
		if !p.next(',') {
			return false
		}
		p.space()
	}
}

func (p *jsonParser) array(depth int, visit func(Value)) bool {
	if depth <= 0 || !p.next('[') {
		return false
	}
	p.space()
	if p.next(']') {
		return true
	}
	for {
		start := p.pos
		kind, ok := p.value(depth - 1)
		if !ok {
			return false
		}
		if visit != nil {
			visit(Value{kind: kind, raw: p.text[start:p.pos]})
		}
		p.space()
		if p.next(']') {
			return true
		}
		if !p.next(',') {
			return false
		}
		p.space()
	}
}

func (p *jsonParser) value(depth int) (Kind, bool) {
	if p.pos >= len(p.text) {
		return Missing, false
	}
	switch c := p.text[p.pos]; {
	case c == '"':
		_, ok := p.string()
		return String, ok
	case c == '{':
		return Object, p.object(depth, nil)
	case c == '[':
		return Array, p.array(depth, nil)
	case '0' <= c && c <= '9':
		return p.number()
	}
	return p.scalar()
}

// constants are what Python's scanner knows beside numbers (json/scanner.py).
var constants = []struct {
	text string
	kind Kind
}{
	{"null", Null},
	{"true", Bool},
	{"false", Bool},
	{"NaN", Float},
	{"Infinity", Float},
	{"-Infinity", Float},
}

func (p *jsonParser) scalar() (Kind, bool) {
	for _, c := range constants {
		if strings.HasPrefix(p.text[p.pos:], c.text) {
			p.pos += len(c.text)
			return c.kind, true
		}
	}
	return p.number()
}

// number: (-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)? of json/scanner.py. As there, what cannot be a
// fraction or an exponent is left for the next token, which then is wrong.
func (p *jsonParser) number() (Kind, bool) {
	p.next('-')
	first := p.pos
	digits := p.digits()
	if digits == 0 || digits > 1 && p.text[first] == '0' {
		return Missing, false
	}
	kind, end := Int, p.pos
	if p.next('.') && p.digits() > 0 {
		kind, end = Float, p.pos
	}
	p.pos = end
	if p.next('e') || p.next('E') {
		if !p.next('-') {
			p.next('+')
		}
		if p.digits() > 0 {
			kind, end = Float, p.pos
		}
	}
	p.pos = end
	return kind, kind == Float || digits <= p.maxIntDigits
}

func (p *jsonParser) digits() int {
	start := p.pos
	for p.pos < len(p.text) && '0' <= p.text[p.pos] && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}

// rawString is the text of a checked JSON string between its quotes; plain says that it stands for itself.
type rawString struct {
	text  string
	plain bool
}

// string: scanstring of json/decoder.py with strict=True: no control characters, and only the escapes of JSON.
func (p *jsonParser) string() (rawString, bool) {
	if !p.next('"') {
		return rawString{}, false
	}
	start, plain := p.pos, true
	for {
		p.pos += plainLen(p.text[p.pos:])
		if p.pos >= len(p.text) {
			return rawString{}, false
		}
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return rawString{p.text[start : p.pos-1], plain}, true
		case c < 0x20:
			return rawString{}, false
		case c == '\\':
			plain = false
			if !p.escape() {
				return rawString{}, false
			}
		default:
			plain = false
			p.pos++
		}
	}
}

// plainLen returns how many characters at the start of text stand for themselves in a JSON string: ASCII up to a quote,
// a backslash or a control character.
func plainLen(text string) int {
	n := 0
	for n < len(text) && text[n] >= 0x20 && text[n] < utf8.RuneSelf && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

func (p *jsonParser) escape() bool {
	p.pos++
	if p.pos >= len(p.text) {
		return false
	}
	c := p.text[p.pos]
	p.pos++
	if c == 'u' {
		_, ok := hex4(p.text[p.pos:])
		p.pos += 4
		return ok
	}
	return strings.IndexByte(`"\/bfnrt`, c) >= 0
}

// decode returns the characters that a checked string stands for, in UTF-8; a surrogate that stands alone becomes
// the three bytes that UTF-8 would have for it, so that it stays distinct and is no valid UTF-8.
func (s rawString) decode() string {
	if s.plain {
		return s.text // inlined: nearly all are
	}
	return s.decodeEscapes()
}

func (s rawString) decodeEscapes() string {
	b := make([]byte, 0, 2*len(s.text))
	for text := s.text; text != ""; {
		switch {
		case text[0] != '\\':
			b = utf8.AppendRune(b, rune(text[0])) // Latin-1: the byte is the code point
			text = text[1:]
		case text[1] != 'u':
			b = append(b, "\"\\/\b\f\n\r\t"[strings.IndexByte(`"\/bfnrt`, text[1])])
			text = text[2:]
		default:
			var r rune
			r, text = unicodeEscape(text)
			b = pytext.AppendRune(b, r)
		}
	}
	return string(b)
}

// unicodeEscape reads the \uXXXX at the start of a checked text, or the two that make a surrogate pair.
func unicodeEscape(text string) (r rune, rest string) {
	r, _ = hex4(text[2:])
	text = text[6:]
	if 0xd800 <= r && r <= 0xdbff && strings.HasPrefix(text, `\u`) {
		if low, ok := hex4(text[2:]); ok && 0xdc00 <= low && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), text[6:]
		}
	}
	return r, text
}

// hex4 reads four hexadecimal digits at the start of s.
func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	r, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(r), err == nil
}
