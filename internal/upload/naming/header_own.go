package naming

import (
	"strings"
	"unicode/utf8"
)

// parseOwn is parse_header of http/multipartparser.py, 1.11 to 4.1, which reads bytes, and parse_header_parameters of
// utils/http.py, 4.2 to 5.1, which reads text. The last of several parameters of a name wins, filename* being a
// filename.
func (r *Rules) parseOwn(pieces []string) (h headerLine, ok bool) {
	h = headerLine{main: lower(pieces[0]), params: map[string]param{}}
	if r.parser == parsesBytes && !isASCII(h.main) {
		return headerLine{}, false // decode("ascii")
	}
	for _, piece := range pieces[1:] {
		name, value, found := strings.Cut(piece, "=")
		if !found {
			continue
		}
		name = lower(r.strip(name))
		if r.parser == parsesBytes && !isASCII(name) {
			return headerLine{}, false
		}
		name, encoded := strings.CutSuffix(name, "*")
		encoded = encoded && strings.Count(piece, "'") == 2
		p, ok := r.ownValue(r.strip(value), encoded)
		if !ok {
			return headerLine{}, false
		}
		h.params[name] = p
	}
	return h, true
}

// ownValue takes quotes off a value, and decodes it where filename* says how.
func (r *Rules) ownValue(value string, encoded bool) (p param, ok bool) {
	if !encoded || r.unquotesFirst {
		value = ownUnquote(value)
	}
	if !encoded {
		return param{value: value}, true
	}
	parts := strings.Split(value, "'")
	if len(parts) != 3 {
		return param{}, false // the name has one of them: ValueError
	}
	if !utf8.ValidString(parts[0]) || !utf8.ValidString(parts[2]) {
		return param{}, false // decode()
	}
	text, ok := unquote(parts[2], parts[0])
	return param{value: text, text: r.parser == parsesBytes}, ok
}

func ownUnquote(value string) string {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return value
	}
	return unescapeQuoted(value[1 : len(value)-1])
}

// unescapeQuoted is what both parsers do within quotes: two replacements, one after the other.
func unescapeQuoted(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, `\\`, `\`), `\"`, `"`)
}
