package naming

import (
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pytext"
)

// ItemType is what Django takes a part of a form for.
type ItemType int

// The kinds of parts. Dropped is a part that Django passes over.
const (
	Dropped ItemType = iota
	Field
	File
)

// Disposition is what Django reads in a Content-Disposition line.
type Disposition struct {
	ItemType ItemType
	// Name is the name of the form's field.
	Name string
	// Filename is the file's name as it was sent, decoded. It may be anything: see [Rules.Clean].
	Filename string
}

// Disposition reads the value of a Content-Disposition line, as it came.
func (r *Rules) Disposition(value []byte) Disposition {
	h, ok := r.header(value)
	if !ok {
		return Disposition{}
	}
	name, named := h.params["name"]
	filename := h.params["filename"]
	d := Disposition{Name: name.stripped(), Filename: filename.String()}
	switch {
	case !named:
		// http/multipartparser.py, 6.1, _parse: KeyError, continue.
	case filename.value == "":
		d.ItemType = Field
	case d.Name != "":
		d.ItemType = File
		// Otherwise the file is read to its end and forgotten: "if old_field_name" in the same function.
	}
	return d
}

// MainValue is the value of a header line without its parameters, in lower case: the type of a Content-Type line, the
// encoding of a Content-Transfer-Encoding line. It is empty for a line that Django drops.
func (r *Rules) MainValue(value []byte) string {
	h, ok := r.header(value)
	if !ok {
		return ""
	}
	return pytext.Strip(h.main)
}

// headerLine is a line in parts.
type headerLine struct {
	main   string
	params map[string]param
}

// param is the value of a parameter. To Django 4.1 it is bytes, unless RFC 2231 has made it text.
type param struct {
	value string
	text  bool
}

// String is the value as force_str(value, errors="replace") has it.
func (p param) String() string {
	if p.text {
		return p.value
	}
	return pytext.DecodeUTF8(p.value)
}

// stripped is the value's strip(), and force_str of that.
func (p param) stripped() string {
	if p.text {
		return pytext.Strip(p.value)
	}
	return pytext.DecodeUTF8(strings.Trim(p.value, asciiSpace))
}

// maxHeaderLength is MAX_HEADER_LENGTH of django/utils/http.py, 6.0, in characters.
const maxHeaderLength = 10_000

// header reads a line. ok is false where Django drops it: it catches a ValueError, and goes on as if the line was not
// there (http/multipartparser.py, parse_boundary_stream). Where it does not catch what Python raises, and answers
// 500, the line is dropped too.
func (r *Rules) header(value []byte) (h headerLine, ok bool) {
	line := string(value)
	if r.parser != parsesBytes && !utf8.ValidString(line) {
		return headerLine{}, false // line.decode(), from 4.2
	}
	if r.boundsHeader && utf8.RuneCountInString(line) > maxHeaderLength {
		return headerLine{}, false
	}
	switch {
	case r.parser != parsesEmail:
		return r.parseOwn(r.pieces(line))
	case !strings.Contains(line, ";"):
		return headerLine{main: lower(pytext.Strip(line))}, true
	}
	return parseEmail(r.pieces(line))
}

// pieces splits a line at its semicolons, but for those in quotes: _parse_header_params of http/multipartparser.py,
// 4.1, _parseparam of utils/http.py, 5.1, and of email/message.py, CPython 3.13, which are the same.
func (r *Rules) pieces(line string) []string {
	var pieces []string
	start, quoted := 0, false
	for i := range len(line) {
		switch {
		case line[i] == '"' && (!r.escapedQuotes || i == start || line[i-1] != '\\'):
			quoted = !quoted
		case line[i] == ';' && !quoted:
			pieces = append(pieces, r.strip(line[start:i]))
			start = i + 1
		}
	}
	return append(pieces, r.strip(line[start:]))
}

// strip is strip() of what this Django reads header lines as.
func (r *Rules) strip(text string) string {
	if r.parser == parsesBytes {
		return strings.Trim(text, asciiSpace)
	}
	return pytext.Strip(text)
}
