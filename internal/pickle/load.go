package pickle

import (
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// The bounds. CPython has none of them, and writes nothing beyond the first three.
const (
	maxInput = 1 << 30
	// A value that is no small integer takes 12 bytes here, and at least two in what a Pickler writes. Of a long
	// pickle, few are as short.
	minValues, bytesPerValue = 1 << 16, 8
	// A list, dict or set that is not empty takes ten times as much, and so does the name of a class.
	minContainers, bytesPerContainer = 1 << 14, 64
	// Marks are open as deep as values are nested, and CPython's Pickler recurses.
	maxMarks = 10_000
	// Python reads no more digits from text (sys.get_int_max_str_digits).
	maxIntDigits = 4300
	// Tuples are the keys of dicts and members of sets, and may be made of tuples.
	maxKeyDepth = 100
)

// What is wrong with a pickle. The texts say nothing of its content.
var (
	errTruncated   = errors.New("the pickle is cut short")
	errOpcode      = errors.New("an unknown opcode")
	errUnderflow   = errors.New("an opcode finds the stack empty")
	errNoMark      = errors.New("an opcode finds no mark")
	errMemo        = errors.New("nothing is in the memo under an index")
	errNumber      = errors.New("the text of a number is none")
	errText        = errors.New("a string is not in its encoding")
	errProtocol    = errors.New("an unknown protocol")
	errOdd         = errors.New("a key has no value")
	errUnhashable  = errors.New("a key or a set's member is not hashable")
	errUnsupported = errors.New("a value does not support what is done to it")
	errByteArray   = errors.New("a bytearray is changed, which Python does and never writes")
	errExternal    = errors.New("the pickle refers to something outside itself")
	errTooLarge    = errors.New("the pickle is beyond the bounds")
)

// loader is the state of CPython's Unpickler.
type loader struct {
	*document
	pos      int // in data
	stack    []ref
	marks    []int // places in stack
	memo     []ref // refMissing where nothing is
	sparse   map[uint64]ref
	memoised uint64 // how many indexes of memo and sparse are in use
	protocol byte
	budget   int // how much may still be spent on what the memo can repeat: see spend
	seed     maphash.Seed
	seeded   bool

	firstStack, firstMemo [32]ref // so that small pickles need no more
	firstMarks            [8]int
}

// Loads reads the pickle at the start of data, as pickle.loads does; what follows it is ignored. The Object may keep
// data alive.
func Loads(data string) (Object, error) {
	if len(data) > maxInput {
		return Object{}, errTooLarge
	}
	l := &loader{document: &document{data: data}, budget: 1<<16 + 32*len(data)}
	l.stack, l.memo, l.marks = l.firstStack[:0], l.firstMemo[:0], l.firstMarks[:0]
	l.containers = l.firstContainer[:0]
	l.nodes = make([]node, 0, 8+min(len(data)/16, 256))
	l.nodes = append(l.nodes, node{}, node{kind: None}, node{kind: Bool}, node{kind: Bool, a: 1}, node{kind: Tuple})
	maxValues, maxContainers := minValues+len(data)/bytesPerValue, minContainers+len(data)/bytesPerContainer
	for l.pos < len(data) {
		opcode := data[l.pos]
		l.pos++
		if opcode == '.' { // STOP
			r, err := l.pop()
			if err != nil {
				return Object{}, err
			}
			l.end = l.pos - 1
			return Object{l.document, r}, nil
		}
		operation := operations[opcode]
		if operation == nil {
			return Object{}, errOpcode
		}
		if err := operation(l); err != nil {
			return Object{}, err
		}
		if len(l.nodes) > maxValues || len(l.containers) > maxContainers ||
			len(l.names) > maxContainers || len(l.marks) > maxMarks {
			return Object{}, errTooLarge
		}
	}
	return Object{}, errTruncated
}

// read moves past n bytes.
func (l *loader) read(n int) (string, error) {
	if n < 0 || n > len(l.data)-l.pos {
		return "", errTruncated
	}
	l.pos += n
	return l.data[l.pos-n : l.pos], nil
}

// uint reads an unsigned integer of width bytes.
func (l *loader) uint(width int) (uint64, error) {
	s, err := l.read(width)
	if err != nil {
		return 0, err
	}
	var n uint64
	for i := range len(s) {
		n |= uint64(s[i]) << (8 * i)
	}
	return n, nil
}

// counted moves past as many bytes as an integer of width bytes says, and returns where they begin.
func (l *loader) counted(width int) (pos, length int, err error) {
	n, err := l.uint(width)
	if err != nil {
		return 0, 0, err
	}
	if n > uint64(len(l.data)-l.pos) { //nolint:gosec // not negative
		return 0, 0, errTruncated
	}
	length = int(n) //nolint:gosec // what is left is an int
	l.pos += length
	return l.pos - length, length, nil
}

// line moves past the end of a line and returns it without the newline. As in C, one that is empty is no line where
// atLeast is 1.
func (l *loader) line(atLeast int) (string, error) {
	n := strings.IndexByte(l.data[l.pos:], '\n')
	if n < atLeast {
		return "", errTruncated
	}
	l.pos += n + 1
	return l.data[l.pos-n-1 : l.pos-1], nil
}

// spend counts the steps of what takes more of them than an opcode has bytes, because the memo has the value: a tuple
// as a key, a long text as one, a set of a list, or a UUID of a dict. It is false when they are too many.
func (l *loader) spend(steps int) bool {
	l.budget -= steps
	return l.budget >= 0
}

// fence is the last mark: what lies below cannot be reached before the mark is gone.
func (l *loader) fence() int {
	if len(l.marks) == 0 {
		return 0
	}
	return l.marks[len(l.marks)-1]
}

func (l *loader) push(r ref) error {
	l.stack = grow(l.stack, r)
	return nil
}

// pushed pushes what could be made.
func (l *loader) pushed(r ref, err error) error {
	if err != nil {
		return err
	}
	return l.push(r)
}

func (l *loader) top() (ref, error) {
	if len(l.stack) <= l.fence() {
		return 0, errUnderflow
	}
	return l.stack[len(l.stack)-1], nil
}

func (l *loader) pop() (ref, error) {
	r, err := l.top()
	if err == nil {
		l.stack = l.stack[:len(l.stack)-1]
	}
	return r, err
}

// popMark takes what lies above the last mark, and the mark. The items are good until the next push.
func (l *loader) popMark() ([]ref, error) {
	if len(l.marks) == 0 {
		return nil, errNoMark
	}
	mark := l.fence()
	l.marks = l.marks[:len(l.marks)-1]
	items := l.stack[mark:]
	l.stack = l.stack[:mark]
	return items, nil
}

// recall pushes what is in the memo.
func (l *loader) recall(index uint64) error {
	var r ref
	if index < uint64(len(l.memo)) {
		r = l.memo[index]
	} else {
		r = l.sparse[index]
	}
	if r == refMissing {
		return errMemo
	}
	return l.push(r)
}

// memoise puts the top of the stack into the memo. Indexes that no Pickler reaches in a pickle of this length take no
// more memory than others.
func (l *loader) memoise(index uint64) error {
	r, err := l.top()
	if err != nil {
		return err
	}
	if index > math.MaxInt64/16 {
		return errMemo // CPython has a MemoryError
	}
	var old ref
	if index < uint64(len(l.data)) {
		if i := int(index); i >= len(l.memo) {
			if i >= cap(l.memo) {
				l.memo = slices.Grow(l.memo, i+1)
			}
			grown := l.memo[:i+1]
			clear(grown[len(l.memo):])
			l.memo = grown
		}
		old, l.memo[index] = l.memo[index], r
	} else {
		if l.sparse == nil {
			l.sparse = map[uint64]ref{}
		}
		old, l.sparse[index] = l.sparse[index], r
	}
	if old == refMissing {
		l.memoised++
	}
	return nil
}
