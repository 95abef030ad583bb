package pickle_test

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"django-sidecar/internal/pickle"
)

func TestValues(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"None", "N.", "null"},
		{"what follows is ignored", "N.N.", "null"},
		{"protocol 5", "\x80\x05\x88.", "true"},
		{"a frame", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x05.", "5"},
		{"I01 is True", "I01\n.", "true"},
		{"I1 is not", "I1\n.", "1"},
		{"an octal number, which only INT has", "I010\n.", "8"},
		{"spaces and underscores", "I 1_000 \n.", "1000"},
		{"the largest small integer", "J\xff\xff\xff\x3f.", "1073741823"},
		{"one larger", "J\x00\x00\x00\x40.", "1073741824"},
		{"the smallest BININT", "J\x00\x00\x00\x80.", "-2147483648"},
		{"an empty LONG1", "\x8a\x00.", "0"},
		{"a LONG1 with a sign too many", "\x8a\x0a\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00.", "5"},
		{"a negative one is the same number", "\x8f(J\xfb\xff\xff\xff\x8a\x0a\xfb\xff\xff\xff\xff\xff\xff\xff\xff\xff\x90.", `{"__class__": "set", "value": [-5]}`},
		{"2^63", "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "9223372036854775808"},
		{"-2^64", "L-18446744073709551616L\n.", "-18446744073709551616"},
		{"hexadecimal text", "L-0xffL\n.", "-255"},
		{"floats", "(F1.5\nFnan\nF-inf\nG?\xf0\x00\x00\x00\x00\x00\x00l.", "[1.5, NaN, -Infinity, 1.0]"},
		{"a str of Python 2", "S'it\\'s \\x41\\n\\101\\q'\n.", `"it's A\nA\\q"`},
		{"raw-unicode-escape", "V\\u00e9\xe9\\U0001f600\\\\u0041\\\n.", `"\u00e9\u00e9\ud83d\ude00\\\\u0041\\"`},
		{"a lone surrogate", "\x8c\x03\xed\xa0\x80.", `"\ud800"`},
		{"bytes", "C\x02a\xff.", `{"__class__": "bytes", "value": "a\u00ff"}`},
		{"a bytearray", "\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", `{"__class__": "bytearray", "value": "a"}`},
		{"a memoryview of it", "\x96\x01\x00\x00\x00\x00\x00\x00\x00a\x98.", `{"__class__": "builtins.memoryview"}`},
		{"tuples", "(K\x01K\x02K\x03K\x04t\x85.", `{"__class__": "tuple", "value": [{"__class__": "tuple", "value": [1, 2, 3, 4]}]}`},
		{"a list that grows", "](K\x01K\x02eK\x03a.", "[1, 2, 3]"},
		{"an item of a list is set", "](K\x01K\x02eJ\xff\xff\xff\xffNs.", "[1, null]"},
		{"1, 1.0, True and Decimal 1 are one key", "}(K\x01NG?\xf0\x00\x00\x00\x00\x00\x00\x88cdecimal\nDecimal\nV1.00\n\x85RK\x02u.", `{"__class__": "dict", "value": [[1, 2]]}`},
		{"0.5 and Decimal 0.50 are one key", "\x8f(F0.5\ncdecimal\nDecimal\nV0.50\n\x85R\x90.", `{"__class__": "set", "value": [0.5]}`},
		{"tuples are keys by their members", "\x8f(K\x01K\x02\x86\x88G@\x00\x00\x00\x00\x00\x00\x00\x86\x90.", `{"__class__": "set", "value": [{"__class__": "tuple", "value": [1, 2]}]}`},
		{"frozensets, whatever their order", "\x8f((K\x01K\x02\x91(K\x02K\x01\x91\x90.", `{"__class__": "set", "value": [{"__class__": "frozenset", "value": [1, 2]}]}`},
		{"a set of many, with some again", "\x8f(" + many(40) + many(30) + "\x90.", `{"__class__": "set", "value": ` + inOrder(40) + `}`},
		{"a dict of many, with some again", "ccollections\nOrderedDict\n)R(" + strings.ReplaceAll(many(20), "K", "NK")[1:] + "N" + strings.Repeat("K\x05\x88", 3) + "u.", pairs(20, 5)},
		{"texts and bytes are different keys", "\x8f(U\x01aC\x01a\x90.", `{"__class__": "set", "value": ["a", {"__class__": "bytes", "value": "a"}]}`},
		{"the key that was first stays", "}(\x88K\x01K\x01K\x02u.", `{"__class__": "dict", "value": [[true, 2]]}`},
		{"a dict like a placeholder", "}U\x09__class__Ns.", `{"__class__": "dict", "value": [["__class__", null]]}`},
		{"the memo", "]q\x00h\x00a(U\x01ap1\n0g1\n\x940h\x021.", "[{\"__class__\": \"list\"}]"[:0] + depth(100)},
		{"the second of two times", "cdatetime\ntime\nC\x06\x97\x01\x02\x00\x00\x00\x85R.", `{"__class__": "datetime.time", "value": "23:01:02"}`},
		{"a datetime", datetime + "\x85R.", `{"__class__": "datetime.datetime", "value": "2026-01-02T03:04:05.000006"}`},
		{"one of Python 2", "cdatetime\ndatetime\n(V\\u0007\\u00ea\x01\x02\x03\x04\x05\\u0000\\u0000\x06\ntR.", `{"__class__": "datetime.datetime", "value": "2026-01-02T03:04:05.000006"}`},
		{"one in UTC of pytz", datetime + "cpytz\n_UTC\n)R\x86R.", `{"__class__": "datetime.datetime", "value": "2026-01-02T03:04:05.000006+00:00"}`},
		{"one in a zone that is not known", datetime + "cpytz\n_p\n)R\x86R.", `{"__class__": "datetime.datetime", "value": "2026-01-02T03:04:05.000006", "tzinfo": {"__class__": "pytz._p"}}`},
		{"one with arguments that Python does not write", "cdatetime\ndatetime\nM\xea\x07K\x01K\x01\x87R.", `{"__class__": "datetime.datetime"}`},
		{"a UUID", uuid + "}U\x03intK\x01sb.", `{"__class__": "uuid.UUID", "value": "00000000-0000-0000-0000-000000000001"}`},
		{"a UUID without a number", uuid + ".", `{"__class__": "uuid.UUID"}`},
		{"an OrderedDict with attributes", "ccollections\nOrderedDict\n)R}U\x01aK\x01sb.", `{"__class__": "collections.OrderedDict", "value": []}`},
		{"an OrderedDict with slots", "ccollections\nOrderedDict\n)RN}U\x01aK\x01s\x86b.", `{"__class__": "collections.OrderedDict", "value": []}`},
		{"a UUID with two numbers", uuid + "}U\x03intK\x01sb}U\x03intK\x02sb.", `{"__class__": "uuid.UUID", "value": "00000000-0000-0000-0000-000000000002"}`},
		{"a UUID that loses its number", uuid + "}U\x03intK\x01sb}b.", `{"__class__": "uuid.UUID"}`},
		{"a UUID of 129 bits", uuid + "}U\x03int\x8a\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01sb.", `{"__class__": "uuid.UUID"}`},
		{"a Decimal that str() would write otherwise", "cdecimal\nDecimal\nV1e2\n\x85R.", `{"__class__": "decimal.Decimal", "value": "1E+2"}`},
		{"a small one without an exponent", "cdecimal\nDecimal\nV1e-6\n\x85R.", `{"__class__": "decimal.Decimal", "value": "0.000001"}`},
		{"a smaller one with it", "cdecimal\nDecimal\nV0.0000001\n\x85R.", `{"__class__": "decimal.Decimal", "value": "1E-7"}`},
		{"a safe string", "cdjango.utils.safestring\nSafeText\nU\x01a\x85\x81.", `"a"`},
		{"one in protocol 0", "ccopy_reg\n_reconstructor\n(cdjango.utils.safestring\nSafeText\nc__builtin__\nunicode\nVa\ntR.", `"a"`},
		{"a lazy string", lazy + "cdjango.utils.translation\ngettext\n(U\x02Hit}c__builtin__\nunicode\ntR.", `{"__class__": "django.utils.functional.lazy", "value": "Hi"}`},
		{"one with a context", lazy + "cdjango.utils.translation\npgettext\n(U\x01cU\x02Hit}tR.", `{"__class__": "django.utils.functional.lazy", "value": "Hi"}`},
		{"a lazy object", "cdjango.utils.functional\nunpickle_lazyobject\nK\x05\x85R.", "5"},
		{"an object of an application", "ccart\nCart\n)\x81}U\x05items]sb.", `{"__class__": "cart.Cart"}`},
		{"it absorbs everything", "ccart\nCart\n)\x81(NNe(NNu(N\x90NbNaNNs.", `{"__class__": "cart.Cart"}`},
		{"what it makes, it may make something, too", "ccart\nCart\n)RN\x85R.", `{"__class__": "cart.Cart"}`},
		{"INST and OBJ", "((icart\nCart\n(ccart\nCart\nNot.", `{"__class__": "tuple", "value": [{"__class__": "cart.Cart"}, {"__class__": "cart.Cart"}]}`},
		{"NEWOBJ_EX", "ccart\nCart\n)}U\x01aNs\x92.", `{"__class__": "cart.Cart"}`},
		{"a class", "c__builtin__\nunicode\n.", `{"__class__": "type", "value": "builtins.str"}`},
		{"nothing is called", "cos\nsystem\nU\x04true\x85R.", `{"__class__": "os.system"}`},
		{"nothing is found", "\x8c\x02os\x8c\x06system\x93.", `{"__class__": "type", "value": "os.system"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := pickle.Loads(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(v.AppendJSON(nil)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

const (
	datetime = "cdatetime\ndatetime\nC\x0a\x07\xea\x01\x02\x03\x04\x05\x00\x00\x06"
	uuid     = "cuuid\nUUID\n)\x81"
	lazy     = "cdjango.utils.functional\n_lazy_proxy_unpickle\n("
)

// depth is a list that holds itself, as far as it is written.
func depth(n int) string {
	return strings.Repeat("[", n) + `{"__class__": "list"}` + strings.Repeat("]", n)
}

// many are the integers from 0 to n-1.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("K" + string([]byte{byte(i)}))
	}
	return b.String()
}

// inOrder are they in JSON, as a set has them.
func inOrder(n int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = strconv.Itoa(i)
	}
	slices.Sort(texts)
	return "[" + strings.Join(texts, ", ") + "]"
}

// pairs is an OrderedDict with them as keys and nothing as values, but True for one.
func pairs(n, one int) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("[%d, %v]", i, map[bool]string{true: "true", false: "null"}[i == one])
	}
	return `{"__class__": "collections.OrderedDict", "value": [` + strings.Join(texts, ", ") + `]}`
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct{ name, data string }{
		{"nothing", ""},
		{"no end", "N"},
		{"an end without a value", "."},
		{"a value below a mark", "N(."},
		{"JSON", `{"_auth_user_id": "42"}`},
		{"an unknown opcode", "\xff."},
		{"protocol 6", "\x80\x06N."},
		{"a frame that is cut short", "\x95\x09\x00\x00\x00\x00\x00\x00\x00N."},
		{"a text that is cut short", "\x8c\x05abc."},
		{"bytes of 16 TiB", "\x8e\x00\x00\x00\x00\x00\x10\x00\x00."},
		{"a text of -1 bytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff."},
		{"an integer of -1 bytes", "\x8b\xff\xff\xff\xff."},
		{"no UTF-8", "\x8c\x01\xff."},
		{"half a surrogate", "\x8c\x02\xed\xa0."},
		{"a str of Python 2 beyond ASCII", "U\x01\xe9."},
		{"one with an escape beyond ASCII", "S'\\xe9'\n."},
		{"one without quotes", "Sa\n."},
		{"an escape that is cut short", "V\\u00e\n."},
		{"an escape beyond Unicode", "V\\U00110000\n."},
		{"no number", "Ix\n."},
		{"an octal LONG", "L010L\n."},
		{"more than 4300 digits", "L" + strings.Repeat("9", 4301) + "L\n."},
		{"a float too large", "F1e999\n."},
		{"a float with an underscore", "F1_0\n."},
		{"a float of Go's", "F0x1p4\n."},
		{"an index that the memo has not", "h\x00."},
		{"a negative index", "Np-1\n."},
		{"no mark", "t."},
		{"a tuple over a mark", "N(\x85."},
		{"a key without a value", "(Nd."},
		{"a list as a key", "}]Ns."},
		{"a tuple with a list as a key", "}]\x85Ns."},
		{"a set in a set", "\x8f(\x8f\x90."},
		{"a bytearray in a frozenset", "(\x96\x00\x00\x00\x00\x00\x00\x00\x00\x91."},
		{"an item of a list that has it not", "]K\x00Ns."},
		{"append to a list below a mark", "]((Ne1."},
		{"an item of a dict below a mark", "}((NNu1."},
		{"append to a dict", "}Na."},
		{"append to None", "NNa."},
		{"an item of a text", "U\x01aK\x00Ns."},
		{"add to a list", "](N\x90."},
		{"the state of a list", "]}b."},
		{"an attribute of a list", "]N}U\x01aK\x01s\x86b."},
		{"an attribute without a name", "ccollections\nOrderedDict\n)RN}K\x01K\x01s\x86b."},
		{"attributes that are no dict", "ccollections\nOrderedDict\n)RNN\x86b."},
		{"a call of a text", "U\x01a)R."},
		{"a call without a tuple", "ccart\nCart\n]R."},
		{"an object of a function", "c_codecs\nencode\n)\x81."},
		{"keyword arguments that are no dict", "ccart\nCart\n)N\x92."},
		{"a global with an integer for a name", "U\x02osK\x01\x93."},
		{"a global without a name", "cos\n\n."},
		{"a global that is no UTF-8", "cos\n\xff\n."},
		{"a persistent id", "P1\n."},
		{"a binary persistent id", "NQ."},
		{"an extension", "\x82\x01."},
		{"a buffer beside the pickle", "\x97."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if v, err := pickle.Loads(tt.data); err == nil {
				t.Errorf("got %s", v.AppendJSON(nil))
			}
		})
	}
}

// TestHostile: what is made to cost much costs little, in time and in memory.
func TestHostile(t *testing.T) {
	const size = 1 << 20
	fill := func(begin, unit, end string) string {
		return begin + strings.Repeat(unit, (size-len(begin)-len(end))/len(unit)) + end
	}
	var dense, sparse, keys strings.Builder
	for i := range size / 9 {
		sparse.WriteString("r" + string([]byte{byte(i), byte(i >> 8), byte(i >> 16), 0x7f}))
		keys.WriteString("J" + string([]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}) + "\x85N")
		dense.WriteString("\x94")
	}
	for _, tt := range []struct{ name, data string }{
		{"None", fill("", "N", ".")},
		{"empty lists", fill("", "]", ".")},
		{"empty sets", fill("", "\x8f", ".")},
		{"empty texts", fill("", "\x8c\x00", ".")},
		{"lists of one", fill("", "]Na", ".")},
		{"sets of one", fill("", "\x8f(N\x90", ".")},
		{"sets of nine", fill("", "\x8f(K\x01K\x02K\x03K\x04K\x05K\x06K\x07K\x08K\x09\x90", ".")},
		{"dicts of one", fill("", "}NNs", ".")},
		{"floats", fill("", "G?\xf0\x00\x00\x00\x00\x00\x00", ".")},
		{"marks", fill("", "(", ".")},
		{"copies", fill("N", "2", ".")},
		{"the memo", fill("N", "\x94", ".")},
		{"an empty memo", "N" + sparse.String() + "."},
		{"a list that grows", fill("]", "Na", ".")},
		{"nested tuples", fill("N", "\x85", ".")},
		{"nested lists", fill("", "]2a", ".")},
		{"tuples that double", fill(")", "2\x86", ".")},
		{"tuples that double as keys", fill("}(", ")2\x862\x862\x862\x862\x862\x862\x862\x862\x862\x862\x862\x862\x862\x86N", "u.")},
		{"deep keys", "}" + strings.Repeat("N\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85Ns", size/18) + "."},
		{"different keys", "}(" + keys.String() + "u."},
		{"a key that is always there", fill("}(", "K\x01N", "u.")},
		{"large integers as keys", fill("}(", "\x8a\x40"+strings.Repeat("\x7f", 64)+"N", "u.")},
		{"Decimals as keys", fill("cdecimal\nDecimal\nV9E40\n\x85Rq\x000}(", "h\x00N", "u.")},
		{"Decimals", fill("", "cdecimal\nDecimal\nV9E-300\n\x85RU\x010", ".")},
		{"a LONG4 of a mebibyte", "\x8b\x00\x00\x0f\x00" + strings.Repeat("\x7f", 15<<16) + "."},
		{"digits", fill("L", "9", "L\n.")},
		{"lines of digits", fill("", "L"+strings.Repeat("9", 4300)+"L\n", ".")},
		{"hexadecimal digits", fill("L0x", "f", "L\n.")},
		{"escapes", fill("V", "\\u0041", "\n.")},
		{"globals", fill("", "ca\na\n", ".")},
		{"objects", fill("ca\na\nq\x00", "h\x00)R", ".")},
		{"sets of the same list", fill("](K\x01K\x02K\x03K\x04K\x05K\x06K\x07K\x08K\x09eq\x00", "cbuiltins\nset\nh\x00\x85R", ".")},
		{"long sets of the same list", "](" + strings.Repeat("K\x01K\x02", 100000) + "e\x85q\x000cbuiltins\nset\nq\x01" + strings.Repeat("h\x01h\x00R", size/10) + "."},
		{"surrogates", "\x8d\x00\x00\x0f\x00\x00\x00\x00\x00" + strings.Repeat("\xed\xa0\x80", 5<<16) + "."},
		{"the same long text as a key", "}X\x00\x00\x08\x00" + strings.Repeat("k", 8<<16) + "q\x00N" + "sX\x00\x00\x04\x00" + strings.Repeat("k", 4<<16) + "q\x010(" + strings.Repeat("h\x00Nh\x01N", 4<<12) + "u."},
		{"a long text as bytes", "X\x00\x00\x08\x00" + strings.Repeat("k", 8<<16) + "U\x06latin1\x86q\x00c_codecs\nencode\nq\x01" + strings.Repeat("h\x01h\x00R", 5<<14) + "."},
		{"a long name", "X\x00\x00\x08\x00" + strings.Repeat("k", 8<<16) + "q\x00" + strings.Repeat("h\x00h\x00\x93", 5<<14) + "."},
		{"a long number as a UUID", "}U\x03int\x8b\x00\x00\x08\x00" + strings.Repeat("k", 8<<16) + "sq\x000cuuid\nUUID\n)\x81" + strings.Repeat("h\x00b", 5<<15) + "."},
		{"a long dict as a UUID", "}(" + keys.String() + "uq\x000cuuid\nUUID\n)\x81" + strings.Repeat("h\x00b", 5<<15) + "."},
		{"the same date as a key", "cdatetime\ndate\nC\x04\x07\xea\x01\x02\x85Rq\x000}(" + strings.Repeat("h\x00N", 5<<16) + "u."},
		{"the same time as a key", datetime + "\x85Rq\x000}(" + strings.Repeat("h\x00N", 5<<16) + "u."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			v, err := pickle.Loads(tt.data)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			allocated := float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)
			begin = time.Now()
			written := 0
			if err == nil {
				written = len(v.AppendJSON(nil))
			}
			t.Logf("%v and %.1f MiB, then %d bytes of JSON in %v; %v", took.Round(time.Microsecond), allocated, written, time.Since(begin).Round(time.Microsecond), err)
			if allocated > 128 || took > 20*time.Second || time.Since(begin) > 20*time.Second || written > 16<<20 {
				t.Error("that is too much")
			}
		})
	}
}
