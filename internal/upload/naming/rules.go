package naming

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"django-sidecar/djangosession"
)

// ErrSuspiciousFileOperation is Django's SuspiciousFileOperation, which it answers with 400: no name can be made of
// what the client sent.
var ErrSuspiciousFileOperation = errors.New("no file name can be made of the name that was sent")

// ErrNameTooLong is a name that no file system takes, of more than 255 bytes between two slashes. Django answers 500.
var ErrNameTooLong = errors.New("the file name has more than 255 bytes")

// defaultMaxLength is the max_length of a FileField (django/db/models/fields/files.py, 6.1, FileField.__init__).
const defaultMaxLength = 100

// Config is what a deployment says about the names of its files.
type Config struct {
	// Version is the deployment's Django. It is required.
	Version djangosession.Version
	// UploadTo is upload_to of the FileField, with strftime's directives. Empty means MEDIA_ROOT itself.
	UploadTo string
	// Location is TIME_ZONE, which upload_to's directives are read in. It is required.
	Location *time.Location
	// MaxLength is max_length of the FileField, in characters, upload_to included. 0 means 100, Django's default.
	MaxLength int
}

// Rules are how one deployment's Django names the files of a FileField. They are safe for concurrent use.
type Rules struct {
	behaviour
	uploadTo  string
	location  *time.Location
	maxLength int
}

// New returns the rules, or an error where Django would refuse every upload.
func New(c Config) (*Rules, error) {
	switch {
	case c.Version == djangosession.Version{}:
		return nil, errors.New("there is no Django version to name files by")
	case c.Location == nil:
		return nil, errors.New("there is no time zone to read upload_to in")
	case c.MaxLength < 0:
		return nil, fmt.Errorf("max_length is %d: give the number of characters that the FileField may have",
			c.MaxLength)
	case c.MaxLength == 0:
		c.MaxLength = defaultMaxLength
	}
	if err := checkUploadTo(c.UploadTo); err != nil {
		return nil, fmt.Errorf("upload_to %.100q %w", c.UploadTo, err)
	}
	r := &Rules{behaviourOf(c.Version), c.UploadTo, c.Location, c.MaxLength}
	return r, r.try()
}

// checkUploadTo refuses what Django takes and cannot mean the same everywhere, or takes and then fails with.
func checkUploadTo(uploadTo string) error {
	switch {
	case !utf8.ValidString(uploadTo):
		return errors.New("is not UTF-8")
	case strings.ContainsRune(uploadTo, 0):
		return errors.New("holds a NUL, which no path may: remove it")
	case strings.Contains(uploadTo, `\`):
		return errors.New(`holds a backslash, which is a slash to some versions of Django alone: write "/"`)
	case endsRaw(uploadTo):
		return errors.New(`ends with a percent sign, which older Pythons refuse: write "%%"`)
	case strings.Contains(strings.ReplaceAll(uploadTo, "%%", ""), "%:"):
		return errors.New(`holds "%:", which is nothing to newer Pythons and itself to older ones: remove it`)
	}
	return nil
}

// endsRaw is how Modules/_datetimemodule.c, wrap_strftime, finds a percent sign that nothing follows: percent signs are
// taken in pairs with whatever is behind them.
func endsRaw(format string) bool {
	for i := 0; i < len(format); i++ {
		if format[i] == '%' {
			if i++; i == len(format) {
				return true
			}
		}
	}
	return false
}

// try names the shortest of files at a time when all directives are at their longest.
func (r *Rules) try() error {
	longest := time.Date(2026, time.September, 30, 23, 59, 59, 999_999_000, r.location) // a Wednesday
	stored, err := r.Store("a", longest)
	switch {
	case err != nil:
		return fmt.Errorf(`upload_to %.100q leads out of MEDIA_ROOT: give a relative path without "..": %w`,
			r.uploadTo, err)
	case utf8.RuneCountInString(stored) > r.maxLength:
		return fmt.Errorf("upload_to %.100q leaves no room for a name within max_length %d: shorten it, or give the "+
			"max_length that the FileField has",
			r.uploadTo, r.maxLength)
	}
	if err := checkComponents(stored); err != nil {
		return fmt.Errorf("upload_to %.100q: %w: shorten it", r.uploadTo, err)
	}
	return nil
}
