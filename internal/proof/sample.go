package proof

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"django-sidecar/internal/keyhash"
)

// Sample is what Django has said of some of its sessions.
type Sample struct {
	Django, Engine string
	// Began and Ended are when Django was asked.
	Began, Ended time.Time
	// Starts are where in the order of keys the sample's rows are; none where the engine has no table.
	Starts   []string
	Sessions []Sampled
	users    map[string]Rights
}

// Sampled is what Django has said of one session.
type Sampled struct {
	Key     keyhash.Hash
	User    *string    // str(pk), nil for nobody
	Failed  string     // the exception that Django failed with, "" for none
	Expires *time.Time // nil where it is not known
	// The marks are HMACs whose key is the session key: the data as stored, the password column, the names of the user.
	DataMark, PasswordMark string
	UsernameMarks          []string
}

// What bounds a file.
const (
	maxSampleBytes    = 64 << 20
	maxSampleSessions = 100_000
	maxSampleStarts   = 1000
	maxStartBytes     = 40
)

// The first line of a file.
const (
	sampleFormat  = "django-sidecar sample"
	sampleVersion = 1
	makeAnother   = "make one with: django-sidecar settings-script -sample 1000 | python manage.py shell"
)

// ReadSample reads what the program has written. An error says what to do.
func ReadSample(r io.Reader) (*Sample, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSampleBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxSampleBytes:
		return nil, fmt.Errorf("has more than %d MiB: a smaller sample proves as much", maxSampleBytes>>20)
	}
	text = fromBrace(text)
	var file struct {
		Format         string
		Version        int
		Django, Engine string
		Began, Ended   int64
		Starts         []string
		Sessions       []struct {
			Key           string
			User          *string
			Failed        string
			Expires       *int64
			DataMark      string   `json:"data_mark"`
			PasswordMark  string   `json:"password_mark"`
			UsernameMarks []string `json:"username_marks"`
		}
		Users map[string]Rights
	}
	err = json.Unmarshal(text, &file)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Offset == int64(len(text)) && len(text) > 0:
		return nil, errors.New("ends in the middle: " + makeAnother)
	case file.Format != sampleFormat:
		return nil, errors.New("is no sample of sessions: " + makeAnother)
	case file.Version != sampleVersion:
		return nil, fmt.Errorf("is a sample of version %d, and this django-sidecar reads version %d: "+
			"%s", file.Version, sampleVersion, makeAnother)
	case err != nil:
		return nil, errors.New("has been changed: " + makeAnother)
	case len(file.Sessions) == 0:
		return nil, errors.New("has no session: log in to the Django site once, and make another one")
	case len(file.Sessions) > maxSampleSessions || len(file.Starts) > maxSampleStarts:
		return nil, fmt.Errorf("has more than %d sessions: a smaller sample proves as much", maxSampleSessions)
	case slices.ContainsFunc(file.Starts, func(s string) bool { return len(s) > maxStartBytes }):
		return nil, errors.New("has been changed: " + makeAnother)
	}
	s := &Sample{
		Django: file.Django, Engine: file.Engine, Began: time.Unix(file.Began, 0), Ended: time.Unix(file.Ended, 0),
		Starts: file.Starts, users: file.Users,
	}
	for _, e := range file.Sessions {
		key, err := keyhash.Parse(e.Key)
		if err != nil {
			return nil, errors.New("has been changed: " + makeAnother)
		}
		if e.User != nil {
			if _, said := file.Users[*e.User]; !said { // then nothing but the user would be compared
				return nil, errors.New("has been changed: " + makeAnother)
			}
		}
		one := Sampled{
			Key: key, User: e.User, Failed: e.Failed,
			DataMark: e.DataMark, PasswordMark: e.PasswordMark, UsernameMarks: e.UsernameMarks,
		}
		if e.Expires != nil {
			at := time.Unix(*e.Expires, 0)
			one.Expires = &at
		}
		s.Sessions = append(s.Sessions, one)
	}
	return s, nil
}

// fromBrace leaves out the lines before the sample, as shells print them: "6 objects imported automatically".
func fromBrace(text []byte) []byte {
	for len(text) > 0 && text[0] != '{' {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}

// said is what Django has said of a session, whose key has been found.
func (s *Sample) said(one Sampled, key string) Said {
	said := Said{User: one.User}
	if one.User == nil {
		return said
	}
	said.Rights = s.users[*one.User]
	if one.UsernameMarks != nil {
		said.IsUsername = func(name string) bool {
			return slices.ContainsFunc(one.UsernameMarks, func(m string) bool { return isMark(m, key, name) })
		}
	}
	return said
}

// isMark reports whether a mark is that of a value: the beginning of an HMAC with the session key.
func isMark(mark, key, value string) bool {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(value))
	want, err := hex.DecodeString(mark)
	return err == nil && len(want) == sha256.Size/2 && hmac.Equal(want, h.Sum(nil)[:sha256.Size/2])
}
