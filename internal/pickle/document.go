package pickle

import (
	"encoding/binary"
	"slices"
)

// ref names a value of a document: a place among its nodes, or, with the highest bit set, a small integer.
type ref uint32

const (
	smallInt ref = 1 << 31
	smallMin     = -1 << 30
	smallMax     = 1<<30 - 1
)

// The nodes that every document begins with. The first is no value, so that the zero ref is none.
const (
	refMissing ref = iota
	refNone
	refFalse
	refTrue
	refEmptyTuple
)

// node is a value in 12 bytes. What a and b are depends on the kind:
//
//	Int                              the upper and the lower half; with form long, as Str
//	Float                            the upper and the lower half of its bits
//	Str, Bytes, ByteArray, Date,     a and b bytes of the input; with form text, texts[a]
//	Decimal, Lazy
//	DateTime, Time                   a is a Bytes, b the time zone or 0
//	Tuple, FrozenSet, TimeDelta      b refs of pool from a on
//	List, Dict, OrderedDict, Set     containers[a-1], or nothing yet where a is 0
//	TimeZone                         a is a TimeDelta, b a Str or 0
//	UUID                             a is an Int, and names[b] its class
//	Global, Opaque                   names[a]
//
// The form of a Global is its place in constructors, 0 where it is not known.
type node struct {
	kind Type
	form form
	a, b uint32
}

type form uint8

const (
	inData form = iota
	inTexts
	long // an Int of more than 64 bits: two's complement, little end first, as short as can be; in data
	longInTexts
)

type globalName struct{ module, name string }

// container is what can still change. A dict has its keys at even places. index finds keys where a search would
// take long; its length is a power of two.
type container struct {
	items []ref
	index []slot
}

// slot has a place in items, counted from 1; 0 is a free slot.
type slot struct{ hash, place uint32 }

// document is a pickle that was read.
type document struct {
	data       string
	end        int // where STOP is in data
	nodes      []node
	pool       []ref
	texts      []string
	names      []globalName
	containers []container

	firstContainer [1]container // so that flat sessions need no more
}

// grow is append, but that it always doubles the room, which for long slices leaves less garbage behind.
func grow[T any](s []T, v T) []T {
	if len(s) == cap(s) {
		s = slices.Grow(s, len(s)+1)
	}
	return append(s, v)
}

func (d *document) add(n node) ref {
	d.nodes = grow(d.nodes, n)
	return ref(len(d.nodes) - 1) //nolint:gosec // bounded by maxInput
}

// node is called for values that are not small integers.
func (d *document) node(r ref) node { return d.nodes[r] }

func (d *document) kind(r ref) Type {
	if r&smallInt != 0 {
		return Int
	}
	return d.nodes[r].kind
}

func (d *document) addInt(n int64) ref {
	if smallMin <= n && n <= smallMax {
		return smallInt | ref(uint32(n)&(1<<31-1)) //nolint:gosec // 31 bits
	}
	return d.add(node{kind: Int, a: uint32(uint64(n) >> 32), b: uint32(n)}) //nolint:gosec // its two halves
}

// int64 is false for integers of more than 64 bits.
func (d *document) int64(r ref) (int64, bool) {
	if r&smallInt != 0 {
		return int64(int32(r<<1) >> 1), true //nolint:gosec // 31 bits, whose highest is the sign
	}
	n := d.node(r)
	return int64(uint64(n.a)<<32 | uint64(n.b)), n.form == inData //nolint:gosec // its two halves
}

// addLong adds an integer, given in two's complement with the little end first, which is at pos of the input or, where
// pos is negative, anywhere.
func (d *document) addLong(bytes string, pos int) ref {
	n := len(trimSign(bytes))
	if n <= 8 {
		var wide [8]byte
		if n > 0 && bytes[n-1] >= 0x80 {
			wide = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		}
		copy(wide[:], bytes[:n])
		return d.addInt(int64(binary.LittleEndian.Uint64(wide[:]))) //nolint:gosec // two's complement
	}
	if pos >= 0 {
		return d.add(node{kind: Int, form: long, a: uint32(pos), b: uint32(n)}) //nolint:gosec // bounded by maxInput
	}
	return d.addText(Int, longInTexts, bytes[:n])
}

// slice adds a value whose bytes are the input's from pos on.
func (d *document) slice(k Type, pos, length int) ref {
	return d.add(node{kind: k, a: uint32(pos), b: uint32(length)}) //nolint:gosec // bounded by maxInput
}

// addText adds a value whose bytes are not in the input.
func (d *document) addText(k Type, f form, text string) ref {
	d.texts = grow(d.texts, text)
	return d.add(node{kind: k, form: f, a: uint32(len(d.texts) - 1)}) //nolint:gosec // bounded by maxInput
}

// text is what slice or addText was given.
func (d *document) text(n node) string {
	if n.form == inTexts || n.form == longInTexts {
		return d.texts[n.a]
	}
	return d.data[n.a : n.a+n.b]
}

// addPooled adds a value made of others, which never changes.
func (d *document) addPooled(k Type, items []ref) ref {
	if k == Tuple && len(items) == 0 {
		return refEmptyTuple
	}
	start := len(d.pool)
	for _, r := range items {
		d.pool = grow(d.pool, r)
	}
	return d.add(node{kind: k, a: uint32(start), b: uint32(len(items))}) //nolint:gosec // bounded by maxInput
}

func (d *document) pooled(n node) []ref { return d.pool[n.a : n.a+n.b] }

// items are the members of a value that has some, keys and values in turn for a dict.
func (d *document) items(r ref) []ref {
	if r&smallInt != 0 {
		return nil
	}
	n := d.node(r)
	switch n.kind {
	case Tuple, FrozenSet:
		return d.pooled(n)
	case List, Dict, OrderedDict, Set:
		if n.a > 0 {
			return d.containers[n.a-1].items
		}
	case Missing, None, Bool, Int, Float, Str, Bytes, ByteArray, DateTime, Date, Time, TimeDelta, TimeZone, Decimal,
		UUID,
		Lazy, Global, Opaque:
	}
	return nil
}

// container is that of a value which can change; it is made when something first goes into it.
func (d *document) container(r ref) *container {
	n := &d.nodes[r]
	if n.a == 0 {
		d.containers = grow(d.containers, container{})
		n.a = uint32(len(d.containers)) //nolint:gosec // bounded by maxInput
	}
	return &d.containers[n.a-1]
}

func (d *document) addOpaque(module, name string) ref {
	d.names = grow(d.names, globalName{module, name})
	return d.add(node{kind: Opaque, a: uint32(len(d.names) - 1)}) //nolint:gosec // bounded by maxInput
}
