package pytext

import "io"

// LettersAndDigits is RANDOM_STRING_CHARS of django/utils/crypto.py, 5.2.
const LettersAndDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// RandomString is get_random_string(length, alphabet) of django/utils/crypto.py, 5.2: every character is as likely as
// any other. The alphabet has 33 to 64 characters, all of them ASCII. With crypto/rand's reader it never fails.
func RandomString(random io.Reader, alphabet string, length int) (string, error) {
	text := make([]byte, length)
	for i := range text {
		for {
			if _, err := io.ReadFull(random, text[i:i+1]); err != nil {
				return "", err
			}
			if c := int(text[i] & 63); c < len(alphabet) {
				text[i] = alphabet[c]
				break
			}
		}
	}
	return string(text), nil
}
