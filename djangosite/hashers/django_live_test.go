//go:build live

package hashers_test

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
	"django-sidecar/internal/djangotest"
)

// A django is a real Django's hashers.
type django struct {
	*djangotest.Conversation
	version djangosession.Version
	bcrypt  int
	argon2  int
}

type question struct {
	Op        string   `json:"op"`
	Hashers   []string `json:"hashers"`
	Algorithm string   `json:"algorithm"`
	Password  string   `json:"password"`
	Encoded   string   `json:"encoded"`
}

type answer struct {
	Error                   string
	Encoded                 string
	Correct, Update, Usable bool
}

func (d *django) ask(t *testing.T, q question) answer {
	t.Helper()
	var a answer
	d.Ask(t, q, &a)
	return a
}

func (d *django) make(t *testing.T, password string, list ...string) string {
	t.Helper()
	a := d.ask(t, question{Op: "make", Hashers: list, Password: password})
	if a.Error != "" {
		t.Fatalf("Django %s makes no hash by %q: %s", d.version, list, a.Error)
	}
	return a.Encoded
}

func (d *django) list(t *testing.T, list ...string) *hashers.List {
	t.Helper()
	l, err := hashers.New(hashers.Options{Version: d.version, Hashers: list, BcryptMajor: d.bcrypt, Argon2HashBytes: d.argon2})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// compare puts one question to both. Whoever cannot read a hash may say so or call the password wrong.
func (d *django) compare(t *testing.T, l *hashers.List, password, encoded string, list ...string) answer {
	t.Helper()
	want := d.ask(t, question{Op: "check", Hashers: list, Password: password, Encoded: encoded})
	got, err := l.Check(password, encoded)
	if got.Correct != want.Correct || got.MustUpdate != want.Update || err != nil && want.Correct {
		t.Errorf("Django %s, %q, %q, %q: got %+v, %v, want %+v", d.version, list, password, encoded, got, err, want)
	}
	return want
}

// everyDjango runs a test with each Django.
func everyDjango(t *testing.T, test func(t *testing.T, d *django)) {
	t.Helper()
	for _, version := range djangotest.Lines {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(context.WithoutCancel(t.Context()), djangotest.Python(t, version), "testdata/hashers.py")
			cmd.Env = append(cmd.Environ(), "RUST_BACKTRACE=0") // bcrypt 4 and 5 panic at some texts, and a trace takes its time
			d := &django{Conversation: djangotest.Converse(t, "Django "+version, cmd), version: djangosession.MustVersion(version)}
			facts := struct{ Bcrypt, Argon2 int }{}
			d.Ask(t, question{Op: "facts"}, &facts)
			d.bcrypt, d.argon2 = facts.Bcrypt, facts.Argon2
			test(t, d)
		})
	}
}

// cheap are classes of a project that take no time, each with another one whose hashes it must update.
func cheap(v djangosession.Version) [][2]string {
	list := [][2]string{
		{"shop.A = PBKDF2PasswordHasher iterations=30", "shop.B = PBKDF2PasswordHasher iterations=29"},
		{"shop.C = PBKDF2SHA1PasswordHasher iterations=30", "shop.D = PBKDF2SHA1PasswordHasher iterations=31"},
		{"shop.E = Argon2PasswordHasher time_cost=1 memory_cost=64 parallelism=2", "shop.F = Argon2PasswordHasher time_cost=2 memory_cost=70 parallelism=3"},
		{"shop.G = BCryptSHA256PasswordHasher rounds=5", "shop.H = BCryptSHA256PasswordHasher rounds=4"},
		{"shop.I = BCryptPasswordHasher rounds=4", "shop.J = BCryptPasswordHasher rounds=5"},
		{"shop.K = MD5PasswordHasher salt_entropy=128", "shop.L = MD5PasswordHasher salt_entropy=70"},
	}
	if v.AtLeast(4, 0) {
		list = append(list, [2]string{"shop.M = ScryptPasswordHasher work_factor=16", "shop.N = ScryptPasswordHasher work_factor=32 block_size=4 parallelism=2"})
	}
	if !v.AtLeast(5, 1) {
		list = append(list, [2]string{"shop.O = SHA1PasswordHasher salt_entropy=128", "shop.P = SHA1PasswordHasher salt_entropy=70"},
			[2]string{"shop.Q = UnsaltedMD5PasswordHasher salt_entropy=128", "shop.Q = UnsaltedMD5PasswordHasher salt_entropy=128"},
			[2]string{"shop.R = UnsaltedSHA1PasswordHasher salt_entropy=128", "shop.R = UnsaltedSHA1PasswordHasher salt_entropy=128"})
	}
	return list
}

// TestHashersAsDjango: hashes of either side are read by the other, the same are made again, and what is spoiled is
// never right.
func TestHashersAsDjango(t *testing.T) {
	passwords := []string{"", "s3cret", "pässwörd ✓ 😀 ١٢", " spaces ", strings.Repeat("x", 72), strings.Repeat("ü", 40), "a\x00b"}
	everyDjango(t, func(t *testing.T, d *django) {
		pairs := cheap(d.version)
		var all []string
		for _, pair := range pairs {
			all = append(all, pair[0])
		}
		for i, pair := range pairs {
			list := append([]string{pair[0]}, append(slices.Clone(all[:i]), all[i+1:]...)...)
			l, next := d.list(t, list...), append(slices.Clone(all[i+1:]), all[:i]...)
			nextList := d.list(t, append(next, pair[0])...)
			for _, password := range passwords {
				made := d.ask(t, question{Op: "make", Hashers: list, Password: password})
				mine, err := l.Make(password)
				if (made.Error != "") != (err != nil) {
					t.Errorf("Django %s, %s, %q: %v, and Django says %q", d.version, pair[0], password, err, made.Error)
				}
				if err != nil || made.Error != "" {
					continue
				}
				for _, encoded := range []string{made.Encoded, mine} {
					if a := d.compare(t, l, password, encoded, list...); !a.Correct || a.Update {
						t.Errorf("Django %s: %q is %+v, want right and up to date", d.version, encoded, a)
					}
					d.compare(t, l, password+"x", encoded, list...)
					if a := d.compare(t, nextList, password, encoded, append(next, pair[0])...); !a.Update {
						t.Errorf("Django %s: %q is %+v, want another algorithm", d.version, encoded, a)
					}
				}
			}
			for _, encoded := range []string{d.make(t, "s3cret", pair[1]), remake(t, d.list(t, pair[1]))} {
				d.compare(t, l, "s3cret", encoded, list...)
				d.compare(t, l, "wrong", encoded, list...)
				for _, bad := range spoiled(encoded) {
					d.compare(t, l, "s3cret", bad, list...)
				}
			}
		}
	})
}

