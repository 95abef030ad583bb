package hashers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite/hashers"
)

// all are the classes of Django that are read here, with costs that take no time.
var all = []string{
	"a.A = PBKDF2PasswordHasher iterations=30",
	"a.B = PBKDF2SHA1PasswordHasher iterations=30",
	"a.C = Argon2PasswordHasher time_cost=1 memory_cost=64 parallelism=2",
	"a.D = BCryptSHA256PasswordHasher rounds=4",
	"a.E = BCryptPasswordHasher rounds=4",
	"a.F = ScryptPasswordHasher work_factor=16",
	"django.contrib.auth.hashers.MD5PasswordHasher",
	"django.contrib.auth.hashers.SHA1PasswordHasher",
	"django.contrib.auth.hashers.UnsaltedMD5PasswordHasher",
	"django.contrib.auth.hashers.UnsaltedSHA1PasswordHasher",
}

func newList(tb testing.TB, version string, list ...string) *hashers.List {
	tb.Helper()
	l, err := hashers.New(hashers.Options{Version: djangosession.MustVersion(version), Hashers: list})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// TestCheck has hashes that testdata/hashers.py made with Django 1.11 and 5.2.
func TestCheck(t *testing.T) {
	const password = "pässwörd ✓"
	l := newList(t, "5.0", all...)
	for _, encoded := range []string{
		"pbkdf2_sha256$30$M2yMEApWwrei$rOY4ohGIXdRoD6zS6DTisEYPdkG+5VOlt2/Q/lN9aWo=",
		"pbkdf2_sha1$30$phEHE1O7QdVe$0pFsTZRagIxZ9aZo/JAxU06ja6s=",
		"argon2$argon2i$v=19$m=64,t=1,p=2$MkZDNzF6NGU5OFF1$FMtGwUsAqtEC0NDMvah1Iw",
		"argon2$argon2id$v=19$m=64,t=1,p=2$Ukx2bDc2OWFpdDViZUNwUTVicGJqZQ$nVIhHeuxJ3Z/Ra6oZsJwfgWtWlNAsxOdHrgIlmhOIcI",
		"bcrypt_sha256$$2b$04$3sONt3QFrapHYkF1Im9ne.yZdJ3oxle24QoHoSEw0NvH/eI7n41J6",
		"bcrypt$$2b$04$vAh276NgaS2LVODBKeid..RGBX.eIIY7tOmmjub0exIFS/qvIGfkq",
		"scrypt$16$48dikkELjlFdKIJD6iAvX2$8$5$ioQ8wQ6MW30/FyiS4YVIPNze8QacoAx98GERzwQPn6gWszhHS6a4fqTGVMENPajK/+xa9MC9i913zpuCqXpHhA==",
		"md5$fmcRmuInK9TL$9edbac327e60c5c526a142a6da725fea",
		"sha1$QeZ2lfmHTsnG$1cc064652dc4f445ea2fa2b28fe9c313bd02d928",
		"424f0acb4def3f5d2db59084752ce66d",
		"md5$$424f0acb4def3f5d2db59084752ce66d",
		"sha1$$38e7e7c8785abdabd0bbb800be9e2a2bc353b769",
	} {
		// All but the first have another algorithm than the first hasher; the first has a salt of 12 characters.
		if got, err := l.Check(password, encoded); err != nil || got != (hashers.Result{Correct: true, MustUpdate: true}) {
			t.Errorf("%s: %+v, %v", encoded, got, err)
		}
		if got, err := l.Check("password", encoded); err != nil || got != (hashers.Result{}) {
			t.Errorf("%s: %+v, %v, want a wrong password", encoded, got, err)
		}
	}
}

// TestHostileHashes: what a row says costs neither minutes nor memory, and what cannot be read is an error.
func TestHostileHashes(t *testing.T) {
	const hash = "nVIhHeuxJ3Z/Ra6oZsJwfgWtWlNAsxOdHrgIlmhOIcI"
	scrypt := func(n, r, p int) string { return fmt.Sprintf("scrypt$%d$salt$%d$%d$%s=", n, r, p, hash) }
	argon2 := func(kind string) string { return "argon2$" + kind + "$Ukx2bDc2OWFpdDViZUNwUTVicGJqZQ$" + hash }
	l := newList(t, "5.0", all...)
	for encoded, want := range map[string]error{
		"pbkdf2_sha256$10000001$salt$" + hash:                                 hashers.ErrTooExpensive,
		"pbkdf2_sha256$4294967296$salt$" + hash:                               hashers.ErrMalformed,
		"pbkdf2_sha256$0$salt$" + hash:                                        hashers.ErrMalformed,
		"pbkdf2_sha256$30$salt":                                               hashers.ErrMalformed,
		"pbkdf2_sha256$30$" + strings.Repeat("x", 2000) + "$":                 hashers.ErrMalformed,
		argon2("argon2id$v=19$m=262145,t=1,p=1"):                              hashers.ErrTooExpensive,
		argon2("argon2id$v=19$m=64,t=4000000,p=1"):                            hashers.ErrTooExpensive,
		argon2("argon2id$v=19$m=4096,t=1,p=65"):                               hashers.ErrTooExpensive,
		argon2("argon2id$v=19$m=4294967295,t=4294967295,p=4294967295"):        hashers.ErrMalformed,
		argon2("argon2id$v=19$m=64,t=0,p=1"):                                  hashers.ErrMalformed,
		argon2("argon2d$v=19$m=64,t=1,p=1"):                                   hashers.ErrUnsupported,
		argon2("argon2id$v=16$m=64,t=1,p=1"):                                  hashers.ErrUnsupported,
		argon2("argon2id$m=64,t=1,p=1"):                                       hashers.ErrUnsupported,
		argon2("argon2x$v=19$m=64,t=1,p=1"):                                   hashers.ErrMalformed,
		"bcrypt$$2b$17$vAh276NgaS2LVODBKeid..RGBX.eIIY7tOmmjub0exIFS/qvIGfkq": hashers.ErrTooExpensive,
		"bcrypt$$2b$32$vAh276NgaS2LVODBKeid..RGBX.eIIY7tOmmjub0exIFS/qvIGfkq": hashers.ErrMalformed,
		scrypt(1<<15, 8, 1):                                                   hashers.ErrTooExpensive, // more memory than OpenSSL lets Django take
		scrypt(1<<14, 8, 200):                                                 hashers.ErrTooExpensive,
		scrypt(3, 8, 1):                                                       hashers.ErrMalformed,
		scrypt(16, 8, 1<<30):                                                  hashers.ErrTooExpensive,
		"md5$$":                                                               hashers.ErrMalformed,
		"pbkdf2_sha256$30$\xff$":                                              hashers.ErrMalformed,
	} {
		if got, err := l.Check("s3cret", encoded); !errors.Is(err, want) || got != (hashers.Result{}) {
			t.Errorf("%.80s: %+v, %v, want %v", encoded, got, err, want)
		} else if strings.Contains(err.Error(), hash) {
			t.Errorf("%v has the hash", err)
		}
	}
	for _, encoded := range []string{"", "!", "!" + hash, "crypt$$ab01FAX.bQRSU", "what$ever"} {
		if got, err := l.Check("s3cret", encoded); err != nil || got != (hashers.Result{}) {
			t.Errorf("%q: %+v, %v, want a wrong password", encoded, got, err)
		}
	}
}

// TestPasswords that bcrypt does not take, or that are no text.
func TestPasswords(t *testing.T) {
	for _, tt := range []struct {
		major    int
		password string
		ok       bool
	}{
		{0, strings.Repeat("x", 72), true},
		{0, strings.Repeat("x", 73), false},
		{3, strings.Repeat("x", 73), true},
		{4, strings.Repeat("x", 73), true},
		{5, strings.Repeat("x", 73), false},
		{0, "a\x00b", false},
		{3, "a\x00b", false},
		{4, "a\x00b", true},
		{5, "a\x00b", true},
		{5, "\xed\xa0\x80", false},
	} {
		l, err := hashers.New(hashers.Options{Version: djangosession.MustVersion("5.2"), Hashers: all[4:5], BcryptMajor: tt.major})
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := l.Make(tt.password)
		if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, hashers.ErrPassword) {
			t.Errorf("bcrypt %d, %q: %v", tt.major, tt.password, err)
		} else if got, err := l.Check(tt.password, encoded); tt.ok && (err != nil || !got.Correct) {
			t.Errorf("bcrypt %d, %q: %+v, %v", tt.major, tt.password, got, err)
		}
	}
}

