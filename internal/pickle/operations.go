package pickle

// operations are what the opcodes do, but for STOP. The names are those of Lib/pickletools.py.
var operations = [256]func(*loader) error{
	// numbers
	'N':    constant(refNone),  // NONE
	'\x88': constant(refTrue),  // NEWTRUE
	'\x89': constant(refFalse), // NEWFALSE
	'I':    opInt,              // INT
	'J':    binInt(4),          // BININT
	'K':    binInt(1),          // BININT1
	'M':    binInt(2),          // BININT2
	'L':    opLong,             // LONG
	'\x8a': countedLong(1),     // LONG1
	'\x8b': countedLong(4),     // LONG4
	'F':    opFloat,            // FLOAT
	'G':    opBinFloat,         // BINFLOAT
	// texts and bytes
	'S':    opString,                   // STRING
	'T':    binText(Str, 4, isASCII),   // BINSTRING
	'U':    binText(Str, 1, isASCII),   // SHORT_BINSTRING
	'V':    opUnicode,                  // UNICODE
	'\x8c': binText(Str, 1, validUTF8), // SHORT_BINUNICODE
	'X':    binText(Str, 4, validUTF8), // BINUNICODE
	'\x8d': binText(Str, 8, validUTF8), // BINUNICODE8
	'C':    binText(Bytes, 1, nil),     // SHORT_BINBYTES
	'B':    binText(Bytes, 4, nil),     // BINBYTES
	'\x8e': binText(Bytes, 8, nil),     // BINBYTES8
	'\x96': binText(ByteArray, 8, nil), // BYTEARRAY8
	'\x97': refused(errExternal),       // NEXT_BUFFER
	'\x98': opReadonlyBuffer,           // READONLY_BUFFER
	// tuples, lists, dicts and sets
	')':    constant(refEmptyTuple),        // EMPTY_TUPLE
	'\x85': tuple(1),                       // TUPLE1
	'\x86': tuple(2),                       // TUPLE2
	'\x87': tuple(3),                       // TUPLE3
	't':    marked((*loader).newTuple),     // TUPLE
	']':    empty(List),                    // EMPTY_LIST
	'l':    marked((*loader).newList),      // LIST
	'a':    opAppend,                       // APPEND
	'e':    toMark((*loader).appendFrom),   // APPENDS
	'}':    empty(Dict),                    // EMPTY_DICT
	'd':    marked((*loader).newDict),      // DICT
	's':    opSetItem,                      // SETITEM
	'u':    toMark((*loader).setItemsFrom), // SETITEMS
	'\x8f': empty(Set),                     // EMPTY_SET
	'\x90': toMark((*loader).addItemsFrom), // ADDITEMS
	'\x91': marked((*loader).newFrozenSet), // FROZENSET
	// classes and functions
	'c':    opGlobal,                  // GLOBAL
	'\x93': opStackGlobal,             // STACK_GLOBAL
	'R':    calling(false),            // REDUCE
	'i':    marked((*loader).newInst), // INST
	'o':    marked((*loader).newObj),  // OBJ
	'\x81': calling(true),             // NEWOBJ
	'\x92': opNewObjEx,                // NEWOBJ_EX
	'b':    opBuild,                   // BUILD
	'P':    refused(errExternal),      // PERSID
	'Q':    refused(errExternal),      // BINPERSID
	'\x82': refused(errExternal),      // EXT1: nothing is registered, unless by an application
	'\x83': refused(errExternal),      // EXT2
	'\x84': refused(errExternal),      // EXT4
	// the stack, the memo and the stream
	'(':    opMark,                                          // MARK
	'0':    opPop,                                           // POP
	'1':    opPopMark,                                       // POP_MARK
	'2':    opDup,                                           // DUP
	'g':    indexed((*loader).memoIndex, (*loader).recall),  // GET
	'h':    indexed(binIndex(1), (*loader).recall),          // BINGET
	'j':    indexed(binIndex(4), (*loader).recall),          // LONG_BINGET
	'p':    indexed((*loader).memoIndex, (*loader).memoise), // PUT
	'q':    indexed(binIndex(1), (*loader).memoise),         // BINPUT
	'r':    indexed(binIndex(4), (*loader).memoise),         // LONG_BINPUT
	'\x94': opMemoize,                                       // MEMOIZE
	'\x80': opProto,                                         // PROTO
	'\x95': opFrame,                                         // FRAME
}

func constant(r ref) func(*loader) error {
	return func(l *loader) error { return l.push(r) }
}

func refused(err error) func(*loader) error {
	return func(*loader) error { return err }
}

func opMark(l *loader) error {
	l.marks = append(l.marks, len(l.stack))
	return nil
}

// opPop takes a mark where one is on top.
func opPop(l *loader) error {
	if len(l.marks) > 0 && l.fence() == len(l.stack) {
		l.marks = l.marks[:len(l.marks)-1]
		return nil
	}
	_, err := l.pop()
	return err
}

func opPopMark(l *loader) error {
	_, err := l.popMark()
	return err
}

func opDup(l *loader) error {
	r, err := l.top()
	if err != nil {
		return err
	}
	return l.push(r)
}

// indexed does something with a place of the memo.
func indexed(index func(*loader) (uint64, error), do func(*loader, uint64) error) func(*loader) error {
	return func(l *loader) error {
		i, err := index(l)
		if err != nil {
			return err
		}
		return do(l, i)
	}
}

func binIndex(width int) func(*loader) (uint64, error) {
	return func(l *loader) (uint64, error) { return l.uint(width) }
}

func opMemoize(l *loader) error { return l.memoise(l.memoised) }

func opProto(l *loader) error {
	n, err := l.uint(1)
	if err != nil {
		return err
	}
	if n > 5 {
		return errProtocol
	}
	l.protocol = byte(n)
	return nil
}

// opFrame: all of a frame must be there. C's Unpickler does not look where it ends (load_frame).
func opFrame(l *loader) error {
	pos, _, err := l.counted(8)
	if err == nil {
		l.pos = pos
	}
	return err
}
