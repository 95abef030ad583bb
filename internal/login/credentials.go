package login

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/csrf"
)

// MaxBody and MaxText bound a request's body, and a name or a password in it, in bytes. Django has no bound on a
// password, which costs the server more the longer it is.
const (
	MaxBody = 16 << 10
	MaxText = 4096
)

// Credentials are what somebody logs in with. They print as "[redacted]".
type Credentials struct {
	Username, Password string
	// Token is the CSRF token of a form, "" without one.
	Token string
}

// String is "[redacted]".
func (Credentials) String() string { return "[redacted]" }

// GoString is "[redacted]".
func (Credentials) GoString() string { return "[redacted]" }

// What is wrong with a body. None of these has anything of it.
var (
	ErrMediaType = errors.New("the body is neither application/json nor application/x-www-form-urlencoded in UTF-8")
	ErrBody      = errors.New("the body does not have username and password, each once and as a text")
)

// Read reads a body of a media type. Every name must be there once: programs disagree on which of two counts. Of a form
// that it refuses, it returns the Token alone.
func Read(contentType string, body []byte) (Credentials, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if charset, ok := parameters["charset"]; err != nil || ok && !strings.EqualFold(charset, "utf-8") {
		return Credentials{}, ErrMediaType
	}
	var values map[string]string
	switch kind {
	case "application/json":
		values, err = readJSON(body)
	case "application/x-www-form-urlencoded":
		values, err = readForm(body)
	default:
		return Credentials{}, ErrMediaType
	}
	var c Credentials
	if kind != "application/json" { // django/middleware/csrf.py, 5.2: request.POST has nothing of JSON
		c.Token = values[csrf.FieldName]
	}
	name, password := values["username"], values["password"]
	if err != nil || !canBeText(name) || !canBeText(password) {
		return c, ErrBody
	}
	c.Username, c.Password = name, password
	return c, nil
}

// canBeText reports whether a text can be a name or a password. U+FFFD is what decoders put in the place of bytes and
// surrogates that are no characters.
func canBeText(text string) bool {
	return text != "" && len(text) <= MaxText && utf8.ValidString(text) && !strings.ContainsRune(text, utf8.RuneError)
}

// readForm returns the fields that are there once, also with an error.
func readForm(body []byte) (map[string]string, error) {
	form, err := url.ParseQuery(string(body))
	values := map[string]string{}
	for name, list := range form {
		if len(list) == 1 {
			values[name] = list[0]
		} else {
			err = ErrBody
		}
	}
	return values, err
}

// readJSON reads the texts of an object. encoding/json would take the last of two members of a name, and names in
// capitals.
func readJSON(body []byte) (map[string]string, error) {
	if !utf8.Valid(body) {
		return nil, ErrBody
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, ErrBody
	}
	values, seen := map[string]string{}, map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if seen[key] {
			return nil, ErrBody
		}
		seen[key] = true
		if text, ok := value.(string); ok {
			values[key] = text
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrBody
	}
	return values, nil
}
