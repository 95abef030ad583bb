package djangosession

import (
	"crypto/sha256"
	"encoding/binary"
)

// Login stands for what a session says of who has logged in: its entries _auth_user_id, _auth_user_backend and
// _auth_user_hash. It is the SHA-256 of the three, so that it can be kept, and opens nothing. Of sessions with equal Logins all
// are a user's, or none is, for as long as the user's row stays as it is.
type Login [sha256.Size]byte

// login is false where an entry is no string, as sessions of Django's own logins have none.
func (s *Session) login() (login Login, ok bool) {
	var room [256]byte // the usual three have 130 characters
	all := room[:0]
	for _, entry := range [...]Value{s.AuthUserID, s.AuthBackend, s.AuthHash} {
		text, ok := entry.Text()
		if !ok {
			return Login{}, false
		}
		all = append(binary.AppendUvarint(all, uint64(len(text))), text...) // no two triples are written alike
	}
	return sha256.Sum256(all), true
}

// userIn asks known for the session's user. known may be nil.
func (s *Session) userIn(known func(Login) *User) *User {
	if known == nil {
		return nil
	}
	login, ok := s.login()
	if !ok {
		return nil
	}
	return known(login)
}
