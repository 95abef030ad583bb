package djangocache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"django-sidecar/djangosession/cachestore"
	"django-sidecar/signing"
)

// maxMsgpackDepth is how deeply values may be nested: msgpack, 1.2, reads 1,024 levels in C, and no session has them.
const maxMsgpackDepth = 512

// errMsgpack is the fault of data that msgpack.loads(value, raw=False) refuses.
var errMsgpack = &signing.SyntaxError{Problem: "not msgpack"}

// msgpackToJSON rewrites a msgpack value as JSON, for the one parser that judges sessions. Bytes and extension types,
// which JSON does not have, become null, and entries whose names are bytes are left out: no login is made of them.
func msgpackToJSON(value []byte, max int) ([]byte, error) {
	r := &msgpackReader{rest: value, max: max}
	if !r.value(0) || len(r.rest) > 0 {
		if r.out.Len() > max {
			return nil, tooLarge(max)
		}
		return nil, errMsgpack
	}
	if out := r.out.Bytes(); out[0] == '{' || string(out) == "null" && value[0] == 0xc0 {
		return out, nil
	}
	return nil, cachestore.ErrNotDict
}

// msgpackReader follows https://github.com/msgpack/msgpack/blob/master/spec.md. Its methods return false at the first
// fault. Nothing is allocated by a length that the data claim.
type msgpackReader struct {
	rest []byte
	out  bytes.Buffer
	max  int
}

func (r *msgpackReader) take(n uint64) ([]byte, bool) {
	if n > uint64(len(r.rest)) {
		return nil, false
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken, true
}

// number reads a big-endian unsigned number of some bytes.
func (r *msgpackReader) number(size uint64) (uint64, bool) {
	b, ok := r.take(size)
	if !ok {
		return 0, false
	}
	var wide [8]byte
	copy(wide[8-size:], b)
	return binary.BigEndian.Uint64(wide[:]), true
}

// value reads one value and writes it.
func (r *msgpackReader) value(depth int) bool {
	first, ok := r.take(1)
	if !ok || depth > maxMsgpackDepth || r.out.Len() > r.max {
		return false
	}
	switch c := first[0]; {
	case c <= 0x7f:
		return r.write(strconv.Itoa(int(c)))
	case c >= 0xe0:
		return r.write(strconv.Itoa(int(c) - 256))
	case c <= 0x8f:
		return r.object(uint64(c&0x0f), depth)
	case c <= 0x9f:
		return r.array(uint64(c&0x0f), depth)
	case c <= 0xbf:
		return r.text(uint64(c & 0x1f))
	default:
		return r.tagged(c, depth)
	}
}

// tagged reads a value whose first byte says no more than its type.
func (r *msgpackReader) tagged(c byte, depth int) bool {
	switch {
	case c == 0xc0:
		return r.write("null")
	case c == 0xc2:
		return r.write("false")
	case c == 0xc3:
		return r.write("true")
	case c >= 0xc4 && c <= 0xc6: // bin 8, 16, 32
		n, ok := r.number(1 << (c - 0xc4))
		return ok && r.skip(n)
	case c >= 0xc7 && c <= 0xc9: // ext 8, 16, 32: a type and its data
		n, ok := r.number(1 << (c - 0xc7))
		return ok && r.skip(n+1)
	case c >= 0xd4 && c <= 0xd8: // fixext 1 to 16
		return r.skip(1<<(c-0xd4) + 1)
	case c == 0xca:
		n, ok := r.number(4)
		return ok && r.float(float64(math.Float32frombits(uint32(n)))) //nolint:gosec // four bytes were read
	case c == 0xcb:
		n, ok := r.number(8)
		return ok && r.float(math.Float64frombits(n))
	case c >= 0xcc && c <= 0xcf: // uint 8 to 64
		n, ok := r.number(1 << (c - 0xcc))
		return ok && r.write(strconv.FormatUint(n, 10))
	case c >= 0xd0 && c <= 0xd3: // int 8 to 64
		size := uint64(1) << (c - 0xd0)
		n, ok := r.number(size)
		return ok && r.write(strconv.FormatInt(int64(n<<(64-8*size))>>(64-8*size), 10)) //nolint:gosec // the sign is in the highest bit
	case c >= 0xd9 && c <= 0xdb: // str 8, 16, 32
		n, ok := r.number(1 << (c - 0xd9))
		return ok && r.text(n)
	case c == 0xdc || c == 0xdd:
		n, ok := r.number(2 << (c - 0xdc))
		return ok && r.array(n, depth)
	case c == 0xde || c == 0xdf:
		n, ok := r.number(2 << (c - 0xde))
		return ok && r.object(n, depth)
	}
	return false // 0xc1
}

func (r *msgpackReader) write(s string) bool {
	r.out.WriteString(s)
	return true
}

// skip passes over what JSON does not have.
func (r *msgpackReader) skip(n uint64) bool {
	_, ok := r.take(n)
	return ok && r.write("null")
}

func (r *msgpackReader) float(f float64) bool {
	switch {
	case math.IsNaN(f):
		return r.write("NaN") // as Python's json writes them
	case math.IsInf(f, 0):
		return r.write(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+") + "inity")
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return r.write(s)
}

func (r *msgpackReader) text(n uint64) bool {
	b, ok := r.take(n)
	if !ok || !utf8.Valid(b) {
		return false
	}
	quoted, err := json.Marshal(string(b))
	r.out.Write(quoted)
	return err == nil
}

func (r *msgpackReader) array(n uint64, depth int) bool {
	r.out.WriteByte('[')
	for i := range n {
		if i > 0 {
			r.out.WriteByte(',')
		}
		if !r.value(depth + 1) {
			return false
		}
	}
	return r.write("]")
}

// name reads the name of an entry.
func (r *msgpackReader) name(depth int) (isText, ok bool) {
	if len(r.rest) == 0 {
		return false, false
	}
	c := r.rest[0]
	isText = c >= 0xa0 && c <= 0xbf || c >= 0xd9 && c <= 0xdb
	isBytes := c >= 0xc4 && c <= 0xc6
	return isText, (isText || isBytes) && r.value(depth+1)
}

func (r *msgpackReader) object(n uint64, depth int) bool {
	r.out.WriteByte('{')
	entries := 0
	for range n {
		start := r.out.Len()
		if entries > 0 {
			r.out.WriteByte(',')
		}
		// strict_map_key=True: a name is a text or bytes.
		isText, ok := r.name(depth)
		if !ok {
			return false
		}
		r.out.WriteByte(':')
		if !r.value(depth + 1) {
			return false
		}
		if entries++; !isText {
			r.out.Truncate(start)
			entries--
		}
	}
	return r.write("}")
}
