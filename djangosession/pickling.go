package djangosession

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"strings"

	"django-sidecar/internal/pickle"
	"django-sidecar/internal/pytext"
)

// DumpSession writes a session that no signature covers, such as one for a cache: the inverse of ParseSession. Of a
// session that was a pickle, each entry that Set has not set is the bytes that it was. It fails where ParseSession
// would find the session too large, and with ErrPickled where JSON has no form for an entry.
func DumpSession(s *Session, by Serializer, maxBytes int) ([]byte, error) {
	if maxBytes <= 0 {
		maxBytes = DefaultMaxBytes
	}
	data, err := by.dumps(s)
	if err == nil && len(data) > maxBytes {
		err = fmt.Errorf("it has %d bytes, more than the %d that are read", len(data), maxBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("writing a session: %w", err)
	}
	return data, nil
}

// dumps is serializer().dumps(session).
func (by Serializer) dumps(s *Session) ([]byte, error) {
	isPickle := s.pickled != (pickle.Object{})
	switch {
	case by == Pickle && isPickle:
		return []byte(s.pickled.Source() + string(opStop)), nil
	case by == Pickle:
		dst := appendPickled([]byte{opProto, 2}, Value{kind: Object, raw: s.JSON()}, s.version)
		return append(dst, opStop), nil
	case isPickle:
		plain, err := s.plain()
		if err != nil {
			return nil, err
		}
		s = plain
	}
	var dst []byte
	for _, c := range []byte(s.JSON()) { // each byte is a character: see pyObject
		dst = pytext.AppendASCII(dst, string(rune(c)))
	}
	return dst, nil
}

// plain is a pickled session in JSON, where that can say all of it. It fails with ErrPickled where it cannot.
func (s *Session) plain() (*Session, error) {
	text := string(s.pickled.AppendJSON(nil))
	if strings.Contains(text, `{"__class__"`) { // no text has that without a backslash
		return nil, ErrPickled
	}
	plain, ok := parseSession(text, s.version)
	if !ok {
		return nil, ErrPickled
	}
	plain.ExpireDate = s.ExpireDate
	return plain, nil
}

// setPickled appends what sets an entry to the pickle that the session was read from. What it has appended for that
// entry before goes: otherwise a session that Django does not save would grow with each change.
func (s *Session) setPickled(name string, value []byte) error {
	v, ok := parseValue(string(value), s.version)
	if !ok {
		return fmt.Errorf("setting an entry of a session: %w", errNoValue)
	}
	tail := s.pickledTail(name, v)
	changed, err := Pickle.loads(s.withoutTail(name)+tail+string(opStop), s.version)
	if err != nil || !s.sameButFor(name, changed) { // what was taken for a tail was none
		changed, err = Pickle.loads(s.pickled.Source()+tail+string(opStop), s.version)
	}
	if err != nil {
		return fmt.Errorf("setting an entry of a session: %w", err)
	}
	changed.ExpireDate = s.ExpireDate
	*s = *changed
	return nil
}

// pickledTail is what sets an entry of the dict before it.
func (s *Session) pickledTail(name string, v Value) string {
	dst := appendPickledText([]byte{opMark}, name)
	return string(append(appendPickled(dst, v, s.version), opSetItems))
}

// withoutTail is the pickle without the tail of an entry, or as it is where that has none. The tails of others that
// come behind it stay. It does not look behind so many that a large session would take long.
func (s *Session) withoutTail(name string) string {
	source, behind := s.pickled.Source(), ""
	tails := map[string]string{}
	for n, text := range s.namedJSON() {
		if v, ok := parseValue(text, s.version); ok {
			tails[n] = s.pickledTail(n, v)
		}
	}
	const comparisons = 1 << 22 // some milliseconds
	for range comparisons / max(1, len(tails)) {
		if own := tails[name]; own != "" && strings.HasSuffix(source, own) {
			return strings.TrimSuffix(source, own) + behind
		}
		last, found := "", false
		for n, tail := range tails {
			if found = strings.HasSuffix(source, tail); found {
				last = n
				break
			}
		}
		if !found {
			break
		}
		source, behind = strings.TrimSuffix(source, tails[last]), tails[last]+behind
		delete(tails, last)
	}
	return s.pickled.Source()
}

// namedJSON is the JSON of the pickle's entries, of which each name has one.
func (s *Session) namedJSON() map[string]string {
	all := map[string]string{}
	for i := range s.pickled.Len() {
		if name, value := s.pickled.Entry(i); name.Type() == pickle.Str {
			all[name.Text()] = pickledValue(value).JSON()
		}
	}
	return all
}

// sameButFor reports whether another session has the same entries, but for one.
func (s *Session) sameButFor(name string, other *Session) bool {
	ours, others := s.namedJSON(), other.namedJSON()
	unnamed := s.pickled.Len() - len(ours)
	delete(ours, name)
	same := unnamed == other.pickled.Len()-len(others)
	delete(others, name)
	return same && maps.Equal(ours, others)
}

// parseValue reads the JSON of one value.
func parseValue(text string, version Version) (Value, bool) {
	p := jsonParser{text: text, maxIntDigits: version.maxIntDigits()}
	kind, ok := p.value(version.maxDepth())
	return Value{kind: kind, raw: text}, ok && p.pos == len(text)
}

// The opcodes that are written: Lib/pickle.py of CPython 3.13. They are those of protocol 2, which every Python reads
// that a Django of 1.11 and newer runs on.
const (
	opProto, opStop, opMark                 = '\x80', '.', '('
	opNone, opTrue, opFalse                 = 'N', '\x88', '\x89'
	opInt1, opInt2, opInt4, opLong, opLong4 = 'K', 'M', 'J', '\x8a', '\x8b'
	opFloat, opText                         = 'G', 'X'
	opList, opAppends, opDict, opSetItems   = ']', 'e', '}', 'u'
)

// appendPickled writes a value whose JSON was checked, as opcodes that push it.
func appendPickled(dst []byte, v Value, version Version) []byte {
	switch v.kind {
	case Bool:
		if v.raw == "true" {
			return append(dst, opTrue)
		}
		return append(dst, opFalse)
	case Int:
		return appendPickledInt(dst, v.raw)
	case Float:
		return binary.BigEndian.AppendUint64(append(dst, opFloat), math.Float64bits(v.float()))
	case String:
		text, _ := v.Text()
		return appendPickledText(dst, text)
	case Array:
		dst = append(dst, opList, opMark)
		p := jsonParser{text: v.raw, maxIntDigits: version.maxIntDigits()}
		p.array(version.maxDepth(), func(item Value) { dst = appendPickled(dst, item, version) })
		return append(dst, opAppends)
	case Object:
		dst = append(dst, opDict, opMark)
		pyObject(v.raw, version, func(name string, item Value) {
			dst = appendPickled(appendPickledText(dst, name), item, version)
		})
		return append(dst, opSetItems)
	case Missing, Null, Bytes, Decimal, UUID, Time, Opaque:
	}
	return append(dst, opNone)
}

// appendPickledText writes a str. Surrogates are in the three bytes that Python's surrogatepass has for them.
func appendPickledText(dst []byte, text string) []byte {
	dst = binary.LittleEndian.AppendUint32(append(dst, opText), uint32(len(text))) //nolint:gosec // bounded by MaxBytes
	return append(dst, text...)
}

// appendPickledInt writes an int: save_long of Lib/pickle.py.
func appendPickledInt(dst []byte, digits string) []byte {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		panic("djangosession: internal error: an integer that was checked is none")
	}
	if n.IsInt64() {
		switch i := n.Int64(); {
		case 0 <= i && i <= math.MaxUint8:
			return append(dst, opInt1, byte(i))
		case 0 <= i && i <= math.MaxUint16:
			return binary.LittleEndian.AppendUint16(append(dst, opInt2), uint16(i))
		case math.MinInt32 <= i && i <= math.MaxInt32:
			return binary.LittleEndian.AppendUint32(append(dst, opInt4), uint32(i)) //nolint:gosec // two's complement
		}
	}
	// encode_long: two's complement, little end first, with room for the sign.
	size := n.BitLen()/8 + 1
	twos := new(big.Int).Set(n)
	if n.Sign() < 0 {
		twos.Add(twos, new(big.Int).Lsh(big.NewInt(1), uint(size)*8))
	}
	bytes := twos.FillBytes(make([]byte, size))
	if size <= math.MaxUint8 {
		dst = append(dst, opLong, byte(size)) //nolint:gosec // one byte
	} else {
		dst = binary.LittleEndian.AppendUint32(append(dst, opLong4), uint32(size)) //nolint:gosec // 4,300 digits
	}
	for i := range bytes {
		dst = append(dst, bytes[size-1-i])
	}
	return dst
}

// ErrPickled says that a session is a pickle of which something cannot be written: only what JSON has a form for is
// changed in place, and taken away.
var ErrPickled = errors.New("the session is a pickle with values that JSON has no form for")
