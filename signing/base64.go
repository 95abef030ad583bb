package signing

import "encoding/base64"

// DecodeBase64 appends to dst what Django's b64_decode makes of text: padding is supplied where it is missing,
// both alphabets are read, and characters of neither are passed over.
//
//	django/core/signing.py, 5.2: pad = b"=" * (-len(s) % 4); return base64.urlsafe_b64decode(s + pad)
//
// An error is a SyntaxError.
func DecodeBase64(dst []byte, text string) ([]byte, error) {
	plain := base64.RawURLEncoding
	decoded, err := plain.AppendDecode(dst, []byte(text))
	// no line end was passed over, which counts for the padding
	if err == nil && len(decoded)-len(dst) == plain.DecodedLen(len(text)) {
		return decoded, nil
	}
	return decodeLenient(dst, text, -len(text)&3, true)
}

// DecodeLegacyBase64 appends to dst what Python's base64.b64decode makes of text: padding must be there, only
// the standard alphabet counts, and other characters are passed over. Django to 3.2 reads sessions so:
// django/contrib/sessions/backends/base.py, 3.2, _legacy_decode. An error is a SyntaxError.
func DecodeLegacyBase64(dst []byte, text string) ([]byte, error) {
	if decoded, err := base64.StdEncoding.AppendDecode(dst, []byte(text)); err == nil {
		return decoded, nil
	}
	return decodeLenient(dst, text, 0, false)
}

// decodeLenient is binascii.a2b_base64 without strict mode (Modules/binascii.c of CPython 3.13), for text
// followed by padding "=" characters.
func decodeLenient(dst []byte, text string, padding int, urlSafe bool) ([]byte, error) {
	quad, pads, left := 0, 0, byte(0)
	for i := range len(text) + padding {
		c := byte('=')
		if i < len(text) {
			c = text[i]
		}
		if c == '=' {
			// "A pad sequence means we should not parse more input", once the quad has two characters.
			if quad >= 2 {
				if pads++; quad+pads >= 4 {
					return dst, nil
				}
			}
			continue
		}
		v, ok := base64Value(c, urlSafe)
		if !ok {
			continue
		}
		pads = 0
		switch quad {
		case 0:
			left = v
		case 1:
			dst = append(dst, left<<2|v>>4)
			left = v & 0x0f
		case 2:
			dst = append(dst, left<<4|v>>2)
			left = v & 0x03
		case 3:
			dst = append(dst, left<<6|v)
		}
		quad = (quad + 1) & 3
	}
	if quad != 0 {
		return dst, malformed("base64 padding")
	}
	return dst, nil
}

func base64Value(c byte, urlSafe bool) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '+' || urlSafe && c == '-': // urlsafe_b64decode translates -_ and leaves +/ as they are
		return 62, true
	case c == '/' || urlSafe && c == '_':
		return 63, true
	}
	return 0, false
}
