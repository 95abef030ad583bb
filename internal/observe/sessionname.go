package observe

import (
	"crypto/sha256"
	"encoding/hex"
)

// SessionName is how logs name a session: the first 12 hexadecimal digits of the SHA-256 of its key, and "" for no
// key. It tells sessions apart, and opens none.
func SessionName(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}
