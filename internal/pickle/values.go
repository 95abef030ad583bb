package pickle

import (
	"math"
	"math/big"
	"slices"
)

// Kind says what a Value is, by the name of its class in Python. Instances of the classes' own subclasses are Opaque,
// but for Django's safe strings.
type Kind uint8

// The kinds of a Value. The zero Kind is that of a value that is not there.
const (
	Missing Kind = iota
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

// Value is a value in a pickle that was read. The zero Value is one that is not there.
type Value struct {
	d *document
	r ref
}

// Kind returns what v is.
func (v Value) Kind() Kind {
	if v.d == nil {
		return Missing
	}
	return v.d.kind(v.r)
}

// Class is the name of v's class. Of an Opaque it is the name of the class, or of the function that was to make it.
func (v Value) Class() string {
	if v.Kind() == Opaque {
		return v.d.names[v.d.node(v.r).a].String()
	}
	return classes[v.Kind()]
}

// String is the name with a dot.
func (g globalName) String() string { return g.module + "." + g.name }

// Text returns the characters of a Str or a Lazy, the bytes of a Bytes or a ByteArray, what str() writes of a Decimal,
// and the name of a Global. In characters, surrogates are kept in the three bytes that UTF-8 would have for them, as
// Python's surrogatepass does it.
func (v Value) Text() string {
	if v.d == nil || v.r&smallInt != 0 {
		return ""
	}
	n := v.d.node(v.r)
	switch n.kind {
	case Str, Lazy, Bytes, ByteArray, Decimal:
		return v.d.text(n)
	case Global:
		return v.d.names[n.a].String()
	case Missing, None, Bool, Int, Float, List, Tuple, Set, FrozenSet, Dict, OrderedDict, DateTime, Date, Time, TimeDelta,
		TimeZone, UUID, Opaque:
	}
	return ""
}

// Bool is true for True.
func (v Value) Bool() bool { return v.Kind() == Bool && v.r == refTrue }

// Int64 returns an Int of up to 64 bits.
func (v Value) Int64() (int64, bool) {
	if v.Kind() != Int {
		return 0, false
	}
	return v.d.int64(v.r)
}

// BigInt returns an Int, or the number that a UUID is.
func (v Value) BigInt() *big.Int {
	if v.Kind() == UUID {
		return Value{v.d, ref(v.d.node(v.r).a)}.BigInt()
	}
	if v.Kind() != Int {
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
func (v Value) long() string {
	if v.r&smallInt != 0 || v.d.node(v.r).form == inData {
		return ""
	}
	return v.d.text(v.d.node(v.r))
}

// Float returns a Float.
func (v Value) Float() float64 {
	if v.Kind() != Float {
		return 0
	}
	n := v.d.node(v.r)
	return math.Float64frombits(uint64(n.a)<<32 | uint64(n.b))
}

// Len is the number of members that a List, Tuple, Set, FrozenSet, Dict or OrderedDict has.
func (v Value) Len() int {
	n := len(v.items())
	if k := v.Kind(); k == Dict || k == OrderedDict {
		n /= 2
	}
	return n
}

func (v Value) items() []ref {
	if v.d == nil {
		return nil
	}
	return v.d.items(v.r)
}

// At returns the i-th member of a List, Tuple, Set or FrozenSet. Sets have the order in which the pickle has them.
func (v Value) At(i int) Value { return Value{v.d, v.items()[i]} }

// Entry returns the i-th entry of a Dict or OrderedDict.
func (v Value) Entry(i int) (key, value Value) {
	items := v.items()
	return Value{v.d, items[2*i]}, Value{v.d, items[2*i+1]}
}

// Lookup returns the entry of a Dict or OrderedDict whose key is the str name, the zero Value when there is none.
func (v Value) Lookup(name string) Value {
	if k := v.Kind(); k != Dict && k != OrderedDict {
		return Value{}
	}
	items := v.items()
	for i := 0; i < len(items); i += 2 {
		if k := (Value{v.d, items[i]}); k.Kind() == Str && k.Text() == name {
			return Value{v.d, items[i+1]}
		}
	}
	return Value{}
}
