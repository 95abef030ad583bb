package naming

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"django-sidecar/internal/pytext"
)

// Store is the path below MEDIA_ROOT that Django would store a file at which is named so, were nothing there: what a
// FileField has in the database. The name is one that [Rules.Clean] gave. An error is [ErrSuspiciousFileOperation].
func (r *Rules) Store(name string, now time.Time) (string, error) {
	// db/models/fields/files.py, FileField.generate_filename, all versions.
	full := join(strftime(r.uploadTo, now.In(r.location)), name)
	if r.validates && !isValidPath(full) {
		return "", ErrSuspiciousFileOperation
	}
	// core/files/storage/base.py, 6.1, Storage.generate_filename.
	if r.turnsBackslashes {
		full = strings.ReplaceAll(full, `\`, "/")
	}
	dir, base := split(full)
	if r.validates && hasDotDot(dir) {
		return "", ErrSuspiciousFileOperation
	}
	if base = validFilename(base); isNoName(base) {
		// utils/text.py, get_valid_filename, 2.2 and from 3.1. Django 1.11 to 2.1 and 3.0 store the file in the place
		// of the directory, or beside it with a random part, which nobody can want: see docs/divergences.md.
		return "", fmt.Errorf("%w: nothing is left of %.60q", ErrSuspiciousFileOperation, name)
	}
	stored := path.Clean(join(dir, base)) // which is posixpath.normpath for a path that is not empty
	if !fs.ValidPath(stored) || strings.ContainsRune(stored, 0) {
		// Django finds out as late as safe_join (utils/_os.py), and for a NUL when it opens the file.
		return "", ErrSuspiciousFileOperation
	}
	return stored, nil
}

// isValidPath is validate_file_name of core/files/utils.py with allow_relative_path. From 4.2 it takes backslashes for
// slashes; what it finds then is found below, too.
func isValidPath(full string) bool {
	return !isNoName(after(full, "/")) && !strings.HasPrefix(full, "/") && !hasDotDot(full)
}

// hasDotDot is: ".." in pathlib.PurePath(path).parts.
func hasDotDot(path string) bool { return slices.Contains(strings.Split(path, "/"), "..") }

// validFilename is get_valid_filename of utils/text.py.
func validFilename(name string) string {
	name = strings.ReplaceAll(pytext.Strip(name), " ", "_")
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || isWord(r) {
			return r
		}
		return -1
	}, name)
}
