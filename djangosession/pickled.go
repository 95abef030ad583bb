package djangosession

import (
	"fmt"
	"strings"

	"django-sidecar/internal/pickle"
)

// pickledSession fails with errNotDict where v is no dict. An object of an unknown class is none: it may have ways of
// its own to find entries.
func pickledSession(v pickle.Value) (*Session, error) {
	if k := v.Kind(); k != pickle.Dict && k != pickle.OrderedDict {
		return nil, errNotDict
	}
	s := &Session{
		AuthUserID:  pickledValue(v.Lookup(keyAuthUserID)),
		AuthBackend: pickledValue(v.Lookup(keyAuthBackend)),
		AuthHash:    pickledValue(v.Lookup(keyAuthHash)),
		pickled:     v,
	}
	for _, name := range impersonationEntries {
		if v.Lookup(name).Kind() != pickle.Missing {
			s.impersonation |= impersonationEntry(name)
		}
	}
	return s, nil
}

// pickledKinds are the kinds for those of the pickle's that are not Opaque.
var pickledKinds = map[pickle.Kind]Kind{
	pickle.None: Null, pickle.Bool: Bool, pickle.Int: Int, pickle.Float: Float, pickle.Str: String, pickle.Bytes: Bytes,
	pickle.ByteArray: Bytes, pickle.List: Array, pickle.Tuple: Array, pickle.Dict: Object, pickle.OrderedDict: Object,
	pickle.DateTime: Time, pickle.Date: Time, pickle.Time: Time, pickle.TimeDelta: Time, pickle.TimeZone: Time,
	pickle.Decimal: Decimal, pickle.UUID: UUID,
}

// pickledValue has numbers, null and bools as JSON, so that they are read as those of any session.
func pickledValue(v pickle.Value) Value {
	if v.Kind() == pickle.Str { // as most entries are
		return Value{kind: String, pickled: v}
	}
	kind, known := pickledKinds[v.Kind()]
	switch {
	case v.Kind() == pickle.Missing:
		return Value{}
	case !known:
		return Value{kind: Opaque, pickled: v}
	case kind <= Float:
		raw := string(v.AppendJSON(nil))
		if !strings.HasPrefix(raw, "{") { // as integers beyond all bounds do
			return Value{kind: kind, raw: raw}
		}
	}
	return Value{kind: kind, pickled: v}
}

// The bounds of pickledStr. Values may hold themselves, and no text key is as long.
const (
	maxReprDepth = 50
	maxReprBytes = 1 << 12
)

// pickledStr is Python's str() of a value that is no string. ok is false where that depends on more than the value,
// such as the order of a set or the version of Python, or where it is too long to be a key.
func pickledStr(v pickle.Value) (text string, ok bool) {
	if text, ok := v.Str(); ok {
		return text, true
	}
	b, ok := appendPickledRepr(nil, v, maxReprDepth)
	return string(b), ok
}

// appendPickledRepr appends Python's repr() of v.
func appendPickledRepr(b []byte, v pickle.Value, depth int) (out []byte, ok bool) {
	if depth == 0 || len(b) > maxReprBytes {
		return b, false
	}
	switch v.Kind() {
	case pickle.None, pickle.Bool, pickle.Int, pickle.Float:
		scalar := pickledValue(v)
		return appendScalarRepr(b, scalar), scalar.raw != ""
	case pickle.Str:
		return appendStringRepr(b, v.Text()), true
	case pickle.Bytes:
		return appendBytesRepr(b, v.Text(), false), true
	case pickle.ByteArray:
		return append(appendBytesRepr(append(b, "bytearray("...), v.Text(), true), ')'), true
	case pickle.Decimal, pickle.UUID:
		text, _ := v.Str()
		class := v.Class()
		return fmt.Appendf(b, "%s('%s')", class[strings.LastIndexByte(class, '.')+1:], text), true
	case pickle.List:
		b, ok = appendMembersRepr(append(b, '['), v, depth-1)
		return append(b, ']'), ok
	case pickle.Tuple:
		b, ok = appendMembersRepr(append(b, '('), v, depth-1)
		if v.Len() == 1 {
			b = append(b, ',')
		}
		return append(b, ')'), ok
	case pickle.Dict:
		return appendDictRepr(b, v, depth-1)
	case pickle.Missing, pickle.Set, pickle.FrozenSet, pickle.OrderedDict, pickle.DateTime, pickle.Date, pickle.Time,
		pickle.TimeDelta, pickle.TimeZone, pickle.Lazy, pickle.Global, pickle.Opaque:
	}
	return b, false
}

func appendMembersRepr(b []byte, v pickle.Value, depth int) (out []byte, ok bool) {
	ok = true
	for i := 0; i < v.Len() && ok; i++ {
		if i > 0 {
			b = append(b, ", "...)
		}
		b, ok = appendPickledRepr(b, v.At(i), depth)
	}
	return b, ok
}

func appendDictRepr(b []byte, v pickle.Value, depth int) (out []byte, ok bool) {
	b, ok = append(b, '{'), true
	for i := 0; i < v.Len() && ok; i++ {
		if i > 0 {
			b = append(b, ", "...)
		}
		name, value := v.Entry(i)
		if b, ok = appendPickledRepr(b, name, depth); ok {
			b, ok = appendPickledRepr(append(b, ": "...), value, depth)
		}
	}
	return append(b, '}'), ok
}

// appendBytesRepr is PyBytes_Repr of Objects/bytesobject.c, CPython 3.13, and where escapeQuote is true bytearray_repr of
// Objects/bytearrayobject.c, which has a backslash before every single quote.
func appendBytesRepr(b []byte, s string, escapeQuote bool) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b = append(b, 'b', quote)
	for i := range len(s) {
		switch c := s[i]; {
		case c == quote && quote == '\'' || c == '\\' || c == '\'' && escapeQuote:
			b = append(b, '\\', c)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case ' ' <= c && c <= '~':
			b = append(b, c)
		default:
			b = fmt.Appendf(b, `\x%02x`, c)
		}
	}
	return append(b, quote)
}
