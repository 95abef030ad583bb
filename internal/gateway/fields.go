package gateway

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/urlquote"
)

// fields are the fields of a query in the order of their first values, as QueryDict of django/http/request.py, 6.1, has
// them: a field's values stand together.
type fields struct {
	names  []string
	values map[string][]string
}

// parseFields is QueryDict(query), which is parse_qsl(query, keep_blank_values=True) of Python's urllib.parse.
func parseFields(query string) (fields, error) {
	f := fields{values: map[string][]string{}}
	for field := range strings.SplitSeq(query, "&") {
		if field == "" {
			continue
		}
		name, value, _ := strings.Cut(strings.ReplaceAll(field, "+", " "), "=")
		name, value = urlquote.Unquote(name), urlquote.Unquote(value)
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return fields{}, errors.New("it is not UTF-8")
		}
		if !slices.Contains(f.names, name) {
			f.names = append(f.names, name)
		}
		f.values[name] = append(f.values[name], value)
	}
	return f, nil
}

// around is QueryDict.urlencode(safe="/") with one field set to a value that is not known yet: what stands before the
// value, and after it. The field keeps its place where it is there already, and loses its values.
func (f fields) around(field string) (before, after string) {
	names := f.names
	if !slices.Contains(names, field) {
		names = append(slices.Clone(names), field)
	}
	var parts []string
	for _, name := range names {
		if name == field {
			before = strings.Join(append(parts, urlquote.Quote(name, "/")+"="), "&")
			parts = []string{""} // so that what follows begins with "&"
			continue
		}
		for _, value := range f.values[name] {
			parts = append(parts, urlquote.Quote(name, "/")+"="+urlquote.Quote(value, "/"))
		}
	}
	return before, strings.Join(parts, "&")
}