func remake(t *testing.T, l *hashers.List) string {
	t.Helper()
	encoded, err := l.Make("s3cret")
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// spoiled are texts that are nearly a hash.
func spoiled(encoded string) []string {
	list := []string{"", "$", encoded + "$", encoded + " ", encoded + "\n", " " + encoded, "!" + encoded, strings.ToUpper(encoded), strings.Repeat(encoded, 2)}
	parts := strings.Split(encoded, "$")
	for i, part := range parts {
		for _, other := range []string{"", "0", "00", "1", "-1", "+5", "05", " 5", "5_0", "٥", "é", part + part, part + "=", "m=8,t=1", "m=64,t=1,p=2,x=1", "argon2id", "argon2i", "31", "v=19"} {
			changed := slices.Clone(parts)
			changed[i] = other
			list = append(list, strings.Join(changed, "$"))
		}
		list = append(list, strings.Join(slices.Delete(slices.Clone(parts), i, i+1), "$"))
	}
	for i := 0; i < len(encoded); i += 5 {
		list = append(list, encoded[:i], encoded[:i]+encoded[i+1:], encoded[:i]+"z"+encoded[i+1:])
	}
	// Bounds: Django would count for minutes, or take what memory there is.
	return slices.DeleteFunc(list, func(s string) bool { return strings.Contains(s, "bcrypt") && strings.Contains(s, "$31$") })
}

// TestDefaultHashersAsDjango: the lists, iterations and salts of each release.
func TestDefaultHashersAsDjango(t *testing.T) {
	everyDjango(t, func(t *testing.T, d *django) {
		l := d.list(t)
		encoded := d.make(t, "s3cret")
		if a := d.compare(t, l, "s3cret", encoded); !a.Correct || a.Update {
			t.Errorf("%+v", a)
		}
		mine, err := l.Make("s3cret")
		if err != nil {
			t.Fatal(err)
		}
		if a := d.compare(t, l, "s3cret", mine); !a.Correct || a.Update || len(mine) != len(encoded) {
			t.Errorf("%+v, %q and %q", a, mine, encoded)
		}
		algorithms := []string{"pbkdf2_sha1", "argon2", "bcrypt_sha256"}
		if d.version.AtLeast(4, 0) {
			algorithms = append(algorithms, "scrypt")
		}
		for _, algorithm := range algorithms {
			made := d.ask(t, question{Op: "make", Password: "s3cret", Algorithm: algorithm})
			own, err := l.MakeWith("s3cret", "", algorithm)
			if err != nil || len(own) != len(made.Encoded) || slices.Compare(costsOf(own), costsOf(made.Encoded)) != 0 {
				t.Errorf("Django %s: %q, %v, and Django %q", d.version, own, err, made.Encoded)
			}
			d.compare(t, l, "s3cret", made.Encoded)
			d.compare(t, l, "s3cret", own)
		}
		const fast = "shop.A = PBKDF2PasswordHasher iterations=30" // what nobody can log in with takes the time of the first hasher
		l = d.list(t, fast)
		unusable, err := l.MakeUnusable()
		if a := d.compare(t, l, "s3cret", unusable, fast); err != nil || a.Usable || hashers.IsUsable(unusable) {
			t.Errorf("%q is usable, %v", unusable, err)
		}
		for _, unknown := range []string{"bcrypt$$2b$04$abc", "md5$a$b", "sha1$$0123456789012345678901234567890123456789", strings.Repeat("a", 32), "what$ever"} {
			d.compare(t, l, "s3cret", unknown, fast)
		}
	})
}

// costsOf are the parts of a hash that are no salt and no hash.
func costsOf(encoded string) []string {
	parts := strings.Split(encoded, "$")
	return slices.DeleteFunc(parts, func(s string) bool { return len(s) > 20 || len(s) == 12 || len(s) == 16 && !strings.Contains(s, "=") })
}

// TestLongPasswords: what Python's bcrypt does with more than 72 bytes and with NULs depends on its version.
func TestLongPasswords(t *testing.T) {
	const list = "shop.I = BCryptPasswordHasher rounds=4"
	everyDjango(t, func(t *testing.T, d *django) {
		l := d.list(t, list)
		encoded := d.make(t, strings.Repeat("x", 72), list)
		for _, password := range []string{strings.Repeat("x", 72), strings.Repeat("x", 73), strings.Repeat("x", 71), "a\x00b"} {
			want := d.compare(t, l, password, encoded, list)
			if _, err := l.Check(password, encoded); (err != nil) != (want.Error != "") {
				t.Errorf("Django %s, bcrypt %d, %d bytes: %v, and Django says %q", d.version, d.bcrypt, len(password), err, want.Error)
			}
		}
	})
}
