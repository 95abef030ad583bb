package naming

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// Clean makes a file's name of what a client calls it: what Django has as UploadedFile.name. It holds no slash. ok is
// false where Django has no file of that part, or none that a form would take for one.
//
// The name is for people and for [Rules.Store]. To Django 4.0 it may hold control characters, and to 2.1 and in 3.0 it
// may be "..".
func (r *Rules) Clean(filename string) (name string, ok bool) {
	name, ok = r.sanitize(pytext.DecodeUTF8(filename))
	if !ok {
		return "", false
	}
	// core/files/uploadedfile.py, UploadedFile._set_name, the same in all versions but for validate_file_name.
	name = after(name, "/")
	if utf8.RuneCountInString(name) > 255 {
		root, ext := splitext(name)
		ext = head(ext, 255)
		name = head(root, 255-utf8.RuneCountInString(ext)) + ext
	}
	if name == "" || r.validates && isNoName(name) {
		return "", false
	}
	return name, true
}

// sanitize is step 2, up to the check for an empty name.
func (r *Rules) sanitize(name string) (sanitized string, ok bool) {
	switch r.sanitizer {
	case ieSanitize:
		// http/multipartparser.py, 1.11 to 2.1: IE_sanitize(unescape_entities(file_name)).
		name, ok = unescapeHTML4(name)
		return pytext.Strip(after(name, `\`)), ok
	case baseSanitize:
		// The same, 3.0: sanitize_file_name.
		return pytext.Strip(after(unescape(name), `\`)), true // os.path.basename follows
	case splitSanitize:
		// The same, 2.2 and 3.1 to 6.1: sanitize_file_name.
		name = after(after(unescape(name), "/"), `\`)
	}
	if r.printable {
		name = strings.Map(printable, name)
	}
	return name, !isNoName(name)
}

// printable drops what str.isprintable refuses: unicode.IsPrint is the same rule.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// isNoName tells what names no file in a directory.
func isNoName(name string) bool { return name == "" || name == "." || name == ".." }
