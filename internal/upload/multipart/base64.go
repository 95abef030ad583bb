package multipart

// errBase64 is what Django 6.1 says of all that is not base64 with white space in it, and older ones of some of it:
// they read over other characters, by chunks, so that the chunks decide what is read.
var errBase64 = &ParserError{"a part that should be in base64 is not"}

// A base64Stream decodes base64, as it comes. All of the text must be in the alphabet of RFC 4648, 4, or white space,
// and nothing may follow the padding.
//
//	django/http/multipartparser.py, 6.1: stripped_chunk = base64_remainder + b"".join(chunk.split()) ...
//	base64.b64decode(stripped_chunk[:aligned_length], validate=True)
type base64Stream struct {
	bits  byte // the value of the last character, of which not all bits have been given out
	quad  int  // how many characters of four there have been
	pads  int  // how many of these were "="
	ended bool // after padding
}

// complete says whether the text may end here.
func (s *base64Stream) complete() bool { return s.quad == 0 }

// decode decodes in place: each character gives a byte at most, and not before it has been read.
func (s *base64Stream) decode(text []byte) ([]byte, error) {
	n := 0
	for i := 0; i < len(text); {
		if s.quad == 0 && !s.ended {
			for ; i+4 <= len(text); i, n = i+4, n+3 {
				a, b, c, d := base64Values[text[i]], base64Values[text[i+1]], base64Values[text[i+2]], base64Values[text[i+3]]
				if a|b|c|d >= 64 {
					break
				}
				text[n], text[n+1], text[n+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
			}
			if i == len(text) {
				break
			}
		}
		value := base64Values[text[i]]
		i++
		if value == base64Space {
			continue
		}
		out, whole, err := s.character(value)
		if err != nil {
			return nil, err
		}
		if whole {
			text[n] = out
			n++
		}
	}
	return text[:n], nil
}

// character reads one character, and returns the byte that it makes whole, if it does.
func (s *base64Stream) character(value byte) (out byte, whole bool, err error) {
	pad := value == base64Pad
	if s.ended || value == base64Other || s.pads > 0 && !pad || s.quad < 2 && pad {
		return 0, false, errBase64
	}
	if pad {
		s.pads++
	} else {
		out, whole = s.bits<<(2*s.quad)|value>>(6-2*s.quad), s.quad > 0
		s.bits = value
	}
	if s.quad++; s.quad == 4 {
		s.quad, s.ended = 0, s.pads > 0
	}
	return out, whole, nil
}

// What base64Values has for characters without a value.
const (
	base64Pad   = 64
	base64Space = 65
	base64Other = 0xff
)

// base64Values has the value of each character.
var base64Values = func() (values [256]byte) {
	for c := range values {
		values[c] = base64Other
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		values[c] = byte(i)
	}
	values['='] = base64Pad
	for _, c := range []byte(" \t\n\v\f\r") { // of bytes.split
		values[c] = base64Space
	}
	return values
}()
