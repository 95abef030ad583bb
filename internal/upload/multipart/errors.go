package multipart

import "errors"

// What a body may be refused for, beside a ParserError. Every other error is the source's own.
var (
	// ErrTruncated says that the body ends before its closing boundary.
	ErrTruncated = errors.New("the multipart body ends before its closing boundary")
	// ErrHeaderTooLarge says that a part's header, or what comes before the first part, is longer than
	// Limits.HeaderBytes.
	ErrHeaderTooLarge = errors.New("the header of a part is too large")
	// ErrTooManyFiles says that there are more files than Limits.Files: Django's TooManyFilesSent.
	ErrTooManyFiles = errors.New("too many files")
	// ErrTooManyFields says that there are more fields than Limits.Fields: Django's TooManyFieldsSent.
	ErrTooManyFields = errors.New("too many fields")
	// ErrFieldsTooLarge says that the fields together are longer than Limits.FieldBytes: Django's RequestDataTooBig.
	ErrFieldsTooLarge = errors.New("the fields are too large")
)

// Mistakes of the caller.
var (
	errStale  = errors.New("multipart: the part is used after Next")
	errTaken  = errors.New("multipart: the part is taken twice")
	errBuffer = errors.New("multipart: the buffer is too small for a part's header and a boundary")
)

// A ParserError says that a Content-Type or a body cannot be read as multipart/form-data in only one way.
type ParserError struct {
	Problem string // what is wrong, without any of the body
}

// Error implements error.
func (e *ParserError) Error() string { return "malformed multipart/form-data: " + e.Problem }
