package observe

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lineBytes is the most that a line of the log has. A stack comes on top, with at most stackBytes.
const (
	lineBytes  = 2048
	stackBytes = 16 << 10
)

// What the values of an event may take of its line. With the keys, and with what our own code says, they fill it.
const (
	methodBytes = 40
	pathBytes   = 640
	remoteBytes = 80
	userIDBytes = 160
	errorBytes  = 512
	otherBytes  = 64
)

// noteBytes is the room for the words that say that a value was cut.
const noteBytes = len("...(cut: 9223372036854775807 bytes)")

// cut shortens a value that would take more than so many bytes of a line, and says so at its end. It counts what the
// value takes once it is escaped, in JSON or in text.
func cut(s string, most int) string {
	if len(s)*mostTaken <= most { // as most values are: there is nothing to count
		return s
	}
	end, takes := 0, 0 // what is kept if there is no more room than for the note
	for i, size := 0, 0; i < len(s); i += size {
		var c int
		if c, size = takenBy(s[i:]); takes+c > most {
			return s[:end] + "...(cut: " + strconv.Itoa(len(s)) + " bytes)"
		}
		if takes += c; takes <= most-noteBytes {
			end = i + size
		}
	}
	return s
}

// mostTaken is the most that a byte takes: as \u0000, or as \ufffd where it is no character.
const mostTaken = 6

// takenBy is what the first character of s takes in a line, and in s. An escape has the form \u202e, or in JSON
// \udb40\udc01, and that of an ASCII character is shorter in text.
func takenBy(s string) (inLine, size int) {
	if c := s[0]; c < utf8.RuneSelf {
		if ' ' <= c && c != 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			return 1, 1
		}
		return len(`\u0000`), 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1 || r <= 0xffff && !shows(r):
		return len(`\ufffd`), size
	case !shows(r):
		return len(`\udb40\udc01`), size
	}
	return size, size
}

// shows says whether a terminal shows a character, and nothing else: not those that control it, change the direction
// of the text, break the line or are invisible.
func shows(r rune) bool {
	return strconv.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// escape writes the characters of a text that do not show as JSON does, and as strconv.Quote does, by which slog
// writes text. The ASCII ones have their escapes already, but for DEL in JSON.
func escape(text []byte) []byte {
	first := 0
	for ; first < len(text) && text[first] < 0x7f; first++ {
	}
	if first == len(text) {
		return text
	}
	escaped := append(make([]byte, 0, 2*len(text)), text[:first]...)
	for rest := text[first:]; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r < 0x7f || shows(r) && (r != utf8.RuneError || size > 1):
			escaped = append(escaped, rest[:size]...)
		default:
			escaped = appendEscape(escaped, r)
		}
		rest = rest[size:]
	}
	return escaped
}

func appendEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	units := []uint16{uint16(r & 0xffff)}
	if r > 0xffff {
		units = []uint16{uint16(0xd800 + (r-0x10000)>>10), uint16(0xdc00 + (r-0x10000)&0x3ff)} //nolint:gosec // no rune is larger
	}
	for _, u := range units {
		b = append(b, '\\', 'u', digits[u>>12], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	return b
}

// bounded is a record whose line keeps within lineBytes.
func bounded(r slog.Record) slog.Record {
	const (
		fixed = 160 // the time, the level, and the keys of these and of the message
		least = 32  // the key of an attribute, and what is around it
	)
	left := roomLeft(lineBytes - fixed - r.NumAttrs()*(least+noteBytes))
	b := slog.NewRecord(r.Time, r.Level, left.take(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		b.AddAttrs(left.attr(a))
		return true
	})
	return b
}

// roomLeft is what the values of a line may still take, besides their notes.
type roomLeft int

func (left *roomLeft) take(s string) string {
	s = cut(s, max(int(*left), 0)+noteBytes)
	for i, size := 0, 0; i < len(s); i += size {
		var c int
		c, size = takenBy(s[i:])
		*left -= roomLeft(c)
	}
	return s
}

func (left *roomLeft) attr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch {
	case a.Key == "stack":
		a.Value = slog.StringValue(cut(a.Value.String(), stackBytes))
	case a.Value.Kind() == slog.KindGroup:
		attrs := make([]slog.Attr, 0, len(a.Value.Group()))
		for _, member := range a.Value.Group() {
			attrs = append(attrs, left.attr(member))
		}
		a.Value = slog.GroupValue(attrs...)
	case a.Value.Kind() == slog.KindString:
		a.Value = slog.StringValue(left.take(a.Value.String()))
	case a.Value.Kind() == slog.KindAny:
		a.Value = left.other(a.Value)
	}
	return a
}

// other is for errors, lists and the like: what is short stays what it is.
func (left *roomLeft) other(v slog.Value) slog.Value {
	if err, ok := v.Any().(error); ok {
		return slog.StringValue(left.take(err.Error()))
	}
	document, err := json.Marshal(v.Any())
	if err != nil {
		return slog.StringValue(left.take(v.String()))
	}
	if text := left.take(string(document)); strings.HasSuffix(text, " bytes)") {
		return slog.StringValue(text)
	}
	return v
}
