package hashers

import "testing"

// counted is a hasher of the password "right", which counts how often it takes its time.
type counted struct {
	old                         bool // its hashes are cheaper than new ones
	encoded, verified, hardened int
}

func (c *counted) encode(string, string) (string, error) {
	c.encoded++
	return "first$hash", nil
}

func (c *counted) verify(password, _ string) (bool, error) {
	c.verified++
	return password == "right", nil
}

func (c *counted) mustUpdate(string) (bool, error) { return c.old, nil }

func (c *counted) harden(string, string) { c.hardened++ }

// TestEqualize: nobody learns from the clock who exists: each refusal takes the time of one hash of the first hasher, or
// of the hasher that the user's hash is of.
func TestEqualize(t *testing.T) {
	type runs struct{ encoded, verified, hardened, others int }
	for _, tt := range []struct {
		of   string
		ask  func(l *List)
		old  bool
		want runs
	}{
		{"nobody", func(l *List) { l.Equalize("wrong") }, false, runs{encoded: 1}},
		{"an unusable password", checks("wrong", "!first$hash"), false, runs{encoded: 1}},
		{"no hash", checks("wrong", ""), false, runs{encoded: 1}},
		{"an unknown algorithm", checks("wrong", "crypt$hash"), false, runs{encoded: 1}},
		{"a wrong password", checks("wrong", "first$hash"), false, runs{verified: 1}},
		{"a wrong password of a cheaper hash", checks("wrong", "first$hash"), true, runs{verified: 1, hardened: 1}},
		{"a wrong password of another hasher", checks("wrong", "second$hash"), false, runs{others: 1}},
		{"the right password", checks("right", "first$hash"), false, runs{verified: 1}},
		{"the right password of a cheaper hash", checks("right", "first$hash"), true, runs{verified: 1}},
	} {
		first, second := &counted{old: tt.old}, &counted{}
		preferred := &class{algorithm: "first", hasher: first}
		tt.ask(&List{preferred: preferred, byAlgorithm: map[string]*class{"first": preferred, "second": {algorithm: "second", hasher: second}}})
		got := runs{first.encoded, first.verified, first.hardened, second.encoded + second.verified + second.hardened}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.of, got, tt.want)
		}
	}
}

func checks(password, encoded string) func(*List) {
	return func(l *List) { _, _ = l.Check(password, encoded) }
}
