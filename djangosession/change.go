package djangosession

import (
	"errors"
	"fmt"
	"strings"

	"django-sidecar/internal/pickle"
	"django-sidecar/internal/pytext"
)

// Clone returns a session of its own to change. Stores and caches may give the same Session to several readers.
func (s *Session) Clone() *Session {
	c := *s
	return &c
}

// Names returns the names of the entries in their order, each once.
func (s *Session) Names() []string {
	var names []string
	if s.pickled != (pickle.Object{}) {
		for i := range s.pickled.Len() {
			if name, _ := s.pickled.Entry(i); name.Type() == pickle.Str {
				names = append(names, name.Text())
			}
		}
		return names
	}
	seen := map[string]bool{}
	for _, e := range s.entries() {
		if !seen[e.name] {
			seen[e.name] = true
			names = append(names, e.name)
		}
	}
	return names
}

// Set gives the entry called name a value: a Value of another session in JSON, or what encoding/json takes. Every other
// entry keeps the text that Django wrote. It fails, and changes nothing, where Django could not read the session
// afterwards. Surrogates that stand alone are written in the three bytes that Value.Text has for them. Two that make a
// pair, in the value or in the name, are read again as the one character that they are halves of, as by Python's json.
//
// The session must not be one that others read: see Clone.
func (s *Session) Set(name string, value any) error {
	text, err := appendEntryValue(nil, value)
	if err != nil {
		return fmt.Errorf("setting an entry of a session: %w", err)
	}
	label, err := pytext.AppendJSONString(nil, name)
	if err != nil {
		return fmt.Errorf("naming an entry of a session: %w", err)
	}
	if s.pickled != (pickle.Object{}) {
		return s.setPickled(name, text)
	}
	return s.replace(written(string(label)), string(label)+":"+string(text))
}

// Delete removes the entry called name, where there is one. It fails with ErrPickled where the session is a pickle with
// values that JSON has no form for.
func (s *Session) Delete(name string) error {
	if s.pickled == (pickle.Object{}) {
		return s.replace(name, "")
	}
	if s.pickled.Lookup(name).Type() == pickle.Missing {
		return nil
	}
	plain, err := s.plain()
	if err != nil {
		return err
	}
	*s = *plain
	return s.replace(name, "")
}

// Clear removes all entries.
func (s *Session) Clear() { *s = Session{ExpireDate: s.ExpireDate, version: s.version} }

// entry is a member of a session's object: its name, and both name and value as they are written.
type entry struct{ name, text string }

// entries parts the JSON, which was checked when it was read.
func (s *Session) entries() []entry {
	var all []entry
	p := jsonParser{text: s.json, maxIntDigits: s.version.maxIntDigits()}
	p.space()
	start := p.pos + 1
	p.object(s.version.maxDepth(), func(name string, _ Value) {
		// p stands behind the value. Before the name is what the parser has passed over: a comma and white space.
		all = append(all, entry{name, strings.TrimLeft(s.json[start:p.pos], ", \t\r\n")})
		start = p.pos
	})
	return all
}

// replace puts a text in the place of the first entry called name, as Python's dicts keep their order, or at the end,
// and drops the others of that name, whose values counted for nothing. An empty text only drops.
func (s *Session) replace(name, text string) error {
	var texts []string
	for _, e := range s.entries() {
		if e.name != name {
			texts = append(texts, e.text)
			continue
		}
		if text != "" {
			texts, text = append(texts, text), ""
		}
	}
	if text != "" {
		texts = append(texts, text)
	}
	changed, ok := parseSession("{"+strings.Join(texts, ",")+"}", s.version)
	if !ok {
		return fmt.Errorf("setting an entry of a session: %w", errNotObject)
	}
	changed.ExpireDate = s.ExpireDate
	*s = *changed
	return nil
}

var errNoValue = errors.New("a value that is not there, or not in JSON")

// appendEntryValue writes what Set takes.
func appendEntryValue(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case Value:
		if v.kind == Missing || v.isPickled() {
			return nil, errNoValue
		}
		return append(dst, v.raw...), nil
	case string:
		return pytext.AppendJSONString(dst, v)
	}
	return pytext.AppendJSON(dst, value)
}
