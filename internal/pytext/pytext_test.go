package pytext_test

import (
	"strings"
	"testing"

	"django-sidecar/internal/pytext"
)

// TestTexts has what CPython 3.13 answers.
func TestTexts(t *testing.T) {
	for _, tt := range []struct{ what, got, want string }{
		{`"\x1c\u00a0 a \x85".strip()`, pytext.Strip("\x1c\u00a0 a \u0085"), "a"},
		{`"\u200ba".strip()`, pytext.Strip("\u200ba"), "\u200ba"},
		{`b"\xe2\x82x\xff\xf0\x9f\x98".decode(errors="replace")`, pytext.DecodeUTF8("\xe2\x82x\xff\xf0\x9f\x98"), "\ufffdx\ufffd\ufffd"},
		{`b"\xed\xa0\x80\xc3\xa9".decode(errors="replace")`, pytext.DecodeUTF8("\xed\xa0\x80\xc3\xa9"), "\ufffd\ufffd\ufffdé"},
		{`b"\xe9a".decode("latin1")`, pytext.DecodeLatin1("\xe9a"), "éa"},
		{`"\udc80😀".encode("utf-8", "surrogatepass")`, string(pytext.AppendRune(pytext.AppendRune(nil, 0xdc80), '😀')), "\xed\xb2\x80😀"},
		{`json.dumps("é\x7f😀")`, string(pytext.AppendASCII(nil, `"é`+"\x7f"+`😀"`)), `"\u00e9\u007f\ud83d\ude00"`},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %q here, want %q", tt.what, tt.got, tt.want)
		}
	}
}

// TestDigit: int("٣") is 3; int("²") raises.
func TestDigit(t *testing.T) {
	for r, want := range map[rune]int{'7': 7, '٣': 3, '９': 9, '𝟠': 8, '²': -1, 'a': -1, '½': -1, '/': -1, ':': -1} {
		value, ok := pytext.Digit(r)
		if ok != (want >= 0) || ok && value != want {
			t.Errorf("%c: %d, %v, want %d", r, value, ok, want)
		}
	}
}

func TestRandomString(t *testing.T) {
	t.Parallel()
	// 0x3e and 0x3f are no characters of 62; 0xc1 is 1 beyond its upper bits.
	text, err := pytext.RandomString(strings.NewReader("\x00\x19\x1a\x3e\x3f\x3d\xc1"), pytext.LettersAndDigits, 5)
	if text != "azA9b" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := pytext.RandomString(strings.NewReader("\x00\x3f"), pytext.LettersAndDigits, 2); text != "" || err == nil {
		t.Errorf("without randomness: %q, %v", text, err)
	}
}
