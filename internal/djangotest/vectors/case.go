package vectors

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Case is one file of a folder django-X.Y: a deployment, one session row, one Cookie header, and Django's verdict.
type Case struct {
	// Name is the file's name without .txt, Comment what the case is about.
	Name, Comment string
	// Django and Python are the versions that gave the verdict.
	Django, Python string
	// Now is when it was given.
	Now time.Time
	// SecretKey and what follows are the settings of the same names.
	SecretKey        string
	FallbackKeys     []string
	HashingAlgorithm string
	StoreClass       string
	Backends         []string
	CookieName       string
	// Cookie holds the lines of the Cookie header, byte for byte: one or none.
	Cookie []string
	// SessionKey, ExpireDate and SessionData are the row.
	SessionKey  string
	ExpireDate  time.Time
	SessionData string
	// UserKey is the kind of the users' primary key: integer, uuid or text.
	UserKey string
	Users   []CaseUser
	// UserID is whom Django sees, and Reason why it sees nobody: one of the two is empty where the other is not. An
	// empty text is a primary key too, so that Reason tells.
	UserID, Reason string
}

// CaseUser is a row of the user table of a case.
type CaseUser struct {
	ID       string `json:"id"`
	Username string `json:"username"`
	Password string `json:"password"`
	// IsActive is the JSON of the column: true, false, null, or nothing where the model has no such column.
	IsActive json.RawMessage `json:"is_active"`
}

// ReadCases reads all files *.txt of a folder. Fewer than atLeast are an error.
func ReadCases(folder fs.FS, atLeast int) ([]Case, error) {
	names, err := fs.Glob(folder, "*.txt")
	if err != nil {
		return nil, err
	}
	if len(names) < atLeast { // a glob over a folder that is not there finds nothing, and no fault either
		return nil, fmt.Errorf("%d cases, expected at least %d", len(names), atLeast)
	}
	cases := make([]Case, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		c, err := parseCase(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		c.Name = strings.TrimSuffix(name, ".txt")
		cases = append(cases, c)
	}
	return cases, nil
}

func parseCase(text string) (Case, error) {
	head, data, found := strings.Cut(text, "\n\n")
	if !found || !strings.HasSuffix(data, "\n") {
		return Case{}, fmt.Errorf("no empty line after the header, or no newline at the end")
	}
	c := Case{SessionData: strings.TrimSuffix(data, "\n")}
	fields := c.fields()
	missing := map[string]bool{}
	for name := range fields {
		missing[name] = name != "cookie" && name != "user-id"
	}
	for line := range strings.SplitSeq(head, "\n") {
		name, value, found := strings.Cut(line, ": ")
		read, known := fields[name]
		if !found || !known {
			return Case{}, fmt.Errorf("unknown header line %q", line)
		}
		delete(fields, name) // so that a second one is unknown
		delete(missing, name)
		if err := read(value); err != nil {
			return Case{}, fmt.Errorf("header line %q: %w", name, err)
		}
	}
	for name, required := range missing {
		if required {
			return Case{}, fmt.Errorf("no header line %q", name)
		}
	}
	if _, noUser := fields["user-id"]; noUser == (c.Reason == "") {
		return Case{}, fmt.Errorf("a user-id, or a reason why there is none, and not both")
	}
	return c, nil
}

// fields says how each header line is read into c.
func (c *Case) fields() map[string]func(string) error {
	return map[string]func(string) error{
		"comment":           word(&c.Comment),
		"django":            word(&c.Django),
		"python":            word(&c.Python),
		"now":               moment(&c.Now),
		"secret-key":        asJSON(&c.SecretKey),
		"fallback-keys":     asJSON(&c.FallbackKeys),
		"hashing-algorithm": oneOf(&c.HashingAlgorithm, "sha256", "sha1"),
		"store-class":       word(&c.StoreClass),
		"backends":          asJSON(&c.Backends),
		"cookie-name":       word(&c.CookieName),
		"cookie":            c.readCookie,
		"session-key":       asJSON(&c.SessionKey),
		"expire-date":       moment(&c.ExpireDate),
		"user-key":          oneOf(&c.UserKey, "integer", "uuid", "text"),
		"users":             asJSON(&c.Users),
		"expect":            c.readExpect,
		"user-id":           c.readUserID,
	}
}

func (c *Case) readCookie(value string) error {
	var header string
	if err := strictJSON([]byte(value), &header); err != nil {
		return err
	}
	line, err := Latin1(header)
	c.Cookie = []string{line}
	return err
}

func (c *Case) readExpect(value string) error {
	if value == "authenticated" {
		return nil
	}
	reason, found := strings.CutPrefix(value, "anonymous ")
	if !found || reason == "" {
		return fmt.Errorf("%q is neither authenticated nor anonymous with a reason", value)
	}
	c.Reason = reason
	return nil
}

// readUserID reads a plain word, or the JSON of any other text.
func (c *Case) readUserID(value string) error {
	if strings.HasPrefix(value, `"`) {
		return strictJSON([]byte(value), &c.UserID)
	}
	return word(&c.UserID)(value)
}

func word(to *string) func(string) error {
	return func(value string) error {
		if value == "" {
			return fmt.Errorf("an empty value")
		}
		*to = value
		return nil
	}
}

func oneOf(to *string, allowed ...string) func(string) error {
	return func(value string) error {
		*to = value
		for _, a := range allowed {
			if value == a {
				return nil
			}
		}
		return fmt.Errorf("%q is none of %q", value, allowed)
	}
}

func moment(to *time.Time) func(string) error {
	return func(value string) (err error) {
		*to, err = time.Parse(time.RFC3339Nano, value)
		return err
	}
}

func asJSON(to any) func(string) error {
	return func(value string) error { return strictJSON([]byte(value), to) }
}
