package naming

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What Python's str and posixpath do, where Go does something else.

// asciiSpace is what bytes.strip removes.
const asciiSpace = " \t\n\r\v\f"

// lower is str.lower, for ASCII: no name of a parameter that is looked for has other letters.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// isWord is \w of the re module.
func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// head is text[:n], in characters; nothing where n is negative.
func head(text string, n int) string {
	for i := range text {
		if n <= 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// after is the text behind the last separator, or all of it.
func after(text, separator string) string { return text[strings.LastIndex(text, separator)+1:] }

// split is posixpath.split.
func split(path string) (dir, base string) {
	i := strings.LastIndexByte(path, '/') + 1
	dir, base = path[:i], path[i:]
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		dir = trimmed
	}
	return dir, base
}

// join is posixpath.join.
func join(dir, base string) string {
	switch {
	case strings.HasPrefix(base, "/"):
		return base
	case dir == "" || strings.HasSuffix(dir, "/"):
		return dir + base
	}
	return dir + "/" + base
}

// splitext is posixpath.splitext of a path without slashes: dots that it begins with are a part of the root.
func splitext(base string) (root, ext string) {
	dots := len(base) - len(strings.TrimLeft(base, "."))
	if i := strings.LastIndexByte(base, '.'); i >= dots {
		return base[:i], base[i:]
	}
	return base, ""
}

// splitSuffixes splits off what pathlib.PurePath.suffixes has, to Python 3.13.
func splitSuffixes(base string) (root, ext string) {
	dots := len(base) - len(strings.TrimLeft(base, "."))
	if i := strings.IndexByte(base[dots:], '.'); i >= 0 && !strings.HasSuffix(base, ".") {
		return base[:dots+i], base[dots+i:]
	}
	return base, ""
}
