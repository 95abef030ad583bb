package djangosession

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Claim is who a session says has logged in. It is no verdict: Verifier.Resolve looks the user up, and As takes a
// user who is known already. The zero Claim is nobody's.
type Claim struct {
	// Session is the session that was loaded, nil where there is none, or it could not be read.
	Session *Session
	// Expires is when the session ends, or the login in it, the zero Time where the store does not know.
	Expires time.Time
	// Reason says why nobody is logged in, whoever the user is. It is empty where the user decides.
	Reason Reason

	rule UserRule // of the backend through which the user has logged in
}

// Login is the SHA-256 of the three entries by which a session says who has logged in: _auth_user_id,
// _auth_user_backend and _auth_user_hash. It can be kept, since nobody can log in with it. Claims with equal Logins
// resolve to the same user, or all to none, for as long as the user's row does not change.
type Login [sha256.Size]byte

// Login returns the Login of the claim's session. ok is false where the claim says why nobody is logged in, and where
// one of the entries is no string. Django's own login() writes strings.
func (c Claim) Login() (login Login, ok bool) {
	if !c.open() {
		return Login{}, false
	}
	var room [256]byte // the three usually have less than 150 bytes
	all := room[:0]
	for _, entry := range [...]Value{c.Session.AuthUserID, c.Session.AuthBackend, c.Session.AuthHash} {
		text, ok := entry.Text()
		if !ok {
			return Login{}, false
		}
		all = append(binary.AppendUvarint(all, uint64(len(text))), text...) // no two triples are written alike
	}
	return sha256.Sum256(all), true
}

// As is Resolve without a look at the user store. The user must be that of an earlier Verdict, on a claim with an
// equal Login. The new Verdict is as old as that one in what it says of the user.
func (c Claim) As(user *User) Verdict {
	switch {
	case !c.open():
		return c.no(c.Reason)
	case user == nil:
		return c.no(UserNotFound)
	}
	return c.yes(user)
}

// open reports whether the user decides.
func (c Claim) open() bool { return c.Session != nil && c.Reason == "" }

func (c Claim) yes(user *User) Verdict {
	return Verdict{User: user, Expires: c.Expires, Session: c.Session}
}

// no is for claims that Begin has not made, too: a Verdict without a user has a Reason.
func (c Claim) no(reason Reason) Verdict {
	if reason == "" {
		reason = Anonymous
	}
	return Verdict{Session: c.Session, Reason: reason}
}
