package signing

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// A bitReader holds the next bits of an input, the first of them lowest (RFC 1951, 3.1.1). It is passed by value, in registers.
type bitReader struct {
	hold uint64
	n    int // how many bits are held
	next int // where the input goes on; beyond its padding, once more was taken than there is
}

// padding is how many bytes follow each input, which is read by eight bytes. They are zero.
const padding = 8

// fill returns b with 56 bits or more. Beyond the input they are zero.
func (b bitReader) fill(padded []byte) bitReader {
	// A byte that finds no room, or not enough, is read again by the next fill, to the same place.
	b.hold |= binary.LittleEndian.Uint64(padded[min(b.next, len(padded)-padding):]) << (b.n & 63)
	b.next += (63 - b.n) >> 3
	b.n |= 56
	return b
}

func (b bitReader) peek(n int) int {
	return int(b.hold & (1<<(n&63) - 1)) //nolint:gosec // n is at most 14
}

func (b bitReader) drop(n int) bitReader {
	b.hold >>= n & 63
	b.n -= n
	return b
}

// offset is that of the first byte of which nothing was taken.
func (b bitReader) offset() int { return b.next - b.n>>3 }

// An entry is what a code stands for. Bits 0 to 5 are how many bits the code has, bits 8 to 11 how many extra bits follow it, and
// those from 16 on are the value, to which the extra bits are added. The zero entry is none.
type entry uint32

const (
	literal entry = 1 << 12 // a byte, or the length of a code
	end     entry = 1 << 13 // of the block
	again   entry = 1 << 14 // the length before, so many times
	invalid entry = 1 << 15
)

func (e entry) bits() int  { return int(e & 63) }
func (e entry) extra() int { return int(e >> 8 & 15) }
func (e entry) value() int { return int(e >> 16) }
func (e entry) byte() byte { return byte(e >> 16 & 0xff) }

// A usedSymbol is one that has a code, and how many bits that has.
type usedSymbol uint16

func use(symbol, length int) usedSymbol {
	return usedSymbol(symbol<<4 | length) //nolint:gosec // there are 316 symbols
}

func (u usedSymbol) symbol() int { return int(u >> 4) }
func (u usedSymbol) length() int { return int(u & 15) }

// A huffman is a Huffman code (RFC 1951, 3.2.2).
type huffman struct {
	table  [1 << tableBits]entry // by the next bits, as many as mask has; zero where no code or a longer one begins
	mask   uint64
	count  [maxBits + 1]uint16 // how many codes have so many bits
	sorted [288]entry          // by their codes, the shorter ones first
}

const (
	maxBits   = 15
	tableBits = 10
)

// find returns what the next bits begin with.
func (h *huffman) find(b bitReader) entry {
	if e := h.table[b.hold&h.mask]; e != 0 {
		return e
	}
	return h.findSlowly(b)
}

// findSlowly tries each length. The codes of one length are consecutive numbers, and their highest bit comes first.
//
//go:noinline // so that find is inlined
func (h *huffman) findSlowly(b bitReader) entry {
	code, first, i := 0, 0, 0
	for _, count := range h.count[1:] {
		code |= b.peek(1)
		b = b.drop(1)
		if code < first+int(count) {
			return h.sorted[i+code-first]
		}
		i += int(count)
		first = (first + int(count)) << 1
		code <<= 1
	}
	return invalid
}

// build makes a code for the used symbols of an alphabet, which begins with the symbol first, and says whether there can be one.
// inflate_table in inftrees.c takes no code that has too many symbols for their lengths, and one that has too few only if all of it
// is a symbol of one bit, or nothing.
func (h *huffman) build(used []usedSymbol, first int, alphabet []entry) bool {
	h.count = [maxBits + 1]uint16{}
	for _, u := range used {
		h.count[u.length()]++
	}
	var place [maxBits + 1]int // in sorted, by length
	left, longest := 1, 0      // left is how many codes of the longest length are not in use
	for placed := 0; placed < len(used); {
		longest++
		n := int(h.count[longest])
		place[longest] = placed
		placed += n
		if left = 2*left - n; left < 0 {
			return false
		}
	}
	if left > 0 && longest > 1 {
		return false
	}
	for _, u := range used {
		i := &place[u.length()]
		h.sorted[*i] = alphabet[u.symbol()-first] | entry(u&15)
		*i++
	}
	h.fillTable(min(longest, tableBits))
	return true
}

// fillTable makes a table for as many bits. It begins with a table for none, and doubles it for each bit, which says nothing to the
// shorter codes: few entries are written one by one.
func (h *huffman) fillTable(longest int) {
	h.mask = 1<<longest - 1
	h.table[0] = 0
	sorted, half := h.sorted[:], 1
	code, step := uint16(0), uint16(1<<15) // codes as fractions: the first bit is a half
	for _, count := range h.count[1 : longest+1] {
		copy(h.table[half:2*half], h.table[:half])
		for _, e := range sorted[:count] {
			h.table[bits.Reverse16(code)] = e
			code += step
		}
		sorted = sorted[count:]
		half, step = 2*half, step/2
	}
}

const endOfBlock = 256

// The alphabets of RFC 1951, 3.2.5 and 3.2.7. Those that "will never actually occur" (3.2.6) have codes among the fixed ones.
var (
	literalAlphabet  = literalEntries()
	distanceAlphabet = distanceEntries()
	lengthAlphabet   = lengthEntries()
)

func literalEntries() (a [288]entry) {
	for i := range endOfBlock {
		a[i] = literal | entry(i)<<16
	}
	a[endOfBlock] = end
	ranges(a[257:285], 3, 4)
	a[285] = 258 << 16
	a[286], a[287] = invalid, invalid
	return a
}

func distanceEntries() (a [32]entry) {
	ranges(a[:30], 1, 2)
	a[30], a[31] = invalid, invalid
	return a
}

func lengthEntries() (a [19]entry) {
	for i := range 16 {
		a[i] = literal | entry(i)<<16
	}
	a[16], a[17], a[18] = again|3<<16|2<<8, 3<<16|3<<8, 11<<16|7<<8
	return a
}

// ranges gives each entry the values that follow those of the one before. After so many entries there is one more extra bit, and none
// for the first two times so many.
func ranges(a []entry, value, many int) {
	for i := range a {
		extra := max(i/many-1, 0)
		a[i] = entry(value<<16 | extra<<8) //nolint:gosec // values are less than 1<<16
		value += 1 << extra
	}
}

// The fixed codes (RFC 1951, 3.2.6).
var (
	fixedLiterals = fixedCode(literalAlphabet[:],
		strings.Repeat("8", 144)+strings.Repeat("9", 112)+strings.Repeat("7", 24)+strings.Repeat("8", 8))
	fixedDistances = fixedCode(distanceAlphabet[:], strings.Repeat("5", 32))
)

// fixedCode makes the code whose lengths are these digits.
func fixedCode(alphabet []entry, lengths string) *huffman {
	var used []usedSymbol
	for symbol, digit := range []byte(lengths) {
		used = append(used, use(symbol, int(digit-'0')))
	}
	h := new(huffman)
	if !h.build(used, 0, alphabet) {
		panic("signing: internal error: the fixed codes are complete")
	}
	return h
}
