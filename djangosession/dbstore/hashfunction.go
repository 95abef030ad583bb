package dbstore

import (
	"encoding/hex"
	"fmt"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/signing"
)

// HashFunction is a function of the database that makes session auth hashes, so that nobody else need read what they
// are made of. The zero value is none: the columns are read. PostgreSQL, MySQL and MariaDB have such functions.
//
// It is called with a primary key and with Blocks, and returns the hashes as hexadecimal digits between commas.
type HashFunction struct {
	Name string // with a schema before a dot if need be
	Keys []djangosession.AuthHashKey
}

// The parts of a block: a byte that says which hash of which text, and both keys of an HMAC, as long as a block of
// either hash (RFC 2104: the key XOR ipad, the key XOR opad).
const (
	hmacBlock  = 64
	ipad, opad = 0x36, 0x5c
	kindSHA1   = 1
	kindOwn    = 2
)

// Blocks are the keys as the function takes them.
func (h HashFunction) Blocks() []byte {
	var blocks []byte
	for _, k := range h.Keys {
		kind := byte(0)
		if k.Algorithm == signing.SHA1 {
			kind |= kindSHA1
		}
		if k.Own {
			kind |= kindOwn
		}
		inner, outer := make([]byte, hmacBlock), make([]byte, hmacBlock)
		copy(inner, k.Key) // a hash is never longer than a block
		copy(outer, k.Key)
		for i := range inner {
			inner[i] ^= ipad
			outer[i] ^= opad
		}
		blocks = append(append(append(blocks, kind), inner...), outer...)
	}
	return blocks
}

// call is the function's call in a query, whose second parameter is what parameter returns.
func (h HashFunction) call(d *Dialect, id string) string {
	return fmt.Sprintf("%s(%s, %s)", d.table(h.Name), id, fmt.Sprintf(d.binary, d.second))
}

// parameter are the blocks as the query takes them.
func (h HashFunction) parameter(d *Dialect) any {
	if d.binary != plainParameter {
		return hex.EncodeToString(h.Blocks())
	}
	return h.Blocks()
}

// plainParameter is Dialect.binary where a parameter of bytes is one.
const plainParameter = "%s"

// hashes are what the function has returned: one for each key. It may be of another time than the settings.
func (h HashFunction) hashes(returned string) ([]string, error) {
	all := strings.Split(returned, ",")
	if len(all) != len(h.Keys) {
		return nil, h.wrong()
	}
	for i, k := range h.Keys {
		if len(all[i]) != 2*k.Algorithm.Size() {
			return nil, h.wrong()
		}
	}
	return all, nil
}

func (h HashFunction) wrong() error {
	return fmt.Errorf("function %s does not make the hashes that these settings need: make it again with "+
		"django-sidecar sql -what hidden-passwords", h.Name)
}
