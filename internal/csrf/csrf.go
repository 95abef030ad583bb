// Package csrf knows Django's token against cross-site request forgery, and is pure. What a form or a script sends is
// compared with the csrftoken cookie, as CsrfViewMiddleware does (django/middleware/csrf.py, 1.11 to 6.1); the rules
// have been the same since 1.10, when tokens came to be masked.
package csrf

import (
	"crypto/subtle"
	"strings"

	"django-sidecar/internal/pytext"
)

// FieldName is the field of a form that has the token. No setting of Django's changes it.
const FieldName = "csrfmiddlewaretoken"

// The lengths of a secret, and of one behind its mask: CSRF_SECRET_LENGTH and CSRF_TOKEN_LENGTH.
const (
	secretLength = 32
	tokenLength  = 2 * secretLength
)

// alphabet is CSRF_ALLOWED_CHARS, string.ascii_letters + string.digits, in which masks are added.
const alphabet = pytext.LettersAndDigits

// Match says whether a token is that of a cookie. Each may be masked or not: Django put a mask on the cookie before
// 4.1, and scripts read the token from the cookie or from the page.
func Match(cookie, token string) bool {
	secret, ok := unmask(cookie)
	sent, sentOK := unmask(token)
	return ok && sentOK && subtle.ConstantTimeCompare([]byte(secret), []byte(sent)) == 1
}

// unmask is _check_token_format and _unmask_cipher_token of 6.1.
func unmask(text string) (secret string, ok bool) {
	if len(text) != secretLength && len(text) != tokenLength {
		return "", false
	}
	for i := range len(text) {
		if strings.IndexByte(alphabet, text[i]) < 0 {
			return "", false
		}
	}
	if len(text) == secretLength {
		return text, true
	}
	plain := make([]byte, secretLength)
	for i := range plain {
		n := strings.IndexByte(alphabet, text[secretLength+i]) - strings.IndexByte(alphabet, text[i])
		plain[i] = alphabet[(n+len(alphabet))%len(alphabet)]
	}
	return string(plain), true
}
