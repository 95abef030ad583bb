// Package plainjson appends texts to JSON that is put together by hand, where encoding/json's reflection would cost more than
// all the rest of an answer.
package plainjson

import (
	"encoding/json"
	"strings"
)

// AppendString appends s as encoding/json writes it.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if !plain[s[i]] {
			return appendOther(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain are the bytes that encoding/json writes as they are.
var plain = func() (is [256]bool) {
	for c := ' '; c <= '~'; c++ {
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
