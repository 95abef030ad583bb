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
	'S':    opString,               // STRING
	'T':    binString(4),           // BINSTRING
	'U':    binString(1),           // SHORT_BINSTRING
	'V':    opUnicode,              // UNICODE
	'\x8c': binUnicode(1),          // SHORT_BINUNICODE
	'X':    binUnicode(4),          // BINUNICODE
	'\x8d': binUnicode(8),          // BINUNICODE8
	'C':    binBytes(Bytes, 1),     // SHORT_BINBYTES
	'B':    binBytes(Bytes, 4),     // BINBYTES
	'\x8e': binBytes(Bytes, 8),     // BINBYTES8
	'\x96': binBytes(ByteArray, 8), // BYTEARRAY8
	'\x97': refused(errExternal),   // NEXT_BUFFER
	'\x98': opReadonlyBuffer,       // READONLY_BUFFER
	// tuples, lists, dicts and sets
	')':    constant(refEmptyTuple), // EMPTY_TUPLE
	'\x85': tuple(1),                // TUPLE1
	'\x86': tuple(2),                // TUPLE2
	'\x87': tuple(3),                // TUPLE3
	't':    opTuple,                 // TUPLE
	']':    empty(List),             // EMPTY_LIST
	'l':    opList,                  // LIST
	'a':    opAppend,                // APPEND
	'e':    opAppends,               // APPENDS
	'}':    empty(Dict),             // EMPTY_DICT
	'd':    opDict,                  // DICT
	's':    opSetItem,               // SETITEM
	'u':    opSetItems,              // SETITEMS
	'\x8f': empty(Set),              // EMPTY_SET
	'\x90': opAddItems,              // ADDITEMS
	'\x91': opFrozenSet,             // FROZENSET
	// classes and functions
	'c':    opGlobal,             // GLOBAL
	'\x93': opStackGlobal,        // STACK_GLOBAL
	'R':    opReduce,             // REDUCE
	'i':    opInst,               // INST
	'o':    opObj,                // OBJ
	'\x81': opNewObj,             // NEWOBJ
	'\x92': opNewObjEx,           // NEWOBJ_EX
	'b':    opBuild,              // BUILD
	'P':    refused(errExternal), // PERSID
	'Q':    refused(errExternal), // BINPERSID
	'\x82': refused(errExternal), // EXT1: nothing is registered, unless by an application
	'\x83': refused(errExternal), // EXT2
	'\x84': refused(errExternal), // EXT4
	// the stack, the memo and the stream
	'(':    opMark,    // MARK
	'0':    opPop,     // POP
	'1':    opPopMark, // POP_MARK
	'2':    opDup,     // DUP
	'g':    opGet,     // GET
	'h':    binGet(1), // BINGET
	'j':    binGet(4), // LONG_BINGET
	'p':    opPut,     // PUT
	'q':    binPut(1), // BINPUT
	'r':    binPut(4), // LONG_BINPUT
	'\x94': opMemoize, // MEMOIZE
	'\x80': opProto,   // PROTO
	'\x95': opFrame,   // FRAME
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

func opGet(l *loader) error {
	s, err := l.line(1)
	if err != nil {
		return err
	}
	index, err := memoIndex(s)
	if err != nil {
		return err
	}
	return l.recall(index)
}

func opPut(l *loader) error {
	s, err := l.line(1)
	if err != nil {
		return err
	}
	index, err := memoIndex(s)
	if err != nil {
		return err
	}
	return l.memoise(index)
}

func binGet(width int) func(*loader) error {
	return func(l *loader) error {
		index, err := l.uint(width)
		if err != nil {
			return err
		}
		return l.recall(index)
	}
}

func binPut(width int) func(*loader) error {
	return func(l *loader) error {
		index, err := l.uint(width)
		if err != nil {
			return err
		}
		return l.memoise(index)
	}
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
