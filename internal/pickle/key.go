package pickle

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// dictKey is what makes a value equal to another in a dict: two values are one key in Python if and only if their keys
// are equal here. Numbers of different kinds can be, and True is 1.
type dictKey struct {
	kind keyKind
	n    uint64
	s    string
}

type keyKind uint8

const (
	noneKey    keyKind = iota
	integerKey         // n, or s where it is longer
	floatKey           // no integer
	decimalKey         // no integer, and no float that we know of
	strKey
	bytesKey
	tupleKey
	frozenSetKey
	dateKey
	naiveDateTimeKey
	awareDateTimeKey
	naiveTimeKey
	awareTimeKey
	timeDeltaKey
	timeZoneKey
	uuidKey
	globalKey
	onlyKey // equal to itself alone
)

// key fails for what is not hashable.
func (l *loader) key(r ref, depth int) (dictKey, error) {
	if r&smallInt != 0 {
		n, _ := l.int64(r)
		return dictKey{kind: integerKey, n: uint64(n)}, nil //nolint:gosec // one to one
	}
	n := l.node(r)
	if n.b > longKey && (n.kind == Str || n.kind == Bytes || n.kind == Decimal || n.form >= long) && !l.spend(int(n.b)) {
		return dictKey{}, errTooLarge
	}
	switch n.kind {
	case None:
		return dictKey{}, nil
	case Bool:
		return dictKey{kind: integerKey, n: uint64(n.a)}, nil
	case Int:
		return l.intKey(r, n), nil
	case Float:
		return l.floatKey(r, n), nil
	case Str:
		return dictKey{kind: strKey, s: l.text(n)}, nil
	case Bytes:
		return dictKey{kind: bytesKey, s: l.text(n)}, nil
	case Tuple, FrozenSet:
		return l.membersKey(n, depth)
	case Decimal, DateTime, Time, Date, TimeDelta, TimeZone:
		// They are worked out each time, and the memo can name one as a key again and again.
		if !l.spend(costlyKey) {
			return dictKey{}, errTooLarge
		}
		if n.kind == Decimal {
			return l.decimalKey(r, n), nil
		}
		return l.timeKey(r, n)
	case UUID:
		k, err := l.key(ref(n.a), depth)
		k.kind = uuidKey
		return k, err
	case Global:
		g := l.names[n.a]
		return dictKey{kind: globalKey, s: g.module + "\x00" + g.name}, nil
	case Lazy, Opaque:
		return only(r), nil
	case Missing, ByteArray, List, Set, Dict, OrderedDict:
	}
	return dictKey{}, errUnhashable
}

// costlyKey is what a Decimal or a time counts as a key. It is less than what the bytes of a new one allow.
const costlyKey = 320

// longKey is the length from which on the comparison of a key counts.
const longKey = 256

// only is the key of what is equal to itself alone: what we know too little of, and NaN.
func only(r ref) dictKey { return dictKey{kind: onlyKey, n: uint64(r)} }

func (l *loader) intKey(r ref, n node) dictKey {
	if small, ok := l.int64(r); ok {
		return dictKey{kind: integerKey, n: uint64(small)} //nolint:gosec // one to one
	}
	return dictKey{kind: integerKey, s: l.text(n)}
}

func (l *loader) floatKey(r ref, n node) dictKey {
	bits := uint64(n.a)<<32 | uint64(n.b)
	f := math.Float64frombits(bits)
	switch {
	case math.IsNaN(f):
		return only(r)
	case f != math.Trunc(f) || math.IsInf(f, 0):
		return dictKey{kind: floatKey, n: bits}
	case math.Abs(f) < 1<<63:
		return dictKey{kind: integerKey, n: uint64(int64(f))} //nolint:gosec // one to one
	}
	i, _ := big.NewFloat(f).Int(nil)
	return bigKey(i)
}

func bigKey(i *big.Int) dictKey {
	if i.IsInt64() {
		return dictKey{kind: integerKey, n: uint64(i.Int64())} //nolint:gosec // one to one
	}
	return dictKey{kind: integerKey, s: trimSign(littleEndian(i))}
}

// trimSign takes away the bytes that only repeat the sign below them.
func trimSign(s string) string {
	for n := len(s); n > 1 && (s[n-1] == 0 && s[n-2] < 0x80 || s[n-1] == 0xff && s[n-2] >= 0x80); n-- {
		s = s[:n-1]
	}
	return s
}

// decimalKey knows that a Decimal equals an integer or a float, where it has no more than 18 digits. Beyond, Decimals
// equal each other only.
func (l *loader) decimalKey(r ref, n node) dictKey {
	d, ok := parseDecimal(l.text(n))
	if !ok || strings.HasSuffix(d.special, "NaN") {
		return only(r)
	}
	if d.special != "" {
		return dictKey{kind: floatKey, n: math.Float64bits(math.Inf(1 - 2*len(d.sign)))}
	}
	digits := strings.TrimRight(d.digits, "0")
	exponent := d.exponent + int64(len(d.digits)-len(digits))
	if digits == "" {
		return dictKey{kind: integerKey}
	}
	if len(digits) <= 18 && -18 <= exponent && exponent+int64(len(digits)) <= 18 {
		number, _ := strconv.ParseInt(d.sign+digits, 10, 64)
		for ; exponent > 0; exponent-- {
			number *= 10
		}
		scale := 1.0
		// What has a fraction is a float if it is one of halves, and so of fives before the point is moved.
		for ; exponent < 0 && number%5 == 0; exponent++ {
			number, scale = number/5, scale*2
		}
		if exponent == 0 && scale == 1 {
			return dictKey{kind: integerKey, n: uint64(number)} //nolint:gosec // one to one
		}
		if exponent == 0 && number < 1<<53 && number > -1<<53 {
			return dictKey{kind: floatKey, n: math.Float64bits(float64(number) / scale)}
		}
		exponent = d.exponent + int64(len(d.digits)-len(digits))
	}
	return dictKey{kind: decimalKey, n: uint64(exponent), s: d.sign + digits} //nolint:gosec // one to one
}

// membersKey is made of the members' keys, in their order for a tuple. It is bounded, since tuples which share their
// members may be longer than any memory, and Python hashes them all the same.
func (l *loader) membersKey(n node, depth int) (dictKey, error) {
	if depth == 0 {
		return dictKey{}, errTooLarge
	}
	members := l.pooled(n)
	if !l.spend(64 * (len(members) + 1)) {
		return dictKey{}, errTooLarge
	}
	parts := make([]string, 0, len(members))
	for _, r := range members {
		k, err := l.key(r, depth-1)
		if err != nil {
			return dictKey{}, err
		}
		if !l.spend(len(k.s)) {
			return dictKey{}, errTooLarge
		}
		parts = append(parts, k.encode())
	}
	if n.kind == FrozenSet {
		slices.Sort(parts)
		return dictKey{kind: frozenSetKey, s: strings.Join(parts, "")}, nil
	}
	return dictKey{kind: tupleKey, s: strings.Join(parts, "")}, nil
}

// encode writes k so that several behind each other can be told apart.
func (k dictKey) encode() string {
	b := make([]byte, 0, 13+len(k.s))
	b = append(b, byte(k.kind))
	b = binary.LittleEndian.AppendUint64(b, k.n)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(k.s))) //nolint:gosec // bounded by the budget
	return string(append(b, k.s...))
}
