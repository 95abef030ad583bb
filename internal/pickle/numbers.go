package pickle

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

func binInt(width int) func(*loader) error {
	return func(l *loader) error {
		n, err := l.uint(width)
		if err != nil {
			return err
		}
		if width == 4 { // only this one has a sign (calc_binint)
			return l.push(l.addInt(int64(int32(uint32(n))))) //nolint:gosec // 32 bits were read
		}
		return l.push(l.addInt(int64(n))) //nolint:gosec // 16 bits at most
	}
}

func countedLong(width int) func(*loader) error {
	return func(l *loader) error {
		pos, n, err := l.counted(width)
		if err != nil {
			return err
		}
		if n > math.MaxInt32 {
			return errTruncated // the count is signed
		}
		return l.push(l.addLong(l.data[pos:pos+n], pos))
	}
}

func opBinFloat(l *loader) error {
	n, err := l.uint(8)
	if err != nil {
		return err
	}
	return l.push(l.addFloat(math.Float64frombits(bits.ReverseBytes64(n))))
}

func (d *document) addFloat(f float64) ref {
	bits := math.Float64bits(f)
	return d.add(node{kind: Float, a: uint32(bits >> 32), b: uint32(bits)}) //nolint:gosec // its two halves
}

// opFloat is load_float: what PyOS_string_to_double reads, which knows neither spaces nor underscores, and raises
// where a number is too large.
func opFloat(l *loader) error {
	s, err := l.line(1)
	if err != nil {
		return err
	}
	s = beforeNUL(s)
	if unsigned := strings.TrimLeft(s, "+-"); len(s)-len(unsigned) == 1 && strings.EqualFold(unsigned, "nan") {
		s = unsigned // Go has no sign there
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "xXpP_") { // Go's own spellings
		return errNumber
	}
	return l.push(l.addFloat(f))
}

// opInt is load_int: C's strtol with base 0, where 0 and 1 in two characters are False and True, and Python's int()
// for what strtol does not read to the end.
func opInt(l *loader) error {
	s, err := l.line(1)
	if err != nil {
		return err
	}
	if n, ok := strtol(beforeNUL(s)); ok {
		if len(s) == 2 && (n == 0 || n == 1) {
			return l.push(refFalse + ref(n))
		}
		return l.push(l.addInt(n))
	}
	return l.pushed(l.longText(beforeNUL(s), 0))
}

// strtol is true where C's reads all of s. It has octal numbers with a 0 before them, which Python has not.
func strtol(s string) (n int64, ok bool) {
	if s == "" {
		return 0, true
	}
	s = strings.TrimLeft(s, cSpaces)
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || strings.ContainsAny(digits, "_oObB") { // Go's own spellings
		return 0, false
	}
	n, err := strconv.ParseInt(s, 0, 64)
	return n, err == nil
}

// opLong is load_long.
func opLong(l *loader) error {
	s, err := l.line(1)
	if err != nil {
		return err
	}
	return l.pushed(l.longText(beforeNUL(strings.TrimSuffix(s, "L")), 0))
}

func (l *loader) memoIndex() (uint64, error) {
	s, err := l.line(1)
	if err != nil {
		return 0, err
	}
	digits, base, ok := pyInt(beforeNUL(s), 10)
	if !ok {
		return 0, errNumber
	}
	n, err := strconv.ParseInt(digits, base, 64)
	if err != nil || n < 0 {
		return 0, errMemo
	}
	return uint64(n), nil
}

// longText reads an integer as PyLong_FromString.
func (l *loader) longText(s string, base int) (ref, error) {
	digits, base, ok := pyInt(s, base)
	if !ok {
		return 0, errNumber
	}
	if n, err := strconv.ParseInt(digits, base, 64); err == nil {
		return l.addInt(n), nil
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return 0, errNumber
	}
	return l.addLong(littleEndian(n), -1), nil
}

// littleEndian is n in two's complement.
func littleEndian(n *big.Int) string {
	length := n.BitLen()/8 + 1
	if n.Sign() < 0 { // 2^(8*length) + n
		n = new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), uint(length)*8), n)
	}
	bytes := n.FillBytes(make([]byte, length))
	slices.Reverse(bytes)
	return string(bytes)
}

const cSpaces = "\t\n\v\f\r "

// beforeNUL is what C sees of a text.
func beforeNUL(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// pyInt brings what PyLong_FromString (Objects/longobject.c, 3.13) reads with base 0 or 10 into the form of a sign and
// digits: spaces around, a sign, single underscores between digits, and with base 0 the prefixes 0x, 0o and 0b, and
// no other number that begins with 0 but 0 itself.
func pyInt(s string, base int) (plain string, realBase int, ok bool) {
	s = strings.Trim(s, cSpaces)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
	}
	onlyZero := false
	if base == 0 {
		base = 10
		if prefixed := map[string]int{"0x": 16, "0o": 8, "0b": 2}[strings.ToLower(s[:min(2, len(s))])]; prefixed != 0 {
			base, s = prefixed, strings.TrimPrefix(s[2:], "_")
		} else {
			onlyZero = strings.HasPrefix(s, "0")
		}
	}
	// The bound on digits is for base 10 in CPython; the others are slow in Go.
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") {
		return "", 0, false
	}
	s = strings.ReplaceAll(s, "_", "")
	if len(s) > maxIntDigits || onlyZero && strings.Trim(s, "0") != "" {
		return "", 0, false
	}
	for i := range len(s) {
		if strings.IndexByte("0123456789abcdefABCDEF", s[i]) < 0 { // ParseInt sees to the rest
			return "", 0, false
		}
	}
	return sign + s, base, true
}
