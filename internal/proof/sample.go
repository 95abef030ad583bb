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

	"django-sidecar/internal/keyhash"
)

// Sample is what Django has said of some of its sessions, as the program has written it.
type Sample struct {
	Format  string
	Version int // of the format
	Django  string
	Ended   int64 // when Django was asked last, in seconds since 1970
	// Starts are where in the order of keys the sample's rows are; none where the engine has no table.
	Starts   []string
	Sessions []Sampled
	// Facts are settings of the Django project.
	Facts          Facts
	Users          map[string]sampledRights
	PermissionSets []permissionSet `json:"permission_sets"`
	Permissions    []string        // all that there are
}

// Facts are settings that the sidecar has too. What is nil is not said.
type Facts struct {
	CookieName *string  `json:"cookie_name"`
	CookieAge  *int64   `json:"cookie_age"` // seconds
	Backends   []string `json:"backends"`
	Zone       *string  `json:"zone"` // of the times that are stored without one
}

// sampledRights are those of a user.
type sampledRights struct {
	IsStaff     *bool    `json:"is_staff"`
	IsSuperuser *bool    `json:"is_superuser"`
	Groups      []string `json:"groups"`
	Permissions *int     `json:"permissions"` // the place of a set
	Unknown     []string `json:"unknown"`     // what Django failed to say
}

// permissionSet is what has_perm says. Of what is not in it, it says no if every one has been asked for.
type permissionSet struct {
	Said  map[string]bool `json:"said"`
	Every bool            `json:"every"`
}

// Sampled is what Django has said of one session.
type Sampled struct {
	Key     keyhash.Hash
	User    *string // str(pk), nil for nobody
	Expires *int64  // in seconds since 1970, nil where it is not known
	// The marks are HMACs whose key is the session key: the data as stored, the password column, the names of the user.
	DataMark      string   `json:"data_mark"`
	PasswordMark  string   `json:"password_mark"`
	UsernameMarks []string `json:"username_marks"`
}

// What bounds a s.
const (
	maxSampleBytes    = 64 << 20
	maxSampleSessions = 100_000
	maxSampleStarts   = 1000
	maxStartBytes     = 40
)

// The first line of a s.
const (
	sampleFormat  = "django-sidecar sample"
	sampleVersion = 2
	makeAnother   = "make one with: django-sidecar settings-script -sample 1000 | python manage.py shell"
)

var errChanged = errors.New("has been changed: " + makeAnother)

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
	s := new(Sample)
	err = json.Unmarshal(text, s)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Offset == int64(len(text)) && len(text) > 0:
		return nil, errors.New("ends in the middle: " + makeAnother)
	case s.Format != sampleFormat:
		return nil, errors.New("is no sample of sessions: " + makeAnother)
	case s.Version != sampleVersion:
		return nil, fmt.Errorf("is a sample of version %d, and this django-sidecar reads version %d: "+
			"%s", s.Version, sampleVersion, makeAnother)
	case err != nil:
		return nil, errChanged
	case len(s.Sessions) == 0:
		return nil, errors.New("has no session: log in to the Django site once, and make another one")
	case len(s.Sessions) > maxSampleSessions || len(s.Starts) > maxSampleStarts:
		return nil, fmt.Errorf("has more than %d sessions: a smaller sample proves as much", maxSampleSessions)
	case slices.ContainsFunc(s.Starts, func(s string) bool { return len(s) > maxStartBytes }):
		return nil, errChanged
	}
	for _, rights := range s.Users {
		if p := rights.Permissions; p != nil && (*p < 0 || *p >= len(s.PermissionSets)) {
			return nil, errChanged
		}
	}
	for _, one := range s.Sessions {
		if one.Key == (keyhash.Hash{}) {
			return nil, errChanged
		}
		if one.User != nil {
			if _, said := s.Users[*one.User]; !said { // then nothing but the user would be compared
				return nil, errChanged
			}
		}
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
	rights := s.Users[*one.User]
	said.Rights = Rights{IsStaff: rights.IsStaff, IsSuperuser: rights.IsSuperuser, Groups: rights.Groups}
	if rights.Permissions != nil {
		set := s.PermissionSets[*rights.Permissions]
		said.Permissions = set.Said
		if said.Permissions == nil {
			said.Permissions = map[string]bool{}
		}
		if said.Every = set.Every; set.Every {
			said.All = s.Permissions
		}
	}
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
