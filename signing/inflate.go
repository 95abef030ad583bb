package signing

import (
	"encoding/binary"
	"slices"
)

// An inflater reads deflate (RFC 1951) from memory to memory. It takes and refuses what inflate.c of zlib 1.2.13 does, which is behind
// Python's zlib.decompress. Half of what a short message costs is making its codes, so their tables are no larger than they have to be.
type inflater struct {
	lengths, literals, distances huffman
	used                         [maxLiterals + maxDistances]usedSymbol
	in                           []byte // padded
	out                          []byte // up to where there is room
	start, at, most              int    // in out: where the message begins, where it goes on, and what it may not go beyond
}

// How many symbols the codes of a block may be for. inflate.c: "too many length or distance symbols"
const (
	maxLiterals  = 286
	maxDistances = 30
)

// inflate appends to dst what the stream at the beginning of an input holds, at most limit bytes, and returns what follows the stream.
func (z *inflater) inflate(dst, padded []byte, limit int) (out, rest []byte, err error) {
	z.start, z.at, z.most = len(dst), len(dst), len(dst)+limit
	z.in, z.out = padded, dst[:min(cap(dst), z.most)]
	b, err := z.blocks()
	out = z.out[:z.at]
	z.in, z.out = nil, nil
	end := len(padded) - padding
	if err == nil && b.offset() > end {
		err = brokenStream()
	}
	if err != nil {
		return out, nil, err
	}
	return out, padded[b.offset():end], nil
}

func brokenStream() error { return malformed("zlib data") }

// blocks reads one block after the other (RFC 1951, 3.2.3).
func (z *inflater) blocks() (b bitReader, err error) {
	for last := false; !last && err == nil; {
		b = b.fill(z.in)
		last = b.peek(1) == 1
		kind := b.drop(1).peek(2)
		b = b.drop(3)
		switch kind {
		case 0:
			b, err = z.stored(b)
		case 1:
			b, err = z.compressed(b, fixedLiterals, fixedDistances)
		case 2:
			if b, err = z.readCodes(b); err == nil {
				b, err = z.compressed(b, &z.literals, &z.distances)
			}
		default:
			err = brokenStream()
		}
	}
	return b, err
}

// stored copies a block that is not compressed (RFC 1951, 3.2.4).
func (z *inflater) stored(b bitReader) (bitReader, error) {
	const header = 4
	end := len(z.in) - padding
	data := z.in[min(b.offset(), end):end]
	if len(data) < header {
		return b, brokenStream()
	}
	n, complement := binary.LittleEndian.Uint16(data), binary.LittleEndian.Uint16(data[2:])
	if data = data[header:]; n != ^complement || len(data) < int(n) {
		return b, brokenStream()
	}
	if err := z.reserve(int(n)); err != nil {
		return b, err
	}
	z.at += copy(z.out[z.at:], data[:n])
	return bitReader{next: b.offset() + header + int(n)}, nil
}

// reserve makes room for n more bytes.
func (z *inflater) reserve(n int) error {
	if z.at+n <= len(z.out) {
		return nil
	}
	return z.grow(n)
}

// grow makes twice the room there was, as far as that is allowed, and sees to it that n more bytes are.
func (z *inflater) grow(n int) error {
	if z.at+n > z.most {
		return tooLarge(z.most - z.start)
	}
	const least = 512
	out := make([]byte, min(max(2*len(z.out), z.at+n, least), z.most))
	copy(out, z.out[:z.at])
	z.out = out
	return nil
}

// compressed reads the data of a block that is written in these codes (RFC 1951, 3.2.3).
func (z *inflater) compressed(b bitReader, literals, distances *huffman) (bitReader, error) {
	for {
		var e entry
		if b, e = z.copyLiterals(b, literals); e == 0 {
			e = literals.findSlowly(b)
		}
		b = b.drop(e.bits())
		var err error
		switch {
		case e&end != 0:
			return b, nil
		case e&invalid != 0 || b.next > len(z.in):
			err = brokenStream()
		case e&literal != 0:
			if err = z.reserve(1); err == nil {
				z.out[z.at] = e.byte()
				z.at++
			}
		default:
			b, err = z.repeat(b, e, distances)
		}
		if err != nil {
			return b, err
		}
	}
}

