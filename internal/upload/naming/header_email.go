package naming

import (
	"strings"

	"django-sidecar/internal/pytext"
)

// parseEmail is parse_header_parameters of utils/http.py, 5.2.19, 6.0.10 and 6.1, which leaves the work to
// email.message.Message: this is get_params and what it calls in email/message.py and email/utils.py of CPython 3.13.
func parseEmail(pieces []string) (h headerLine, ok bool) {
	h = headerLine{params: map[string]param{}}
	var extended continuations
	for i, piece := range pieces {
		name, value, found := strings.Cut(piece, "=")
		if name = pytext.Strip(name); found {
			name = lower(name)
		}
		if i == 0 {
			h.main = lower(name)
			continue
		}
		// Message quotes and unquotes the value once more; these undo each other.
		value = emailUnquote(pytext.Strip(value))
		if !extended.add(name, value) && name != "" {
			h.params[name] = param{value: value}
		}
	}
	// What RFC 2231 puts together comes after, and wins.
	return h, extended.collapse(h.params)
}

// emailUnquote is email.utils.unquote.
func emailUnquote(text string) string {
	switch {
	case len(text) < 2:
	case text[0] == '"' && text[len(text)-1] == '"':
		return unescapeQuoted(text[1 : len(text)-1])
	case text[0] == '<' && text[len(text)-1] == '>':
		return text[1 : len(text)-1]
	}
	return text
}