// TestNewRefuses what cannot be imitated, all at once.
func TestNewRefuses(t *testing.T) {
	for _, list := range [][]string{
		{},
		{"shop.hashers.Own"},
		{"PBKDF2PasswordHasher"},
		{"django.contrib.auth.hashers.CryptPasswordHasher"},
		{"django.contrib.auth.hashers.SHA1PasswordHasher"}, // gone in 5.1
		{"a.A = PBKDF2PasswordHasher rounds=4"},
		{"a.A = PBKDF2PasswordHasher iterations=0"},
		{"a.A = PBKDF2PasswordHasher iterations=20000000"},
		{"a.A = Argon2PasswordHasher memory_cost=1000000"},
		{"a.A = BCryptPasswordHasher rounds=20"},
		{"a.A = ScryptPasswordHasher work_factor=15"},
	} {
		if _, err := hashers.New(hashers.Options{Version: djangosession.MustVersion("5.2"), Hashers: list}); err == nil {
			t.Errorf("%q is taken", list)
		}
	}
	_, err := hashers.New(hashers.Options{Version: djangosession.MustVersion("5.2"), Hashers: []string{"shop.A", "shop.B"}})
	if err == nil || !strings.Contains(err.Error(), "shop.A") || !strings.Contains(err.Error(), "shop.B") {
		t.Errorf("%v does not name both", err)
	}
	if _, err := hashers.New(hashers.Options{}); err == nil {
		t.Error("no version is taken")
	}
}

