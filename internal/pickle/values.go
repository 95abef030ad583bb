package pickle

import (
	"math"
	"math/big"
	"slices"
)

// Type says what an Object is, by the name of its class in Python. Instances of the classes' own subclasses are Opaque,
// but for Django's safe strings.
type Type uint8

// The types of an Object. The zero Type is that of a value that is not there.
const (
	Missing Type = iota
	None
	Bool
	Int
	Float
	Str
	Bytes
	ByteArray
	List
	Tuple
	Set
	FrozenSet
	Dict
	OrderedDict
	DateTime
	Date
	Time
	TimeDelta
	TimeZone // datetime.timezone, and pytz.utc
	Decimal
	UUID
	Lazy   // a lazy string of Django's, of which the text before translation is known
	Global // a class or function, itself
	Opaque // anything else
)

// classes are the names of the kinds in Python.
var classes = [...]string{
	None: "NoneType", Bool: "bool", Int: "int", Float: "float", Str: "str", Bytes: "bytes", ByteArray: "bytearray",
	List: "list", Tuple: "tuple", Set: "set", FrozenSet: "frozenset", Dict: "dict",
	OrderedDict: "collections.OrderedDict", DateTime: "datetime.datetime", Date: "datetime.date", Time: "datetime.time",
	TimeDelta: "datetime.timedelta", TimeZone: "datetime.timezone", Decimal: "decimal.Decimal", UUID: "uuid.UUID",
	Lazy: "django.utils.functional.lazy", Global: "type", Opaque: "",
}

// Object is a value in a pickle that was read. The zero Object is one that is not there.
type Object struct {
	d *document
	r ref
}

// Source is the pickle that v was read from, up to its STOP: a program that ends with what Loads has returned on top of
// the stack.
func (v Object) Source() string {
	if v.d == nil {
		return ""
	}
	return v.d.data[:v.d.end]
}

// Type returns what v is.
func (v Object) Type() Type {
	if v.d == nil {
		return Missing
	}
	return v.d.kind(v.r)
}

// Class is the name of v's class. Of an Opaque it is the name of the class, or of the function that was to make it.
func (v Object) Class() string {
	if v.Type() == Opaque {
		return v.d.names[v.d.node(v.r).a].String()
	}
	return classes[v.Type()]
}

// String is the name with a dot.
func (g globalName) String() string { return g.module + "." + g.name }

// Text returns the characters of a Str or a Lazy, the bytes of a Bytes or a ByteArray, what str() writes of a Decimal,
// and the name of a Global. In characters, surrogates are kept in the three bytes that UTF-8 would have for them, as
// Python's surrogatepass does it.
func (v Object) Text() string {
	if v.d == nil || v.r&smallInt != 0 {
		return ""
	}
	n := v.d.node(v.r)
	switch n.kind {
	case Str, Lazy, Bytes, ByteArray, Decimal:
		return v.d.text(n)
	case Global:
		return v.d.names[n.a].String()
	case Missing, None, Bool, Int, Float, List, Tuple, Set, FrozenSet, Dict, OrderedDict, DateTime, Date, Time,
		TimeDelta,
		TimeZone, UUID, Opaque:
	}
	return ""
}

// Bool is true for True.
func (v Object) Bool() bool { return v.Type() == Bool && v.r == refTrue }

// Int64 returns an Int of up to 64 bits.
func (v Object) Int64() (int64, bool) {
	if v.Type() != Int {
		return 0, false
	}
	return v.d.int64(v.r)
}

// BigInt returns an Int, or the number that a UUID is.
func (v Object) BigInt() *big.Int {
	if v.Type() == UUID {
		return Object{v.d, ref(v.d.node(v.r).a)}.BigInt()
	}
	if v.Type() != Int {
		return new(big.Int)
	}
	if n, ok := v.d.int64(v.r); ok {
		return big.NewInt(n)
	}
	b := []byte(v.long())
	slices.Reverse(b)
	i := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return i
}

// long is an Int of more than 64 bits, as addLong has it.
func (v Object) long() string {
	if v.r&smallInt != 0 || v.d.node(v.r).form == inData {
		return ""
	}
	return v.d.text(v.d.node(v.r))
}

// Float returns a Float.
func (v Object) Float() float64 {
	if v.Type() != Float {
		return 0
	}
	n := v.d.node(v.r)
	return math.Float64frombits(uint64(n.a)<<32 | uint64(n.b))
}

// Len is the number of members that a List, Tuple, Set, FrozenSet, Dict or OrderedDict has.
func (v Object) Len() int {
	n := len(v.items())
	if k := v.Type(); k == Dict || k == OrderedDict {
		n /= 2
	}
	return n
}

func (v Object) items() []ref {
	if v.d == nil {
		return nil
	}
	return v.d.items(v.r)
}

// At returns the i-th member of a List, Tuple, Set or FrozenSet. Sets have the order in which the pickle has them.
func (v Object) At(i int) Object { return Object{v.d, v.items()[i]} }

// Entry returns the i-th entry of a Dict or OrderedDict.
func (v Object) Entry(i int) (key, value Object) {
	items := v.items()
	return Object{v.d, items[2*i]}, Object{v.d, items[2*i+1]}
}

// Lookup returns the entry of a Dict or OrderedDict whose key is the str name, the zero Object when there is none.
func (v Object) Lookup(name string) Object {
	if k := v.Type(); k != Dict && k != OrderedDict {
		return Object{}
	}
	items := v.items()
	for i := 0; i < len(items); i += 2 {
		if k := (Object{v.d, items[i]}); k.Type() == Str && k.Text() == name {
			return Object{v.d, items[i+1]}
		}
	}
	return Object{}
}
