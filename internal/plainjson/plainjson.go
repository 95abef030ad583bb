// Package plainjson appends texts to JSON that is put together by hand, where encoding/json's reflection would cost more than
// all the rest of an answer.
package plainjson

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// AppendString appends s as encoding/json writes it.
func AppendString(b []byte, s string) []byte {
	if !isPlain(s) {
		return appendOther(b, s)
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// isPlain reports whether encoding/json writes s as it is. It looks at eight bytes at a time, as most texts have more.
func isPlain(s string) bool {
	const each = 0x0101010101010101
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64([]byte(s[:8]))
		// Each term sets the high bit of the bytes that it is about: those from 0x80, below 0x20, '<' and '>' which differ in one bit, '"'
		// and '&' likewise, and '\\'. Only a byte that is one of these borrows from the next.
		special := w | (w - 0x20*each) | (((w | 0x02*each) ^ '>'*each) - each) |
			(((w | 0x04*each) ^ '&'*each) - each) | ((w ^ '\\'*each) - each)
		if special&(0x80*each) != 0 {
			return false
		}
	}
	for i := range len(s) {
		if !plain[s[i]] {
			return false
		}
	}
	return true
}

// plain are the bytes that encoding/json writes as they are.
var plain = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = !strings.ContainsRune(`"\<>&`, c)
	}
	return is
}()

// appendOther is for the few that need escapes, or are no ASCII.
func appendOther(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("plainjson: internal error: a text has no JSON: " + err.Error())
	}
	return append(b, text...)
}
