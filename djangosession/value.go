package djangosession

import "strconv"

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

// pyStr is Python's str() of a value, as CharField.to_python applies it; of nothing, it is "".
func (v Value) pyStr() string {
	if text, ok := v.Text(); ok {
		return text
	}
	return string(v.appendRepr(nil))
}
