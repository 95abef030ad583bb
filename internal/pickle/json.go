package pickle

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The bounds of AppendJSON: values in circles have no end, and shared ones may be longer than any memory.
const (
	maxJSONDepth = 100
	maxJSONBytes = 1 << 22
)

// AppendJSON appends v in JSON as Python writes it: ASCII only, with NaN and Infinity. What JSON has no form for is an
// object with its class:
//
//	{"__class__": "datetime.datetime", "value": "2026-11-22T12:00:00+00:00"}
//
// The value of a Bytes or ByteArray is a text whose characters are the bytes; that of a tuple or a set is an array,
// which has a set's members in the order of their JSON; that of a dict with other keys than texts, or with the key
// "__class__", and of an OrderedDict is an array of [key, value]; that of an integer of more than 4,300 digits is
// hexadecimal. An Opaque has no value, and neither has what is nested deeper than 100 levels or comes after 4 MiB.
func (v Object) AppendJSON(b []byte) []byte {
	w := jsonWriter{d: v.d, limit: len(b) + maxJSONBytes}
	return w.value(b, v, maxJSONDepth)
}

type jsonWriter struct {
	d     *document
	limit int
}

func (w *jsonWriter) value(b []byte, v Object, depth int) []byte {
	switch k := v.Type(); k {
	case None:
		return append(b, "null"...)
	case Bool:
		return strconv.AppendBool(b, v.Bool())
	case Int:
		return v.appendInt(b)
	case Float:
		return append(b, jsonFloat(v.Float())...)
	case Str:
		return appendQuoted(b, v.Text())
	case Lazy, Global:
		return closed(appendQuoted(valued(b, v), v.Text()))
	case Bytes, ByteArray:
		return closed(appendLatin1(valued(b, v), v.Text()))
	case List, Tuple, Set, FrozenSet, Dict, OrderedDict:
		if depth == 0 || len(b) > w.limit {
			return append(classed(b, v), '}')
		}
		return w.members(b, v, depth-1)
	case DateTime, Time, Date:
		text, known := v.isoFormat("T")
		b = appendQuoted(valued(b, v), text)
		if !known {
			b = w.value(append(b, `, "tzinfo": `...), Object{v.d, ref(v.d.node(v.r).b)}, depth)
		}
		return closed(b)
	case TimeDelta, TimeZone, Decimal, UUID:
		text, _ := v.Str()
		return closed(appendQuoted(valued(b, v), text))
	case Missing, Opaque:
	}
	return append(classed(b, v), '}')
}

func (w *jsonWriter) members(b []byte, v Object, depth int) []byte {
	switch k := v.Type(); {
	case k == List:
		return w.array(b, v, depth)
	case k == Dict && v.plainKeys():
		return w.object(b, v, depth)
	case k == Dict || k == OrderedDict:
		b = w.each(append(valued(b, v), '['), v, func(b []byte, i int) []byte {
			key, value := v.Entry(i)
			b = w.value(append(b, '['), key, depth)
			return append(w.value(append(b, ", "...), value, depth), ']')
		})
		return append(b, "]}"...)
	case k == Tuple:
		return closed(w.array(valued(b, v), v, depth))
	}
	return closed(w.sorted(valued(b, v), v, depth))
}

// each writes the members, with commas between them, up to the limit.
func (w *jsonWriter) each(b []byte, v Object, write func(b []byte, i int) []byte) []byte {
	for i := range v.Len() {
		if len(b) > w.limit {
			break
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = write(b, i)
	}
	return b
}

func (w *jsonWriter) array(b []byte, v Object, depth int) []byte {
	b = w.each(append(b, '['), v, func(b []byte, i int) []byte { return w.value(b, v.At(i), depth) })
	return append(b, ']')
}

func (w *jsonWriter) object(b []byte, v Object, depth int) []byte {
	b = w.each(append(b, '{'), v, func(b []byte, i int) []byte {
		key, value := v.Entry(i)
		return w.value(append(appendQuoted(b, key.Text()), ": "...), value, depth)
	})
	return append(b, '}')
}

// sorted writes a set.
func (w *jsonWriter) sorted(b []byte, v Object, depth int) []byte {
	start := len(b)
	members := make([]string, 0, v.Len())
	for i := range v.Len() {
		if len(b) > w.limit {
			break
		}
		end := len(b)
		b = w.value(b, v.At(i), depth)
		members = append(members, string(b[end:]))
	}
	slices.Sort(members)
	b = append(b[:start], '[')
	b = append(b, strings.Join(members, ", ")...)
	return append(b, ']')
}

// plainKeys is true for a dict that can be a JSON object.
func (v Object) plainKeys() bool {
	for i := range v.Len() {
		if key, _ := v.Entry(i); key.Type() != Str || key.Text() == "__class__" {
			return false
		}
	}
	return true
}

func classed(b []byte, v Object) []byte {
	return appendQuoted(append(b, `{"__class__": `...), v.Class())
}

func valued(b []byte, v Object) []byte { return append(classed(b, v), `, "value": `...) }

func closed(b []byte) []byte { return append(b, '}') }

// appendInt: Go takes time for decimal digits that Python, too, does not want to take.
func (v Object) appendInt(b []byte) []byte {
	if n, ok := v.Int64(); ok {
		return strconv.AppendInt(b, n, 10)
	}
	i := v.BigInt()
	if i.BitLen() < maxIntDigits*10/3 { // a digit has 3.32 bits
		if digits := i.Append(nil, 10); len(digits) <= maxIntDigits {
			return append(b, digits...)
		}
	}
	return closed(append(i.Append(append(valued(b, v), `"`...), 16), '"'))
}

// jsonFloat is Python's float.__repr__, and NaN and Infinity as json.dumps has them.
func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return "-Infinity"[(1+int(math.Copysign(1, f)))/2:]
	}
	return FloatRepr(f)
}

// FloatRepr is Python's repr of a float: the shortest digits that read back as f, with an exponent from 1e+16 up and
// below 1e-4 (Python/pystrtod.c of CPython, format code 'r').
func FloatRepr(f float64) string {
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

// appendQuoted is json.dumps of a text.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for s != "" {
		r, n := decodeRune(s)
		s = s[n:]
		b = appendEscaped(b, r)
	}
	return append(b, '"')
}

func appendLatin1(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		b = appendEscaped(b, rune(s[i]))
	}
	return append(b, '"')
}

// decodeRune reads what validUTF8 takes.
func decodeRune(s string) (r rune, n int) {
	if r, n = utf8.DecodeRuneInString(s); r == utf8.RuneError && n == 1 && len(s) >= 3 {
		return rune(s[0]&0x0f)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, n
}

func appendEscaped(b []byte, r rune) []byte {
	if i := strings.IndexRune("\"\\\n\r\t\f\b", r); i >= 0 {
		return append(b, '\\', `"\nrtfb`[i])
	}
	switch {
	case ' ' <= r && r <= '~':
		return append(b, byte(r))
	case r <= 0xffff:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	r -= 0x10000
	return fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
}
