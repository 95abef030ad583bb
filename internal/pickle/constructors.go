package pickle

import "strings"

// constructor is a class or a function that makes plain data. call returns false where the arguments are not those that
// Python writes.
type constructor struct {
	module, name string
	is           callable
	call         func(l *loader, args []ref) (ref, bool)
}

type callable uint8

const (
	function callable = iota
	class
	classWithInit // its __new__ alone leaves out what the arguments say
)

// constructors are all that are known; the first is none.
var constructors = [...]constructor{
	{},
	{"builtins", "set", classWithInit, collected((*loader).newSet)},
	{"builtins", "frozenset", class, collected((*loader).newFrozenSet)},
	{"builtins", "bytes", class, callBytes},
	{"builtins", "bytearray", classWithInit, callByteArray},
	{"_codecs", "encode", function, callEncode},
	{"copyreg", "_reconstructor", function, callReconstructor},
	{"collections", "OrderedDict", classWithInit, callOrderedDict},
	{"datetime", "datetime", class, callTimed(DateTime, 10, func(b string) bool { return saneMonth(b[2] & 0x7f) })},
	{"datetime", "date", class, callDate},
	{"datetime", "time", class, callTimed(Time, 6, func(b string) bool { return b[0]&0x7f <= 23 })},
	{"datetime", "timedelta", class, callTimeDelta},
	{"datetime", "timezone", class, callTimeZone},
	{"pytz", "_UTC", function, callUTC},
	{"django.utils.timezone", "UTC", class, callUTC},
	{"zoneinfo", "ZoneInfo._unpickle", function, callZoneInfo},
	{"decimal", "Decimal", class, callDecimal},
	{"django.utils.functional", "_lazy_proxy_unpickle", function, callLazy},
	{"django.utils.functional", "unpickle_lazyobject", function, callLazyObject},
	{"django.utils.safestring", "SafeString", class, callSafeString},
	{"django.utils.safestring", "SafeText", class, callSafeString},
}

// known finds a constructor.
var known = func() map[globalName]form {
	m := make(map[globalName]form, len(constructors))
	for i, c := range constructors {
		if i > 0 {
			m[globalName{c.module, c.name}] = form(i)
		}
	}
	return m
}()

// iterable returns the members of a value whose order is known.
func (l *loader) iterable(args []ref) (items []ref, ok bool) {
	if len(args) == 0 {
		return nil, true
	}
	k := l.kind(args[0])
	items = l.items(args[0])
	return items, len(args) == 1 && (k == List || k == Tuple || k == Set || k == FrozenSet) && l.spend(16*len(items))
}

// collected makes a set of the members of one argument, or an empty one.
func collected(newSet func(*loader, []ref) (ref, error)) func(*loader, []ref) (ref, bool) {
	return func(l *loader, args []ref) (ref, bool) {
		items, ok := l.iterable(args)
		if !ok {
			return 0, false
		}
		r, err := newSet(l, items)
		return r, err == nil
	}
}

// callBytes: protocols to 2 write b"" so, and other bytes by callEncode.
func callBytes(l *loader, args []ref) (ref, bool) {
	return l.addText(Bytes, inTexts, ""), len(args) == 0
}

// callByteArray: bytearray(b"…"), or with protocols to 2 bytearray("…", "latin-1").
func callByteArray(l *loader, args []ref) (ref, bool) {
	switch {
	case len(args) == 0:
		return l.addText(ByteArray, inTexts, ""), true
	case len(args) == 1 && l.kind(args[0]) == Bytes:
		n := l.node(args[0])
		n.kind = ByteArray
		return l.add(n), true
	case len(args) == 2:
		return l.encode(ByteArray, args)
	}
	return 0, false
}

// callEncode: _codecs.encode("…", "latin1") is how bytes are written with protocols to 2.
func callEncode(l *loader, args []ref) (ref, bool) {
	if len(args) != 2 {
		return 0, false
	}
	return l.encode(Bytes, args)
}

func (l *loader) encode(k Type, args []ref) (ref, bool) {
	if l.kind(args[0]) != Str || l.kind(args[1]) != Str {
		return 0, false
	}
	if encoding := l.text(l.node(args[1])); encoding != "latin1" && encoding != "latin-1" {
		return 0, false
	}
	text := l.text(l.node(args[0]))
	if !l.spend(len(text)) {
		return 0, false
	}
	text, ok := latin1(text)
	if !ok {
		return 0, false
	}
	return l.addText(k, inTexts, text), true
}

// callReconstructor: _reconstructor(class, base, state) of Lib/copyreg.py is how protocols 0 and 1 write objects.
func callReconstructor(l *loader, args []ref) (ref, bool) {
	if len(args) != 3 || l.kind(args[0]) != Global {
		return 0, false
	}
	class := l.names[l.node(args[0]).a]
	if class.module == "django.utils.safestring" && strings.HasPrefix(class.name, "Safe") && l.kind(args[2]) == Str {
		return args[2], true
	}
	return l.opaqueOf(args[0]), true
}

// callOrderedDict: Python 2 gave a list of pairs; Python 3 sets the items later.
func callOrderedDict(l *loader, args []ref) (ref, bool) {
	pairs, ok := l.iterable(args)
	if !ok {
		return 0, false
	}
	items := make([]ref, 0, 2*len(pairs))
	for _, r := range pairs {
		pair := l.items(r)
		if k := l.kind(r); len(pair) != 2 || k != List && k != Tuple {
			return 0, false
		}
		items = append(items, pair...)
	}
	r := l.add(node{kind: OrderedDict})
	return r, l.setItems(r, items) == nil
}

func callDecimal(l *loader, args []ref) (ref, bool) {
	if len(args) != 1 || l.kind(args[0]) != Str {
		return 0, false
	}
	n := l.node(args[0])
	if !l.spend(len(l.text(n))) {
		return 0, false
	}
	d, ok := parseDecimal(l.text(n))
	if !ok {
		return 0, false
	}
	if text := d.String(); text != l.text(n) {
		return l.addText(Decimal, inTexts, text), true
	}
	n.kind = Decimal
	return l.add(n), true
}

// callLazy: _lazy_proxy_unpickle(func, args, kwargs, *resultclasses) of django/utils/functional.py, 1.11 to 6.1. The
// text of gettext and the like is their first argument, and that of pgettext, which has a context before it, the
// second.
func callLazy(l *loader, args []ref) (ref, bool) {
	if len(args) < 3 || l.kind(args[0]) != Global || l.kind(args[1]) != Tuple {
		return 0, false
	}
	first := 0
	if strings.HasSuffix(l.names[l.node(args[0]).a].name, "pgettext") {
		first = 1
	}
	texts := l.items(args[1])
	if len(texts) <= first || l.kind(texts[first]) != Str {
		return 0, false
	}
	n := l.node(texts[first])
	n.kind = Lazy
	return l.add(n), true
}

// callLazyObject: unpickle_lazyobject(wrapped) of the same file returns what it gets.
func callLazyObject(_ *loader, args []ref) (ref, bool) {
	if len(args) != 1 {
		return 0, false
	}
	return args[0], true
}

// callSafeString: a SafeString (SafeText to Django 1.11) is a str.
func callSafeString(l *loader, args []ref) (ref, bool) {
	if len(args) != 1 || l.kind(args[0]) != Str {
		return 0, false
	}
	return args[0], true
}
