package hashers

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/internal/pytext"
)

// A class is one entry of PASSWORD_HASHERS.
type class struct {
	algorithm  string
	saltLength int // characters of a new salt; 0: the hasher makes it
	hasher
}

// A hasher is one of Django's classes. The hash it is given begins with its algorithm, is UTF-8 and of bounded length.
type hasher interface {
	encode(password, salt string) (string, error)
	verify(password, encoded string) (bool, error)
	mustUpdate(encoded string) (bool, error)
	// harden takes the time by which the hash is cheaper than a new one.
	harden(password, encoded string)
}

// costs are the attributes of Django's classes that a project may change.
type costs map[string]int

// classes are Django's, with what a project may change.
var classes = map[string]struct {
	algorithm string
	costs     []string
	make      func(algorithm string, c costs, s saltRule, o Options) (hasher, error)
}{
	"PBKDF2PasswordHasher":       {"pbkdf2_sha256", []string{"iterations"}, newPBKDF2},
	"PBKDF2SHA1PasswordHasher":   {"pbkdf2_sha1", []string{"iterations"}, newPBKDF2},
	"Argon2PasswordHasher":       {"argon2", []string{"time_cost", "memory_cost", "parallelism"}, newArgon2},
	"BCryptSHA256PasswordHasher": {"bcrypt_sha256", []string{"rounds"}, newBcrypt},
	"BCryptPasswordHasher":       {"bcrypt", []string{"rounds"}, newBcrypt},
	"ScryptPasswordHasher":       {"scrypt", []string{"work_factor", "block_size", "parallelism"}, newScrypt},
	"MD5PasswordHasher":          {"md5", nil, newDigest},
	"SHA1PasswordHasher":         {"sha1", nil, newDigest},
	"UnsaltedMD5PasswordHasher":  {"unsalted_md5", nil, newDigest},
	"UnsaltedSHA1PasswordHasher": {"unsalted_sha1", nil, newDigest},
}

// djangosModule is where Django's classes are.
const djangosModule = "django.contrib.auth.hashers."

// defaultHashers is PASSWORD_HASHERS of django/conf/global_settings.py.
func defaultHashers(v djangosession.Version) []string {
	names := []string{
		"PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptSHA256PasswordHasher",
	}
	if !v.AtLeast(2, 1) { // 2.1 has left it out
		names = append(names, "BCryptPasswordHasher")
	}
	if v.AtLeast(4, 0) {
		names = append(names, "ScryptPasswordHasher")
	}
	for i, name := range names {
		names[i] = djangosModule + name
	}
	return names
}

// newClass reads an entry, such as "shop.hashers.Slow = PBKDF2PasswordHasher iterations=2000000".
func newClass(entry string, o Options) (*class, error) {
	words := strings.Fields(entry)
	described := len(words) >= 3 && words[1] == "="
	if described {
		words = words[2:]
	}
	if len(words) == 0 || len(words) > 1 && !described {
		return nil, errors.New("write a dotted name, or: name = PBKDF2PasswordHasher iterations=2000000")
	}
	name, ofDjango := strings.CutPrefix(words[0], djangosModule)
	if name == "CryptPasswordHasher" {
		return nil, errors.New("what crypt() of the operating system does is not imitated")
	}
	known, ok := classes[name]
	if !ok || !ofDjango && !described {
		return nil, errors.New("this class is not one of Django's that are imitated; if it only changes numbers of one, write: name = PBKDF2PasswordHasher iterations=2000000")
	}
	if !exists(name, o.Version) {
		return nil, fmt.Errorf("there is no such class in Django %s", o.Version)
	}
	c := defaultCosts(o.Version)
	for _, word := range words[1:] {
		if err := c.set(word, known.costs); err != nil {
			return nil, err
		}
	}
	salt := saltRule{matters: o.Version.AtLeast(3, 2), entropy: c["salt_entropy"]}
	h, err := known.make(known.algorithm, c, salt, o)
	if err != nil {
		return nil, err
	}
	length := salt.length()
	if strings.HasPrefix(name, "BCrypt") || strings.HasPrefix(name, "Unsalted") {
		length = 0
	}
	return &class{algorithm: known.algorithm, saltLength: length, hasher: h}, nil
}

