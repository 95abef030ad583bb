package djangosession

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"django-sidecar/internal/pickle"
)

// Kind says what a Value is, in JSON's terms with Python's numbers, and what pickles have beside them.
type Kind uint8

// The kinds of a Value. The zero Kind is that of a value that is not there.
const (
	Missing Kind = iota
	Null
	Bool
	Int
	Float
	String
	Array  // a list, or a tuple
	Object // a dict
	Bytes  // bytes, or a bytearray
	Decimal
	UUID
	Time   // a date, time, datetime, timedelta or timezone
	Opaque // a set, a lazy string, or anything else
)

// Value is one entry of a session. The zero Value is an entry that is not there.
type Value struct {
	kind    Kind
	raw     string        // the JSON text, checked; of a pickled value, if it is a number, null or a bool
	pickled pickle.Object // of the others
}

// ValueOf is value as an entry of a session would be, for a store that is asked in a Value's terms. It takes what
// [Session.Set] takes, and fails where that Django could not read it.
func ValueOf(version Version, value any) (Value, error) {
	text, err := appendEntryValue(nil, value)
	if err != nil {
		return Value{}, fmt.Errorf("making a value: %w", err)
	}
	v, ok := parseValue(string(text), version)
	if !ok {
		return Value{}, fmt.Errorf("making a value: %w", errNoValue)
	}
	return v, nil
}

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// JSON returns v as Django stored it. It is JSON as Python writes it: NaN and Infinity may occur. Of a pickled value it
// is what Session.JSON says.
func (v Value) JSON() string {
	if v.isPickled() {
		return string(v.pickled.AppendJSON(nil))
	}
	return v.raw
}

// Decode stores v in what into points to, as encoding/json does. It changes nothing where v is not there, and fails for
// what JSON has no words for, such as NaN, and for what only pickles have, such as dates.
func (v Value) Decode(into any) error {
	if v.kind == Missing {
		return nil
	}
	if v.kind >= Bytes || json.Unmarshal([]byte(v.JSON()), into) != nil { // whose error may have a number of the session
		return fmt.Errorf("an entry of a session does not fit into %T", into)
	}
	return nil
}

// Text returns the characters of a string, and false for any other kind. Surrogates that stand alone make it
// invalid UTF-8.
func (v Value) Text() (string, bool) {
	if v.kind != String {
		return "", false
	}
	if v.isPickled() {
		return v.pickled.Text(), true
	}
	return written(v.raw), true
}

// written returns the characters of a JSON string that was checked, or that we wrote.
func written(quoted string) string {
	text := quoted[1 : len(quoted)-1]
	return rawString{text, plainLen(text) == len(text)}.decode()
}

// DateTime returns a datetime, which only pickled sessions have. Where aware is false it has no time zone, or none that
// is known, and t is its local time taken for UTC.
func (v Value) DateTime() (t time.Time, aware, ok bool) { return v.pickled.Time() }

func (v Value) isPickled() bool { return v.pickled != (pickle.Object{}) }

// float returns the number that v is in Python's float, NaN and infinities included.
func (v Value) float() float64 {
	// Go reads NaN and Infinity in these spellings too; too large a number is an infinity in both languages.
	f, _ := strconv.ParseFloat(v.raw, 64)
	return f
}

// Truthy is Python's bool(v): false of what is not there, None, False, zero, and what is empty. Of what only pickles
// have, all is true.
func (v Value) Truthy() bool {
	switch v.kind {
	case Missing, Null:
		return false
	case Bool:
		return v.raw == "true"
	case Int, Float:
		if v.isPickled() {
			return true // an integer beyond all bounds
		}
		return v.float() != 0 // no integer but 0 becomes 0
	case String:
		text, _ := v.Text()
		return text != ""
	case Array, Object:
		json := v.JSON()
		return strings.Trim(json[1:len(json)-1], " \t\r\n") != ""
	case Bytes, Decimal, UUID, Time, Opaque:
	}
	return true
}
