package signing

import (
	"errors"
	"fmt"
)

// ErrBadSignature says that none of the accepted keys made the signature, or
// that there is no signature: Django's signing.BadSignature.
var ErrBadSignature = errors.New("bad signature")

// ErrSignatureExpired says that the signature is right and its timestamp older
// than allowed: Django's signing.SignatureExpired. It is an ErrBadSignature,
// as in Django.
var ErrSignatureExpired = fmt.Errorf("signature expired: %w", ErrBadSignature)

// A SyntaxError says that a value cannot be read, although no signature speaks
// against it: its timestamp, base64 or compression is broken, or it is larger
// than allowed.
type SyntaxError struct {
	Problem string // what is broken, without any of the value
}

// Error implements error.
func (e *SyntaxError) Error() string { return "malformed signed value: " + e.Problem }

func malformed(format string, args ...any) error {
	return &SyntaxError{Problem: fmt.Sprintf(format, args...)}
}
