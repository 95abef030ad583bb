package hashers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"django-sidecar/djangosession"
	"django-sidecar/internal/pytext"
)

// ErrMalformed says that a hash names an algorithm of the list and cannot be read. Django fails there, or says that
// the password is wrong.
var ErrMalformed = errors.New("the password hash cannot be read")

// ErrUnsupported says that Django might read the hash, and this package does not: Argon2d, and Argon2 before 1.3.
var ErrUnsupported = errors.New("the password hash is of a kind that is not supported")

// ErrTooExpensive says that a hash would take more time or memory than the bounds of this package.
var ErrTooExpensive = errors.New("the password hash is too expensive")

// ErrPassword says that a password is not UTF-8, or longer than 72 bytes, or with a NUL, where bcrypt does not take
// these.
var ErrPassword = errors.New("the password cannot be hashed")

// maxEncodedBytes bounds a hash as it is stored. Django's column has 128 characters.
const maxEncodedBytes = 1024

// Options describes PASSWORD_HASHERS.
type Options struct {
	// Version is the deployment's Django, which decides the iterations, the salts and the classes. It is required.
	Version djangosession.Version
	// Hashers is PASSWORD_HASHERS, dotted names in order: the first one makes hashes. nil means Django's own list.
	//
	// A class of the project that only changes numbers of one of Django's is described after its name:
	//
	//	shop.hashers.Slow = PBKDF2PasswordHasher iterations=2000000
	//
	// with the names of Django's attributes: iterations, time_cost, memory_cost (KiB), parallelism, rounds,
	// work_factor, block_size, salt_entropy (bits).
	Hashers []string
	// BcryptMajor is the major version of the Python package bcrypt. Before 5 it cuts a password after 72 bytes, and
	// before 4 it fails with a NUL. 0 means that nobody knows: such passwords are ErrPassword. It matters for
	// BCryptPasswordHasher alone.
	BcryptMajor int
	// Argon2HashBytes is how long hashes of Argon2 are: argon2.DEFAULT_HASH_LENGTH of the Python package argon2-cffi.
	// 0 means 32, which it is from 21.2 on; before, it is 16. From Django 3.2 on, a hash of another length is updated.
	Argon2HashBytes int
	// Random is where salts come from; nil means crypto/rand.
	Random io.Reader
}

// A List is PASSWORD_HASHERS.
type List struct {
	preferred   *class
	byAlgorithm map[string]*class
	random      io.Reader
}

// A Result is what Check found. The zero Result is a wrong password.
type Result struct {
	Correct bool
	// MustUpdate says that the password is right and Django would make its hash again: another algorithm than the
	// first one of the list, other costs, or a salt that is too short. It is false for a wrong password.
	MustUpdate bool
}

