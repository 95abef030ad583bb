package signing_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest/vectors"
	"django-sidecar/signing"
)

// A bitWriter writes deflate by hand: numbers of so many bits, the lowest first, and codes, the highest first (RFC 1951, 3.1.1).
type bitWriter struct {
	bytes []byte
	n     int
}

func (w *bitWriter) bits(value, n int) *bitWriter {
	for i := range n {
		if w.n%8 == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[w.n/8] |= byte(value>>i&1) << (w.n % 8)
		w.n++
	}
	return w
}

func (w *bitWriter) code(digits string) *bitWriter {
	for _, digit := range digits {
		w.bits(int(digit-'0'), 1)
	}
	return w
}

// lengths begins a block with codes of these lengths. The code they are written in is one of four bits for each length from 0 to 15.
func (w *bitWriter) lengths(literals, distances []int) *bitWriter {
	w.bits(1, 1).bits(2, 2).bits(len(literals)-257, 5).bits(len(distances)-1, 5).bits(19-4, 4)
	for i := range 19 {
		w.bits(map[bool]int{false: 4}[i < 3], 3)
	}
	for _, n := range append(literals[:len(literals):len(literals)], distances...) {
		for i := 3; i >= 0; i-- {
			w.bits(n>>i&1, 1)
		}
	}
	return w
}

func (w *bitWriter) text(s string) *bitWriter {
	w.bytes = append(w.bytes, s...)
	return w
}

// repeats begins a block with 257 literals and so many distances, whose lengths are written as 0 for the length 1, 10 for a repeat
// and 11 for zeros; the last may have more bits.
func repeats(distances, bits int) *bitWriter {
	w := new(bitWriter).bits(1, 1).bits(2, 2).bits(0, 5).bits(distances-1, 5).bits(19-4, 4)
	for _, symbol := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		w.bits(map[int]int{1: 1, 16: 2, 18: bits}[symbol], 3)
	}
	return w
}

func (w *bitWriter) again(times int) *bitWriter { return w.code("10").bits(times-3, 2) }

func (w *bitWriter) zeros(times int) *bitWriter { return w.code("11").bits(times-11, 7) }

// some are the lengths of a code of so many symbols, of which few have one.
func some(symbols int, lengths map[int]int) []int {
	list := make([]int, symbols)
	for symbol, n := range lengths {
		list[symbol] = n
	}
	return list
}

// An inflateCase is a stream, and what it holds; nil: it is refused.
type inflateCase struct {
	name   string
	stream *bitWriter
	want   []byte
}

// inflateCases try the rules of inflate.c and inftrees.c one by one.
func inflateCases() []inflateCase {
	plain := func() *bitWriter { return new(bitWriter).bits(1, 1).bits(0, 7) }
	fixed := func() *bitWriter { return new(bitWriter).bits(1, 1).bits(1, 2) }
	none, long := some(1, nil), map[int]int{256: 15}
	for n := 1; n <= 15; n++ {
		long['a'+n-1] = n // 0, 10, 110 and so on
	}
	begin := func(literals, distances []int) *bitWriter { return new(bitWriter).lengths(literals, distances) }
	ab := some(257, map[int]int{'a': 1, 256: 1})
	copies := some(258, map[int]int{'a': 1, 256: 2, 257: 2})
	header := func() *bitWriter { return new(bitWriter).bits(1, 1).bits(2, 2).bits(0, 5+5).bits(19-4, 4) }
	ends := func(bits int) []int { return some(257, map[int]int{256: bits}) }
	return []inflateCase{
		{"nothing, stored", plain().bits(0, 16).bits(0xffff, 16), []byte{}},
		{"bytes, stored", plain().bits(2, 16).bits(0xfffd, 16).text("\x00\xff"), []byte("\x00\xff")},
		{"bytes, stored after bits of no meaning", new(bitWriter).bits(0xf9, 8).bits(2, 16).bits(0xfffd, 16).text("ab"), []byte("ab")},
		{"a wrong complement", plain().bits(2, 16).bits(0xfffc, 16).text("ab"), nil},
		{"a byte less than was said", plain().bits(3, 16).bits(0xfffc, 16).text("ab"), nil},
		{"less than a length", plain().bits(9, 16).bits(0xff, 8), nil},
		{"a block of no kind", new(bitWriter).bits(1, 1).bits(3, 2), nil},
		{"nothing at all", new(bitWriter), nil},
		{"nothing, fixed", fixed().code("0000000"), []byte{}},
		{"a byte of eight bits", fixed().code("10010001").code("0000000"), []byte("a")},
		{"a byte of nine bits", fixed().code("111111111").code("0000000"), []byte{0xff}},
		{"no end", fixed().code("10010001"), nil},
		{"a copy", fixed().code("10010001").code("0000001").code("00000").code("0000000"), []byte("aaaa")},
		{"a copy of what is not there", fixed().code("10010001").code("0000001").code("00001").code("0000000"), nil},
		{"symbol 286", fixed().code("10010001").code("11000110").code("00000").code("0000000"), nil},
		{"symbol 287", fixed().code("10010001").code("11000111").code("00000").code("0000000"), nil},
		{"distance 30", fixed().code("10010001").code("0000001").code("11110").code("0000000"), nil},
		{"distance 31", fixed().code("10010001").code("0000001").code("11111").code("0000000"), nil},
		{"codes", begin(ab, none).code("001"), []byte("aa")},
		{"codes of fifteen bits", begin(some(257, long), none).code("0").code("111111111111110").code("111111111111111"), []byte("ao")},
		{"no distance, and one", begin(copies, none).code("0110").code("10"), nil},
		{"a single distance", begin(copies, some(1, map[int]int{0: 1})).code("0110").code("10"), []byte("aaaa")},
		{"a single distance, and the other", begin(copies, some(1, map[int]int{0: 1})).code("0111").code("10"), nil},
		{"a single distance of two bits", begin(ab, some(1, map[int]int{0: 2})).code("01"), nil},
		{"too few distances", begin(ab, some(2, map[int]int{0: 1, 1: 2})).code("01"), nil},
		{"too many distances", begin(ab, some(3, map[int]int{0: 1, 1: 1, 2: 1})).code("01"), nil},
		{"the end alone", begin(ends(1), none).code("0"), []byte{}},
		{"the end alone, and the other", begin(ends(1), none).code("10"), nil},
		{"the end alone of two bits", begin(ends(2), none).code("00"), nil},
		{"too few literals", begin(some(257, map[int]int{'a': 1, 256: 2}), none).code("010"), nil},
		{"too many literals", begin(some(257, map[int]int{'a': 1, 'b': 1, 256: 1}), none).code("01"), nil},
		{"no end among the literals", begin(some(257, map[int]int{'a': 1, 'b': 1}), none).code("01"), nil},
		{"286 literals, 30 distances", begin(append(ab[:257:257], make([]int, 29)...), some(30, nil)).code("01"), []byte("a")},
		{"287 literals", begin(append(ab[:257:257], make([]int, 30)...), none).code("01"), nil},
		{"31 distances", begin(ab, some(31, nil)).code("01"), nil},
		{"repeats", repeats(1, 2).zeros(138).zeros(118).code("00").code("0"), []byte{}},
		{"a repeat of a literal's length for distances", repeats(2, 2).zeros(138).zeros(117).code("0").again(3).code("01"), []byte{0xff}},
		{"a repeat beyond the last distance", repeats(2, 2).zeros(138).zeros(117).code("0").again(4).code("01"), nil},
		{"zeros up to the last distance", repeats(12, 2).zeros(138).zeros(118).code("0").zeros(12).code("0"), []byte{}},
		{"zeros beyond the last distance", repeats(11, 2).zeros(138).zeros(118).code("0").zeros(12).code("0"), nil},
		{"a repeat of nothing", repeats(1, 2).again(3).zeros(138).zeros(115).code("00").code("0"), nil},
		{"no lengths", header().bits(0, 3*19).bits(0, 30), nil},
		{"a single length, and the other", header().bits(0, 3*17).bits(1, 3).bits(0, 3).bits(0x3fffffff, 30), nil},
		{"too few lengths", repeats(1, 3).zeros(138).zeros(118).code("00").code("0"), nil},
	}
}