// copyLiterals reads literals for as long as their codes are in the table and there is room. It returns what comes next, of which
// nothing is taken, with all the bits that it may have. It calls nothing, so that all it needs stays in registers.
func (z *inflater) copyLiterals(b bitReader, literals *huffman) (bitReader, entry) {
	in, out, at, mask := z.in, z.out, z.at, literals.mask
	for {
		if b.n < tableBits {
			b = b.fill(in)
		}
		e := literals.table[b.hold&mask]
		if e&literal == 0 || at >= len(out) {
			z.at = at
			return b.fill(in), e
		}
		b = b.drop(e.bits())
		out[at] = e.byte()
		at++
	}
}

// repeat reads the rest of a length and its distance, and copies what is so far behind.
func (z *inflater) repeat(b bitReader, e entry, distances *huffman) (bitReader, error) {
	length := e.value() + b.peek(e.extra())
	b = b.drop(e.extra())
	e = distances.find(b)
	b = b.drop(e.bits())
	distance := e.value() + b.peek(e.extra())
	b = b.drop(e.extra())
	if e&invalid != 0 || distance > z.at-z.start { // inflate.c: "invalid distance too far back"
		return b, brokenStream()
	}
	if err := z.reserve(length); err != nil {
		return b, err
	}
	// The copy may reach into what it makes: each round has twice as much to take.
	from, end := z.at-distance, z.at+length
	for z.at < end {
		z.at += copy(z.out[z.at:end], z.out[from:z.at])
	}
	return b, nil
}

// readCodes reads the codes that a block begins with (RFC 1951, 3.2.7).
func (z *inflater) readCodes(b bitReader) (bitReader, error) {
	b = b.fill(z.in)
	literals, distances, lengths := 257+b.peek(5), 1+b.drop(5).peek(5), 4+b.drop(10).peek(4)
	b = b.drop(14)
	if literals > maxLiterals || distances > maxDistances {
		return b, brokenStream()
	}
	b, ok := z.readLengthCode(b, lengths)
	if !ok {
		return b, brokenStream()
	}
	b, used := z.readLengths(b, literals+distances)
	split, _ := slices.BinarySearch(used, use(literals, 0))
	end, _ := slices.BinarySearch(used[:split], use(endOfBlock, 0))
	if end == split || used[end].symbol() != endOfBlock || // inflate.c: "missing end-of-block"
		!z.literals.build(used[:split], 0, literalAlphabet[:]) || !z.distances.build(used[split:], literals, distanceAlphabet[:]) {
		return b, brokenStream()
	}
	return b, nil
}

// readLengthCode reads the code that the lengths of the others are written in, and says whether there is one.
func (z *inflater) readLengthCode(b bitReader, lengths int) (bitReader, bool) {
	order := [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	var bits [len(order)]int
	for _, symbol := range order[:lengths] {
		if b.n < 3 {
			b = b.fill(z.in)
		}
		bits[symbol] = b.peek(3)
		b = b.drop(3)
	}
	used := z.used[:0]
	for symbol, n := range bits {
		if n > 0 {
			used = append(used, use(symbol, n))
		}
	}
	// inftrees.c: a code of less than two symbols is incomplete, which this one may not be.
	return b, len(used) >= 2 && z.lengths.build(used, 0, lengthAlphabet[:])
}

// readLengths reads the lengths of so many symbols' codes, and returns the symbols that have one; none, if that is broken.
func (z *inflater) readLengths(b bitReader, symbols int) (bitReader, []usedSymbol) {
	length, count := 0, 0
	for symbol := 0; symbol < symbols; {
		if b.n < 7+7 { // a code of lengths has up to 7 bits, and is followed by up to 7
			b = b.fill(z.in)
		}
		e := z.lengths.find(b)
		b = b.drop(e.bits())
		if e&literal != 0 {
			length = e.value()
			z.used[count] = use(symbol, length)
			if length > 0 {
				count++
			}
			symbol++
			continue
		}
		times := e.value() + b.peek(e.extra())
		b = b.drop(e.extra())
		if e&again == 0 {
			length = 0
		} else if symbol == 0 {
			return b, nil
		}
		if symbol+times > symbols { // inflate.c: "invalid bit length repeat", both
			return b, nil
		}
		for i := 0; i < times && length > 0; i++ {
			z.used[count] = use(symbol+i, length)
			count++
		}
		symbol += times
	}
	return b, z.used[:count]
}