// New reads o. An error names every entry of Hashers that cannot be had.
func New(o Options) (*List, error) {
	if !o.Version.AtLeast(1, 11) {
		return nil, errors.New("hashers: Options.Version is required")
	}
	if o.Argon2HashBytes != 0 && (o.Argon2HashBytes < minArgon2Hash || o.Argon2HashBytes > maxArgon2Hash) {
		return nil, fmt.Errorf("hashers: Argon2HashBytes is %d; it can be %d to %d", o.Argon2HashBytes, minArgon2Hash, maxArgon2Hash)
	}
	entries := o.Hashers
	if entries == nil {
		entries = defaultHashers(o.Version)
	}
	if len(entries) == 0 {
		return nil, errors.New("hashers: Options.Hashers names no hasher")
	}
	l := &List{byAlgorithm: make(map[string]*class), random: o.Random}
	if l.random == nil {
		l.random = rand.Reader
	}
	var errs []error
	for _, entry := range entries {
		c, err := newClass(entry, o)
		if err != nil {
			errs = append(errs, fmt.Errorf("hashers: %q: %w", entry, err))
			continue
		}
		if l.preferred == nil {
			l.preferred = c
		}
		// django/contrib/auth/hashers.py, 5.2, get_hashers_by_algorithm: the last one of an algorithm reads its hashes.
		l.byAlgorithm[c.algorithm] = c
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return l, nil
}

// unusablePrefix begins what set_unusable_password stores, before as many random characters.
const (
	unusablePrefix = "!"
	unusableRandom = 40
)

// IsUsable is is_password_usable: whether the hash was not made by set_unusable_password.
func IsUsable(encoded string) bool { return !strings.HasPrefix(encoded, unusablePrefix) }

// Check is Django's check_password. An unusable hash, and one of an algorithm that the list does not have, is a wrong
// password, as in Django; these take as long as any other. An error means that nobody knows whether it is right.
func (l *List) Check(password, encoded string) (Result, error) {
	if !utf8.ValidString(password) {
		return Result{}, fmt.Errorf("%w: it is not UTF-8", ErrPassword) // str.encode() fails with lone surrogates
	}
	if len(encoded) > maxEncodedBytes || !utf8.ValidString(encoded) {
		return Result{}, ErrMalformed
	}
	c := l.byAlgorithm[identify(encoded)]
	if c == nil || !IsUsable(encoded) {
		l.Equalize(password)
		return Result{}, nil
	}
	// django/contrib/auth/hashers.py, 5.2, verify_password.
	changed := c.algorithm != l.preferred.algorithm
	update := changed
	if !changed {
		var err error
		if update, err = l.preferred.mustUpdate(encoded); err != nil {
			return Result{}, err
		}
	}
	correct, err := c.verify(password, encoded)
	switch {
	case err != nil:
		return Result{}, err
	case correct:
		return Result{Correct: true, MustUpdate: update}, nil
	case update && !changed:
		c.harden(password, encoded)
	}
	return Result{}, nil
}

// Equalize takes as long as the first hasher of the list takes for password. Django does so for a user who does not
// exist (django/contrib/auth/backends.py, 5.2, ModelBackend.authenticate), so that nobody learns from the clock who
// does.
func (l *List) Equalize(password string) {
	_, _ = l.Make(password) // what cannot be hashed is refused as fast for a user who exists
}

// Make is make_password(password): a hash by the first hasher of the list, with a new salt.
func (l *List) Make(password string) (string, error) { return l.make(password, "", l.preferred) }

// MakeWith is make_password(password, salt, hasher). An empty salt is a new one; bcrypt takes no other. The algorithm
// is a name such as "pbkdf2_sha256"; "" means the first hasher of the list.
func (l *List) MakeWith(password, salt, algorithm string) (string, error) {
	c := l.preferred
	if algorithm != "" {
		if c = l.byAlgorithm[algorithm]; c == nil {
			return "", fmt.Errorf("hashers: PASSWORD_HASHERS has no algorithm %q", algorithm)
		}
	}
	return l.make(password, salt, c)
}

func (l *List) make(password, salt string, c *class) (string, error) {
	if !utf8.ValidString(password) {
		return "", fmt.Errorf("%w: it is not UTF-8", ErrPassword)
	}
	if strings.Contains(salt, "$") || len(salt) > maxEncodedBytes/2 || !utf8.ValidString(salt) {
		return "", errors.New("hashers: a salt has no $, is UTF-8 and not longer than 512 bytes")
	}
	if salt == "" && c.saltLength > 0 {
		var err error
		if salt, err = randomString(l.random, c.saltLength); err != nil {
			return "", err
		}
	}
	return c.encode(password, salt)
}

// MakeUnusable is make_password(None): a text that no password matches.
func (l *List) MakeUnusable() (string, error) {
	random, err := randomString(l.random, unusableRandom)
	return unusablePrefix + random, err
}

// identify is identify_hasher of django/contrib/auth/hashers.py, 5.2. Its lengths are in characters.
func identify(encoded string) string {
	n := utf8.RuneCountInString(encoded)
	switch {
	case n == 32 && !strings.Contains(encoded, "$"), n == 37 && strings.HasPrefix(encoded, "md5$$"):
		return "unsalted_md5"
	case n == 46 && strings.HasPrefix(encoded, "sha1$$"):
		return "unsalted_sha1"
	}
	algorithm, _, _ := strings.Cut(encoded, "$")
	return algorithm
}

// randomString is get_random_string.
func randomString(random io.Reader, length int) (string, error) {
	text, err := pytext.RandomString(random, pytext.LettersAndDigits, length)
	if err != nil {
		return "", fmt.Errorf("hashers: reading random bytes: %w", err)
	}
	return text, nil
}
