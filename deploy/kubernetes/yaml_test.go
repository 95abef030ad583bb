package kubernetes_test

import (
	"fmt"
	"strings"
	"testing"
)

// The manifest keeps to a small part of YAML, so that it needs no library to be read: mappings and sequences in block
// style, texts on one line with or without double quotes, and ["TEXT"]. Anything else fails the test.

type (
	mapping  = map[string]any
	sequence = []any
)

// yamlLine is a line that holds something, without its comment.
type yamlLine struct {
	indent int
	text   string
}

type yamlReader struct {
	tb    testing.TB
	lines []yamlLine
}

// documents reads a stream of documents by their kind.
func documents(tb testing.TB, stream string) map[string]mapping {
	tb.Helper()
	kinds := map[string]mapping{}
	for document := range strings.SplitSeq(stream, "\n---\n") {
		r := &yamlReader{tb: tb}
		for line := range strings.SplitSeq(document, "\n") {
			text := strings.TrimLeft(line, " ")
			if text != "" && text[0] != '#' {
				r.lines = append(r.lines, yamlLine{len(line) - len(text), text})
			}
		}
		if len(r.lines) == 0 {
			continue // the comment at the top
		}
		d, ok := r.node(0).(mapping)
		if !ok || len(r.lines) > 0 {
			tb.Fatalf("not one mapping: %q", document)
		}
		kinds[fmt.Sprint(d["kind"])] = d
	}
	return kinds
}

// node reads what begins at an indentation.
func (r *yamlReader) node(indent int) any {
	r.tb.Helper()
	if strings.HasPrefix(r.lines[0].text, "- ") {
		var s sequence
		for r.at(indent) && strings.HasPrefix(r.lines[0].text, "- ") {
			// What follows the dash is a node of its own, two further in.
			r.lines[0] = yamlLine{indent + 2, r.lines[0].text[2:]}
			s = append(s, r.node(indent+2))
		}
		return s
	}
	m := mapping{}
	for r.at(indent) {
		name, value, ok := strings.Cut(r.lines[0].text, ":")
		if _, twice := m[name]; !ok || twice || strings.ContainsAny(name, "\"'{[# ") {
			r.tb.Fatalf("no new key: %q", r.lines[0].text)
		}
		r.lines = r.lines[1:]
		if value == "" {
			if len(r.lines) == 0 || r.lines[0].indent <= indent {
				r.tb.Fatalf("%s has no value", name)
			}
			m[name] = r.node(r.lines[0].indent)
		} else {
			m[name] = r.scalar(value)
		}
	}
	return m
}

// at tells whether the next line is at an indentation; one that is further in belongs to nothing.
func (r *yamlReader) at(indent int) bool {
	r.tb.Helper()
	if len(r.lines) == 0 || r.lines[0].indent < indent {
		return false
	}
	if r.lines[0].indent > indent {
		r.tb.Fatalf("indented too far: %q", r.lines[0].text)
	}
	return true
}

// scalar reads what stands behind "key:".
func (r *yamlReader) scalar(value string) any {
	r.tb.Helper()
	text, spaced := strings.CutPrefix(value, " ")
	inner, isList := strings.CutPrefix(text, "[")
	if isList {
		text, isList = strings.CutSuffix(inner, "]")
	}
	quoted := strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) && strings.Count(text, `"`) == 2
	if quoted {
		text = strings.Trim(text, `"`)
	}
	if !spaced || strings.Contains(text, `\`) || !quoted && (isList || strings.ContainsAny(text, "\"'[]{}&*!|>#%@`") || strings.Contains(text, ": ")) {
		r.tb.Fatalf("cannot read %q", value)
	}
	if isList {
		return sequence{text}
	}
	return text
}
