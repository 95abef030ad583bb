package djangosession_test

import (
	"strings"
	"testing"

	"django-sidecar/djangosession"
)

// TestStrOfListsAndDictionaries: CharField.to_python makes a text of anything. The wants are from Python 3.13.
func TestStrOfListsAndDictionaries(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{`[]`, "[]"},
		{`{}`, "{}"},
		{`[1, 2]`, "[1, 2]"},
		{`[null,true,false,-0,1.0,1e16,NaN,-Infinity,1e999]`, "[None, True, False, 0, 1.0, 1e+16, nan, -inf, inf]"},
		{`[[[]],{"a":{}}]`, "[[[]], {'a': {}}]"},
		{`["it\u0027s"]`, "[\"it's\"]"},
		{`["say \"it\u0027s\""]`, "['say \"it\\'s\"']"},
		{`["say \"hi\""]`, "['say \"hi\"']"},
		{`["\\\t\n\r\u0000\u001f\u007f\u0085\u00a0\u00ad"]`, "['\\\\\\t\\n\\r\\x00\\x1f\\x7f\\x85\\xa0\\xad']"},
		{`["\u00e9\u4e2d\ud83d\ude00\u2028\ue000\ufffd\ufffe"]`, "['é中😀\\u2028\\ue000\ufffd\\ufffe']"},
		{`["\ud800","\udc00x"]`, "['\\ud800', '\\udc00x']"},
		{`{"a":1,"b":2,"a":3}`, "{'a': 3, 'b': 2}"},
		{`[0,{"a":[1,2],"b":{"c":1,"c":2},"a":{}},3]`, "[0, {'a': {}, 'b': {'c': 2}}, 3]"},
		{`{"it\u0027s":"\u0000"}`, "{\"it's\": '\\x00'}"},
		{`["\udb40\udc01"]`, "['\\U000e0001']"},
		{`[ 1 ,{ "a" : [ ] } ]`, "[1, {'a': []}]"},
		{"{\"\xe9\":[\"\xff\"]}", "{'é': ['ÿ']}"},
	} {
		got, err := djangosession.TextKey.ToPython(value(t, "5.2", tt.json), parseVersion(t, "5.2"))
		if err != nil || got != tt.want {
			t.Errorf("%s: %s, %v, want %s", tt.json, got, err, tt.want)
		}
	}
}

// TestStrReadsEachValueOnce would take minutes otherwise.
func TestStrReadsEachValueOnce(t *testing.T) {
	const depth = 4500
	inside := strings.Repeat("1, ", 150000) + "1"
	json := strings.Repeat(`[{"a": `, depth) + "[" + inside + "]" + strings.Repeat("}]", depth)
	want := strings.Repeat("[{'a': ", depth) + "[" + inside + "]" + strings.Repeat("}]", depth)
	got, err := djangosession.TextKey.ToPython(value(t, "5.2", json), parseVersion(t, "5.2"))
	if err != nil || got != want {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(want))
	}
}
