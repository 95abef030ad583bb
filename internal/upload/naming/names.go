package naming

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// Names are the paths that Django tries for a file, one after the other, until it finds one that is not taken.
type Names struct {
	stored, dir, root, ext string
	maxLength              int
	random                 io.Reader
	begun                  bool
}

// Names returns the paths for a file that [Rules.Store] has given one. random is crypto/rand's reader, but in tests.
func (r *Rules) Names(stored string, random io.Reader) *Names {
	n := &Names{stored: stored, maxLength: r.maxLength, random: random}
	var base string
	n.dir, base = split(stored)
	if r.allSuffixes {
		n.root, n.ext = splitSuffixes(base)
	} else {
		n.root, n.ext = splitext(base)
	}
	return n
}

// Next returns the next path to try: that of Store first, if it is within max_length, then others with a random part.
// An error is [ErrSuspiciousFileOperation] when there is no room for one, [ErrNameTooLong] when the file system has
// none, or that of the random reader; there is nothing to try after it.
//
// It is get_available_name of core/files/storage/base.py, 6.1, and of the files before it. Where Django loses a race
// for a name, it takes the next one without a thought for max_length (core/files/storage/filesystem.py,
// FileSystemStorage._save); here it is kept.
func (n *Names) Next() (string, error) {
	if !n.begun {
		n.begun = true
		if utf8.RuneCountInString(n.stored) <= n.maxLength {
			return n.stored, checkComponents(n.stored)
		}
	}
	name, err := n.alternative()
	if over := utf8.RuneCountInString(name) - n.maxLength; err == nil && over > 0 {
		// The root stays cut. An extension never is.
		if n.root = head(n.root, utf8.RuneCountInString(n.root)-over); n.root == "" {
			return "", fmt.Errorf("%w: max_length leaves no room for it", ErrSuspiciousFileOperation)
		}
		name, err = n.alternative()
	}
	if err != nil {
		return "", err
	}
	return name, checkComponents(name)
}

// alternative is get_alternative_name of the same file, joined to the directory.
func (n *Names) alternative() (string, error) {
	const length = 7 // django/core/files/storage/base.py, 5.2: get_random_string(7)
	random, err := pytext.RandomString(n.random, pytext.LettersAndDigits, length)
	if err != nil {
		return "", fmt.Errorf("reading randomness for a file name: %w", err)
	}
	return join(n.dir, n.root+"_"+random+n.ext), nil
}

// maxComponentBytes is NAME_MAX, of Linux and of its file systems.
const maxComponentBytes = 255

func checkComponents(name string) error {
	for component := range strings.SplitSeq(name, "/") {
		if len(component) > maxComponentBytes {
			return ErrNameTooLong
		}
	}
	return nil
}
