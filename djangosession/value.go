package djangosession

import (
	"math"
	"strconv"
	"strings"
)

// Kind says what a Value is, in JSON's terms with Python's numbers.
type Kind uint8

// The kinds of a Value. The zero Kind is that of a value that is not there.
const (
	Missing Kind = iota
	Null
	Bool
	Int
	Float
	String
	Array
	Object
)

// Value is one entry of a session. The zero Value is an entry that is not there.
type Value struct {
	kind Kind
	raw  string // the JSON text, checked
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// JSON returns v as Django stored it. It is JSON as Python writes it: NaN and Infinity may occur.
func (v Value) JSON() string { return v.raw }

// Text returns the characters of a string, and false for any other kind. Surrogates that stand alone make it
// invalid UTF-8.
func (v Value) Text() (string, bool) {
	if v.kind != String {
		return "", false
	}
	text := v.raw[1 : len(v.raw)-1]
	plain := true
	for i := 0; i < len(text) && plain; i++ {
		plain = text[i] != '\\' && text[i] < 0x80
	}
	return rawString{text, plain}.decode(), true
}

// float returns the number that v is in Python's float, NaN and infinities included.
func (v Value) float() float64 {
	// Go reads NaN and Infinity in these spellings too; too large a number is an infinity in both languages.
	f, _ := strconv.ParseFloat(v.raw, 64)
	return f
}

// pyStr is Python's str() of a value, as CharField.to_python applies it; ok is false for the kinds whose str()
// is not needed here: nothing, null, lists and dictionaries.
func (v Value) pyStr() (s string, ok bool) {
	switch v.kind {
	case String:
		return v.Text()
	case Bool:
		return strings.ToUpper(v.raw[:1]) + v.raw[1:], true
	case Int:
		if v.raw == "-0" {
			return "0", true
		}
		return v.raw, true
	case Float:
		return pyFloatRepr(v.float()), true
	case Missing, Null, Array, Object:
	}
	return "", false
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