func ExampleList_Check() {
	list, err := hashers.New(hashers.Options{Version: djangosession.MustVersion("5.2")})
	if err != nil {
		panic(err)
	}
	encoded, err := list.Make("correct horse") // what the column password gets
	if err != nil {
		panic(err)
	}
	right, err := list.Check("correct horse", encoded)
	fmt.Println(right.Correct, right.MustUpdate, err)
	wrong, err := list.Check("battery staple", encoded)
	fmt.Println(wrong.Correct, err)
	// Output:
	// true false <nil>
	// false <nil>
}

// FuzzCheck: no hash hangs or panics, and whoever does not know the password is not let in.
func FuzzCheck(f *testing.F) {
	l := newList(f, "5.0", all...)
	for _, algorithm := range []string{"pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt", "md5", "sha1", "unsalted_md5", "unsalted_sha1"} {
		encoded, err := l.MakeWith("s3cret", "", algorithm)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("s3cret", encoded)
	}
	f.Fuzz(func(t *testing.T, password, encoded string) {
		if len(encoded) > 20 && strings.Count(encoded, "$") > 2 {
			// Fuzzing is about texts: what is dear and within the bounds would take all of its time.
			for _, part := range strings.FieldsFunc(encoded, func(r rune) bool { return r == '$' || r == ',' || r == '=' }) {
				if len(part) > 2 && strings.Trim(part, "0123456789") == "" {
					return
				}
			}
			if strings.HasPrefix(encoded, "bcrypt") && !strings.Contains(encoded, "$04$") {
				return
			}
		}
		right, err := l.Check(password, encoded)
		if err != nil && right != (hashers.Result{}) {
			t.Errorf("%+v and %v", right, err)
		}
		if !right.Correct {
			return
		}
		if again, err := l.Check(password+"x", encoded); again.Correct && len(password) < 72 {
			t.Errorf("two passwords of %q, %v", encoded, err)
		}
	})
}