// exists tells whether a release has the class.
func exists(name string, v djangosession.Version) bool {
	switch name {
	case "ScryptPasswordHasher":
		return v.AtLeast(4, 0)
	case "SHA1PasswordHasher", "UnsaltedMD5PasswordHasher", "UnsaltedSHA1PasswordHasher":
		return !v.AtLeast(5, 1)
	}
	return true
}

// set reads a word such as "iterations=2000000".
func (c costs) set(word string, names []string) error {
	name, digits, _ := strings.Cut(word, "=")
	ok := name == "salt_entropy"
	for _, n := range names {
		ok = ok || n == name
	}
	if !ok {
		return fmt.Errorf("%q: it can have %s", word, strings.Join(append(names[:len(names):len(names)], "salt_entropy"), ", "))
	}
	n, err := strconv.Atoi(strings.ReplaceAll(digits, "_", ""))
	if err != nil || n < 1 || n > math.MaxInt32 {
		return fmt.Errorf("%q: a whole number from 1 on is needed", word)
	}
	if name == "salt_entropy" && n > 1024 {
		return fmt.Errorf("%q: at most 1024 bits", word)
	}
	c[name] = n
	return nil
}

// iterations are PBKDF2PasswordHasher.iterations of django/contrib/auth/hashers.py, read in each release.
var iterations = []struct{ major, minor, iterations int }{
	{6, 1, 1_500_000},
	{6, 0, 1_200_000},
	{5, 2, 1_000_000},
	{5, 1, 870_000},
	{5, 0, 720_000},
	{4, 2, 600_000},
	{4, 1, 390_000},
	{4, 0, 320_000},
	{3, 2, 260_000},
	{3, 1, 216_000},
	{3, 0, 180_000},
	{2, 2, 150_000},
	{2, 1, 120_000},
	{2, 0, 100_000},
	{1, 11, 36_000},
}

// defaultCosts are the attributes of Django's classes. Two classes have a parallelism: defaultParallelism tells it.
func defaultCosts(v djangosession.Version) costs {
	c := costs{
		"time_cost": 2, "memory_cost": 102400, "rounds": 12, "work_factor": 1 << 14, "block_size": 8, "salt_entropy": 128,
	}
	for _, release := range iterations {
		if v.AtLeast(release.major, release.minor) {
			c["iterations"] = release.iterations
			break
		}
	}
	if !v.AtLeast(3, 2) {
		c["memory_cost"] = 512
	}
	return c
}

// parallelism is the attribute of that name, or what the class has.
func (c costs) parallelism(defaultParallelism int) int {
	if n := c["parallelism"]; n > 0 {
		return n
	}
	return defaultParallelism
}

// A saltRule says how long salts are.
type saltRule struct {
	matters bool // from 3.2 on; 12 characters before
	entropy int  // bits
}

// perCharacter is how many bits a character of a salt has.
var perCharacter = math.Log2(float64(len(pytext.LettersAndDigits)))

// length is how many characters a new salt has.
func (s saltRule) length() int {
	if !s.matters {
		return 12 // django/utils/crypto.py, 3.1: get_random_string(12)
	}
	return int(math.Ceil(float64(s.entropy) / perCharacter))
}

// mustUpdate is must_update_salt of django/contrib/auth/hashers.py, 5.2.
func (s saltRule) mustUpdate(salt string) bool {
	return s.matters && float64(utf8.RuneCountInString(salt))*perCharacter < float64(s.entropy)
}

// number reads a number as Django writes it.
func number(digits string) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 0 && n <= math.MaxUint32 && strconv.Itoa(n) == digits
}
