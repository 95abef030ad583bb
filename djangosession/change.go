package djangosession

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/pickle"
	"django-sidecar/internal/pytext"
)

// ErrPickled says that a session is a pickle, which is read here and not changed.
var ErrPickled = errors.New("the session is a pickle: only sessions in JSON can be changed")

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
// afterwards. Surrogates that stand alone are written in the three bytes that Value.Text has for them.
//
// The session must not be one that others read: see Clone.
func (s *Session) Set(name string, value any) error {
	text, err := appendEntryValue(nil, value)
	if err != nil {
		return fmt.Errorf("setting an entry of a session: %w", err)
	}
	label, err := appendPyString(nil, name)
	if err != nil {
		return fmt.Errorf("naming an entry of a session: %w", err)
	}
	return s.replace(name, string(label)+":"+string(text))
}

// Delete removes the entry called name, where there is one.
func (s *Session) Delete(name string) error { return s.replace(name, "") }

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
	if s.pickled != (pickle.Object{}) {
		return ErrPickled
	}
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

var (
	errNoValue = errors.New("a value that is not there, or not in JSON")
	errNotText = errors.New("a text that is not UTF-8")
)

// appendEntryValue writes what Set takes.
func appendEntryValue(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case Value:
		if v.kind == Missing || v.isPickled() {
			return nil, errNoValue
		}
		return append(dst, v.raw...), nil
	case string:
		return appendPyString(dst, v)
	}
	return appendPyJSON(dst, value)
}

// appendPyJSON writes v in the form of json.dumps(v, separators=(",", ":")): compact, and in printable ASCII alone. The
// members of objects are sorted by name, and numbers are written as encoding/json writes them. It refuses texts that
// are not UTF-8.
func appendPyJSON(dst []byte, v any) ([]byte, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if replaced(text) {
		return nil, errNotText
	}
	return pytext.AppendASCII(dst, text), nil
}

// replaced reports whether encoding/json has put U+FFFD in the place of a byte that is no UTF-8: it writes that as an
// escape, and the character itself as it is.
func replaced(text string) bool {
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		if text = text[i+1:]; strings.HasPrefix(text, "ufffd") {
			return true
		}
		text = text[1:] // what the backslash escapes may be another one
	}
}

// appendPyString writes a text as json.dumps does (json/encoder.py of CPython 3.13, ESCAPE_ASCII).
func appendPyString(dst []byte, text string) ([]byte, error) {
	dst = append(dst, '"')
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n == 1 {
			unit, ok := loneSurrogate(text)
			if !ok {
				return nil, errNotText
			}
			dst = fmt.Appendf(dst, `\u%04x`, unit)
			text = text[3:]
			continue
		}
		text = text[n:]
		switch i := strings.IndexRune("\"\\\n\r\t\f\b", r); {
		case i >= 0:
			dst = append(dst, '\\', `"\nrtfb`[i])
		case r < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = pytext.AppendASCII(dst, string(r))
		}
	}
	return append(dst, '"'), nil
}

// loneSurrogate reads what pytext.AppendRune writes for a surrogate.
func loneSurrogate(text string) (rune, bool) {
	if len(text) < 3 || text[0] != 0xed || text[1] < 0xa0 || text[1] > 0xbf || text[2] < 0x80 || text[2] > 0xbf {
		return 0, false
	}
	return 0xd000 | rune(text[1]&0x3f)<<6 | rune(text[2]&0x3f), true
}
