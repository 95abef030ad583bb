package gateway

import "strings"

// splitURL is what urlsplit of Python's urllib.parse makes of a URL.
type splitURL struct{ scheme, netloc, path, query, fragment string }

// urlsplit is urlsplit of Lib/urllib/parse.py, CPython 3.13, for a URL that begins with neither a space nor a control
// character, which it drops. It has errors for some network locations with brackets or outside ASCII; here, whoever
// takes a network location looks at it with normalHost.
func urlsplit(url string) splitURL {
	url = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(url)
	var u splitURL
	if i := strings.IndexByte(url, ':'); i > 0 && isLetter(url[0]) && isScheme(url[:i]) {
		u.scheme, url = strings.ToLower(url[:i]), url[i+1:]
	}
	if rest, ok := strings.CutPrefix(url, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		u.netloc, url = rest[:end], rest[end:]
	}
	url, u.fragment, _ = strings.Cut(url, "#")
	u.path, u.query, _ = strings.Cut(url, "?")
	return u
}

func isScheme(text string) bool {
	for i := range len(text) {
		if !isAlphanumeric(text[i]) && strings.IndexByte("+-.", text[i]) < 0 {
			return false
		}
	}
	return true
}

// beforeQuery is urlunsplit of the same module, without query and fragment, for what has a network location or a path
// that does not begin with two slashes.
func (u splitURL) beforeQuery() string {
	text := u.path
	if u.netloc != "" {
		if text != "" && text[0] != '/' {
			text = "/" + text
		}
		text = "//" + u.netloc + text
	}
	if u.scheme != "" {
		text = u.scheme + ":" + text
	}
	return text
}

// String is urlunsplit, with the same limits.
func (u splitURL) String() string {
	text := u.beforeQuery()
	if u.query != "" {
		text += "?" + u.query
	}
	if u.fragment != "" {
		text += "#" + u.fragment
	}
	return text
}
