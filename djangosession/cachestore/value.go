package cachestore

import (
	"bytes"
	"encoding/json"

	"django-sidecar/djangosession"
)

// isNone reports whether a value is Python's None, which Django cannot tell from a missing one.
func isNone(value []byte, s djangosession.Serializer) bool {
	if s == djangosession.JSON {
		return string(bytes.TrimSpace(value)) == "null"
	}
	return string(pickled(value)) == "N." // NONE, STOP
}

// isOtherThanDict reports whether a value certainly is something other than a dict. It is false for a value that cannot
// be read. It looks at the beginning of a pickle, and the parser judges the rest.
func isOtherThanDict(value []byte, s djangosession.Serializer) bool {
	if s == djangosession.JSON {
		return !bytes.HasPrefix(bytes.TrimSpace(value), []byte("{")) && json.Valid(value)
	}
	p := pickled(value)
	if len(p) < 2 || p[len(p)-1] != '.' {
		return false
	}
	// Lib/pickle.py, 3.13: the opcodes that begin a number, a truth value, bytes, a list, a set, the empty tuple. Dicts
	// begin with "}", or with "(" in protocol 0; a text can be the name of a class and begin anything.
	if bytes.IndexByte([]byte("KMJ\x8a\x8bIFGL\x88\x89CB\x8e])\x8f"), p[0]) >= 0 {
		return true
	}
	if p[0] == '\x8c' && len(p) >= int(p[1])+3 { // SHORT_BINUNICODE, and nothing but its MEMOIZE after it
		rest := string(p[int(p[1])+2:])
		return rest == "." || rest == "\x94."
	}
	return false
}

// pickled returns a pickle without the opcodes PROTO and FRAME at its beginning.
func pickled(value []byte) []byte {
	if len(value) >= 2 && value[0] == '\x80' {
		value = value[2:]
	}
	if len(value) >= 9 && value[0] == '\x95' {
		value = value[9:]
	}
	return value
}
