package tus

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"django-sidecar/internal/reply"
)

// tokenLength is that of a URL's last component: 128 random bits in hexadecimal digits, as in a part's id.
const tokenLength = 32

func newToken() string {
	var b [tokenLength / 2]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// idOf is what the state directory knows an upload by. Nobody but its owner comes to it, whatever the token is.
func idOf(token, owner string) (string, error) {
	if len(token) != tokenLength || strings.Trim(token, "0123456789abcdef") != "" {
		return "", reply.NoUpload
	}
	sum := sha256.Sum256([]byte(token + owner)) // the token's length is fixed
	return hex.EncodeToString(sum[:])[:tokenLength], nil
}

// authenticate finds out whose request it is.
func (x *exchange) authenticate() error {
	if x.visit.Owner == nil {
		return errors.New("nobody says whose request it is")
	}
	user, err := x.visit.Owner()
	switch {
	case err != nil:
		return err
	case user == "":
		return errors.New("a session without a user's id")
	}
	x.user = user
	return nil
}

// recheck finds out whether it still is.
func (x *exchange) recheck() error {
	before := x.user
	if err := x.authenticate(); err != nil {
		return err
	}
	if x.user != before {
		x.user = before
		return reply.NoUpload
	}
	return nil
}
