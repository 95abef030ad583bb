package warm

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A JSONObject appends the members of a JSON object to a text, as encoding/json writes their values. Names are written
// as they are.
type JSONObject struct {
	// Escape, if given, is called with the JSON of each text that is not all plain ASCII, and returns what is written in
	// its place.
	Escape func(json []byte) []byte

	text []byte
}

// NewJSONObject begins an object at the end of text.
func NewJSONObject(text []byte) JSONObject { return JSONObject{text: append(text, '{')} }

// End returns the text with the whole object.
func (o *JSONObject) End() []byte { return append(o.text, '}') }

// String appends a member.
func (o *JSONObject) String(name, value string) { o.text = o.appendString(o.named(name), value) }

// Bool appends a member.
func (o *JSONObject) Bool(name string, value bool) { o.text = strconv.AppendBool(o.named(name), value) }

// Int appends a member.
func (o *JSONObject) Int(name string, value int) {
	o.text = strconv.AppendInt(o.named(name), int64(value), 10)
}

// Float appends a member. It writes no exponent, as encoding/json does from 1e-6 to 1e21.
func (o *JSONObject) Float(name string, value float64) {
	o.text = strconv.AppendFloat(o.named(name), value, 'f', -1, 64)
}

// Time appends a member in a layout that needs no escapes.
func (o *JSONObject) Time(name string, value time.Time, layout string) {
	o.text = append(value.AppendFormat(append(o.named(name), '"'), layout), '"')
}

// Object begins a member that is an object. What is appended to member is in it; o goes on after EndObject.
func (o *JSONObject) Object(name string) (member JSONObject) {
	member = NewJSONObject(o.named(name))
	member.Escape = o.Escape
	return member
}

// EndObject ends a member that Object began.
func (o *JSONObject) EndObject(member JSONObject) { o.text = member.End() }

func (o *JSONObject) named(name string) []byte {
	if o.text[len(o.text)-1] != '{' {
		o.text = append(o.text, ',')
	}
	o.text = append(o.text, '"')
	o.text = append(o.text, name...)
	return append(o.text, `":`...)
}

// appendString appends s as encoding/json and Escape write it. Most texts need no escape.
func (o *JSONObject) appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			return o.appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain are the bytes that encoding/json writes as they are, and that show in a terminal.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = !strings.ContainsRune("\"\\<>&\x7f", c)
	}
	return is
}()

func (o *JSONObject) appendEscaped(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("warm: internal error: a text has no JSON: " + err.Error())
	}
	if o.Escape != nil {
		text = o.Escape(text)
	}
	return append(b, text...)
}