func TestInflate(t *testing.T) {
	for _, tt := range inflateCases() {
		t.Run(tt.name, func(t *testing.T) {
			for _, rest := range []string{"", "what follows"} { // which is read ahead
				if rest != "" && tt.want == nil {
					continue // it may complete what is cut short
				}
				got, left, err := signing.Inflate([]byte("kept"), append(tt.stream.bytes[:len(tt.stream.bytes):len(tt.stream.bytes)], rest...), 100)
				if tt.want == nil {
					if !errors.As(err, new(*signing.SyntaxError)) {
						t.Errorf("got %q, %v, want a SyntaxError", got, err)
					}
				} else if err != nil || string(got) != "kept"+string(tt.want) || string(left) != rest {
					t.Errorf("got %q and %q, %v, want %q", got, left, err, tt.want)
				}
			}
		})
	}
}

// TestInflateCutShort: beyond the end of a stream there are zeros, which are a letter here and no reason to go on.
func TestInflateCutShort(t *testing.T) {
	stream := new(bitWriter).lengths(some(257, map[int]int{'a': 1, 256: 1}), some(1, nil))
	got, _, err := signing.Inflate(nil, stream.bytes, 1<<20)
	if !errors.As(err, new(*signing.SyntaxError)) || len(got) > 1<<10 {
		t.Errorf("%d bytes, %v, want a SyntaxError soon", len(got), err)
	}
}

// FuzzInflate: what compress/flate reads is what is read here, and what that refuses is refused.
func FuzzInflate(f *testing.F) {
	const limit = 1 << 12
	for _, stream := range streams(f) {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		want, wrong := io.ReadAll(io.LimitReader(flate.NewReader(r), limit+1))
		ok := wrong == nil && len(want) <= limit
		got, rest, err := signing.Inflate([]byte("kept"), stream, limit)
		if err != nil && !errors.As(err, new(*signing.SyntaxError)) {
			t.Fatalf("%v, want a SyntaxError", err)
		}
		if len(got) > len("kept")+limit || !bytes.HasPrefix(got, []byte("kept")) {
			t.Errorf("%d bytes that begin with %.4q", len(got), got)
		}
		if ok != (err == nil) || ok && (string(got[len("kept"):]) != string(want) || len(rest) != r.Len()) {
			t.Errorf("got %q and %d bytes, %v, want %q and %d bytes, %v", got, len(rest), err, want, r.Len(), wrong)
		}
	})
}

// streams are the cases, and what Django compressed.
func streams(tb testing.TB) [][]byte {
	tb.Helper()
	var list [][]byte
	for _, c := range inflateCases() {
		list = append(list, c.stream.bytes)
	}
	packed := 0
	for _, row := range vectors.Table[signingRow](tb, "signing", 500) {
		value, _, _ := strings.Cut(row.Signed, ":")
		text, compressed := strings.CutPrefix(value, ".")
		if row.Kind != "dumps" || !compressed {
			continue
		}
		stream, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, stream[2:])
		packed++
	}
	if packed < 20 {
		tb.Fatalf("%d compressed values, expected at least 20", packed)
	}
	return list
}
