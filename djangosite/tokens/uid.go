package tokens

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

// EncodeUID is how a link names a user: urlsafe_base64_encode(force_bytes(user.pk)) of contrib/auth/forms.py, 1.11 to
// 6.1.
func EncodeUID(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

var errUID = errors.New("malformed uidb64")

// maxUID bounds the text of an id. No database has a key like that.
const maxUID = 4 << 10

// DecodeUID is the primary key in a link, as text: urlsafe_base64_decode(uidb64).decode() of contrib/auth/views.py,
// 1.11 to 6.1. It takes what Django writes, and the padding that Django's URLs do not let through; Django's own decoder
// passes over other characters.
func DecodeUID(text string) (string, error) {
	text = strings.TrimRight(text, "=")
	id, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(text) > maxUID || len(id) == 0 || strings.ContainsAny(text, "\r\n") || !utf8.Valid(id) {
		return "", errUID
	}
	return string(id), nil
}
