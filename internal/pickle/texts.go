package pickle

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// binText reads a text or bytes in their length. What Python 2 wrote for str, pickle.loads of Python 3 takes for ASCII.
func binText(k Type, width int, valid func(string) bool) func(*loader) error {
	return func(l *loader) error {
		pos, n, err := l.counted(width)
		if err != nil {
			return err
		}
		if valid != nil && !valid(l.data[pos:pos+n]) {
			return errText
		}
		return l.push(l.slice(k, pos, n))
	}
}

// validUTF8 is true for what bytes.decode("utf-8", "surrogatepass") reads: in it, surrogates stand alone in the three
// bytes that UTF-8 would have for them.
func validUTF8(s string) bool {
	for !utf8.ValidString(s) {
		i := 0
		for i < len(s) {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		s = s[i:]
		if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2] < 0x80 || s[2] > 0xbf {
			return false
		}
		s = s[3:]
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// opReadonlyBuffer makes a memoryview of what can change.
func opReadonlyBuffer(l *loader) error {
	r, err := l.top()
	if err != nil {
		return err
	}
	if k := l.kind(r); k == ByteArray {
		l.stack[len(l.stack)-1] = l.addOpaque("builtins", "memoryview")
	} else if k != Bytes && k != Opaque {
		return errUnsupported
	}
	return nil
}

// opUnicode reads raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX, where a backslash before a backslash is
// two (_PyUnicode_DecodeRawUnicodeEscapeStateful, Objects/unicodeobject.c, 3.13).
func opUnicode(l *loader) error {
	s, err := l.line(0)
	if err != nil {
		return err
	}
	if isASCII(s) && !strings.Contains(s, `\`) {
		return l.push(l.slice(Str, l.pos-1-len(s), len(s)))
	}
	b := make([]byte, 0, 2*len(s))
	for s != "" {
		if s[0] != '\\' || len(s) == 1 {
			b = utf8.AppendRune(b, rune(s[0]))
			s = s[1:]
			continue
		}
		digits := map[byte]int{'u': 4, 'U': 8}[s[1]]
		if digits == 0 {
			b = utf8.AppendRune(append(b, '\\'), rune(s[1]))
			s = s[2:]
			continue
		}
		if len(s) < 2+digits {
			return errText
		}
		n, err := strconv.ParseUint(s[2:2+digits], 16, 32)
		if err != nil || n > utf8.MaxRune {
			return errText
		}
		b = pytext.AppendRune(b, rune(n))
		s = s[2+digits:]
	}
	return l.push(l.addText(Str, inTexts, string(b)))
}

// opString reads the repr of a str of Python 2, which must be ASCII once its escapes are read (load_string).
func opString(l *loader) error {
	s, err := l.line(0)
	if err != nil {
		return err
	}
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return errText
	}
	s = s[1 : len(s)-1]
	var b []byte
	for s != "" {
		c := s[0]
		if s = s[1:]; c == '\\' {
			if c, s, b, err = unescape(s, b); err != nil {
				return err
			}
		}
		if c >= utf8.RuneSelf {
			return errText
		}
		b = append(b, c)
	}
	return l.push(l.addText(Str, inTexts, string(b)))
}

// unescape reads what follows a backslash (PyBytes_DecodeEscape, Objects/bytesobject.c, 3.13). One that escapes
// nothing stays.
func unescape(s string, b []byte) (c byte, rest string, out []byte, err error) {
	if s == "" {
		return 0, "", nil, errText
	}
	if i := strings.IndexByte(`\'"bftnrva`, s[0]); i >= 0 {
		return "\\'\"\b\f\t\n\r\v\a"[i], s[1:], b, nil
	}
	if s[0] == 'x' {
		if len(s) < 3 {
			return 0, "", nil, errText
		}
		n, err := strconv.ParseUint(s[1:3], 16, 8)
		if err != nil {
			return 0, "", nil, errText
		}
		return byte(n), s[3:], b, nil
	}
	digits := 0
	var n uint64
	for digits < min(3, len(s)) && '0' <= s[digits] && s[digits] <= '7' {
		n = n<<3 | uint64(s[digits]-'0')
		digits++
	}
	if digits > 0 {
		return byte(n & 0xff), s[digits:], b, nil
	}
	return s[0], s[1:], append(b, '\\'), nil
}

// latin1 returns the bytes that stand for the characters of a text, if all have one.
func latin1(text string) (string, bool) {
	if isASCII(text) {
		return text, true
	}
	b := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r)) //nolint:gosec // eight bits
	}
	return string(b), true
}
