package multipart

import "strings"

// maxBoundary is the longest boundary. RFC 2046, 5.1.1, has 70; Django has
//
//	django/http/multipartparser.py, 5.2: boundary_re = _lazy_re_compile(r"[ -~]{0,200}[!-~]")
const maxBoundary = 201

// Boundary returns the boundary that a Content-Type of multipart/form-data names. An error is a ParserError.
//
// Django has had three parsers of this header: parse_header in django/http/multipartparser.py to 4.1,
// parse_header_parameters in django/utils/http.py from 4.2, and the same name around Python's email package in 5.2.19
// and 6.1. They agree on all that clients send. Where one of them reads another boundary, there is an error.
func Boundary(contentType string) (string, error) {
	for i := range len(contentType) {
		switch c := contentType[i]; {
		case c == '\\': // each parser has its own idea of escapes
			return "", &ParserError{"a backslash in the content type"}
		case c < ' ' && c != '\t' || c > '~':
			return "", &ParserError{"a control character, or one that is not ASCII, in the content type"}
		}
	}
	mediaType, rest := cutParameter(contentType)
	if !isASCIIFold(mediaType, "multipart/form-data") {
		return "", &ParserError{"the content type is not multipart/form-data"}
	}
	boundary := ""
	for rest != "" {
		var parameter string
		parameter, rest = cutParameter(rest)
		name, value, found := strings.Cut(parameter, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case !found:
		case name == "boundary" && boundary != "", strings.HasPrefix(name, "boundary*"): // RFC 2231
			return "", &ParserError{"the content type has several boundaries"}
		case name == "boundary":
			if boundary = unquote(value); !isBoundary(boundary) {
				return "", &ParserError{"the boundary in the content type is not valid"}
			}
		}
	}
	if boundary == "" {
		return "", &ParserError{"the content type has no boundary"}
	}
	return boundary, nil
}

// cutParameter splits a header at the first semicolon that is not in quotes.
func cutParameter(s string) (parameter, rest string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return strings.TrimSpace(s[:i]), s[i+1:]
		}
	}
	return strings.TrimSpace(s), ""
}

func unquote(value string) string {
	switch {
	case len(value) < 2:
	case value[0] == '"' && value[len(value)-1] == '"':
		return value[1 : len(value)-1]
	case value[0] == '<' && value[len(value)-1] == '>':
		return "" // email.utils.unquote removes these too, and the parsers before it did not
	}
	return value
}

func isBoundary(s string) bool {
	return s != "" && len(s) <= maxBoundary && s[len(s)-1] != ' ' && !strings.Contains(s, "\t")
}

// isASCIIFold says whether text is name, but for the case of ASCII letters. name is in lower case. Unlike
// strings.EqualFold it knows no long s and no Kelvin sign, which Python's lower() leaves alone or makes something else.
func isASCIIFold[T string | []byte](text T, name string) bool {
	if len(text) != len(name) {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}
