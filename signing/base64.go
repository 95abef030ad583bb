package signing

import (
	"encoding/binary"
	"slices"
)

// DecodeBase64 appends to dst what Django's b64_decode makes of text: padding is supplied where it is missing,
// both alphabets are read, and characters of neither are passed over.
//
//	django/core/signing.py, 5.2: pad = b"=" * (-len(s) % 4); return base64.urlsafe_b64decode(s + pad)
//
// An error is a SyntaxError.
func DecodeBase64(dst []byte, text string) ([]byte, error) {
	padding := -len(text) & 3
	dst, rest := decodeEights(dst, text, urlSafeQuads)
	return decodeLenient(dst, rest, padding, true)
}

// DecodeLegacyBase64 appends to dst what Python's base64.b64decode makes of text: padding must be there, only
// the standard alphabet counts, and other characters are passed over. Django to 3.2 reads sessions so:
// django/contrib/sessions/backends/base.py, 3.2, _legacy_decode. An error is a SyntaxError.
func DecodeLegacyBase64(dst []byte, text string) ([]byte, error) {
	dst, rest := decodeEights(dst, text, legacyQuads)
	return decodeLenient(dst, rest, 0, false)
}

// quadTables has, for each place in a quad of characters, what a character there adds to the quad's 24 bits, or notInQuad.
type quadTables [4][256]uint32

// notInQuad is what the tables have for characters outside the alphabet.
const notInQuad = 1 << 31

var (
	urlSafeQuads = newQuadTables(true)
	legacyQuads  = newQuadTables(false)
)

func newQuadTables(urlSafe bool) *quadTables {
	t := new(quadTables)
	for c := range 256 {
		v, ok := base64Value(byte(c), urlSafe)
		for place := range t {
			t[place][c] = uint32(v) << (18 - 6*place)
			if !ok {
				t[place][c] = notInQuad
			}
		}
	}
	return t
}

// decodeEights appends what text begins with to dst, by eight characters at a time, up to the first eight that are not
// all of the alphabet. The rest begins with a new quad, so that the tolerant and slow decodeLenient can go on from there;
// what Django writes leaves it seven characters at most. encoding/base64 takes twice as long.
func decodeEights(dst []byte, text string, t *quadTables) (decoded []byte, rest string) {
	dst = slices.Grow(dst, len(text)/4*3+8) // eight bytes are written for six
	for len(text) >= 8 {
		a := t[0][text[0]] | t[1][text[1]] | t[2][text[2]] | t[3][text[3]]
		b := t[0][text[4]] | t[1][text[5]] | t[2][text[6]] | t[3][text[7]]
		if (a|b)&notInQuad != 0 {
			break
		}
		n := len(dst)
		binary.BigEndian.PutUint64(dst[n:n+8], uint64(a)<<40|uint64(b)<<16)
		dst, text = dst[:n+6], text[8:]
	}
	return dst, text
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
