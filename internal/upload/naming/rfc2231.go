package naming

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// continuation is rfc2231_continuation of email/utils.py, CPython 3.13: filename*, filename*0 or filename*0*.
var continuation = regexp.MustCompile(`^(\w+)\*(?:([0-9]+)\*?)?$`)

// continuations are the parameters that RFC 2231 speaks of, by name, in the order of their first parts.
type continuations struct {
	names []string
	parts map[string][]section
}

// section is one of several parameters that make one value.
type section struct {
	number  string // without leading zeros; none for filename*
	numbers bool   // there is a number
	text    string
	encoded bool
}

// add takes a parameter if it is such a part.
func (c *continuations) add(name, text string) bool {
	match := continuation.FindStringSubmatch(name)
	if match == nil {
		return false
	}
	if c.parts == nil {
		c.parts = map[string][]section{}
	}
	if _, known := c.parts[match[1]]; !known {
		c.names = append(c.names, match[1])
	}
	c.parts[match[1]] = append(c.parts[match[1]], section{
		number: strings.TrimLeft(match[2], "0"), numbers: match[2] != "", text: text, encoded: strings.HasSuffix(name,
			"*"),
	})
	return true
}

// collapse puts the values together: decode_params of email/utils.py, CPython 3.13.
func (c *continuations) collapse(params map[string]param) bool {
	for _, name := range c.names {
		parts := c.parts[name]
		for _, p := range parts {
			if p.numbers != parts[0].numbers {
				return false // Python cannot order None and numbers: TypeError, and a 500
			}
		}
		slices.SortFunc(parts, compareParts)
		var b strings.Builder
		extended := false
		for _, p := range parts {
			if p.encoded {
				extended = true
				p.text = unquoteWith(p.text, pytext.DecodeLatin1)
			}
			b.WriteString(p.text)
		}
		value, ok := b.String(), true
		if extended {
			value, ok = decodeExtended(value)
		}
		if !ok {
			return false
		}
		params[name] = param{value: value}
	}
	return true
}

func compareParts(a, b section) int {
	encoded := func(p section) int {
		if p.encoded {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(len(a.number), len(b.number)), strings.Compare(a.number, b.number),
		strings.Compare(a.text, b.text), encoded(a)-encoded(b))
}

// decodeExtended reads charset'language'value: decode_rfc2231 and collapse_rfc2231_value of email/utils.py, CPython
// 3.13, and the check between them in parse_header_parameters.
func decodeExtended(value string) (decoded string, ok bool) {
	parts := strings.SplitN(value, "'", 3)
	if len(parts) < 3 {
		return decodeASCII(rawUnicodeEscape(value)), true
	}
	if parts[0] == "" {
		return emailUnquote(parts[2]), true // no codec has this name: LookupError
	}
	decode := charsetOf(parts[0])
	if decode == nil {
		return "", false
	}
	return decode(rawUnicodeEscape(parts[2])), true
}

// rawUnicodeEscape is bytes(text, "raw-unicode-escape"): a byte for what is one, an escape for any other character.
func rawUnicodeEscape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r <= 0xff:
			b.WriteByte(byte(r & 0xff))
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r <= utf8.MaxRune:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}
