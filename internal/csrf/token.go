package csrf

import (
	"crypto/rand"
	"strings"

	"django-sidecar/internal/pytext"
)

// NewSecret is _get_new_csrf_string: what a new cookie holds, and what a mask is.
func NewSecret() string {
	secret, err := pytext.RandomString(rand.Reader, alphabet, secretLength)
	if err != nil {
		panic("csrf: " + err.Error()) // it never fails, and anybody could guess what comes of a failure
	}
	return secret
}

// Secret is the secret in a cookie or a token, masked or not; ok is false where it has none.
func Secret(text string) (secret string, ok bool) { return unmask(text) }

// Mask is _mask_cipher_secret: a token for a page. Each page gets another one, so that nobody learns the secret from
// the length of compressed pages (BREACH). The secret must be one of NewSecret or Secret.
func Mask(secret string) string {
	token := append(make([]byte, 0, tokenLength), NewSecret()...)
	for i := range secretLength {
		n := strings.IndexByte(alphabet, secret[i]) + strings.IndexByte(alphabet, token[i])
		token = append(token, alphabet[n%len(alphabet)])
	}
	return string(token)
}
