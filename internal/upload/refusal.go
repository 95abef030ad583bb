package upload

import (
	"errors"
	"net/http"
	"os"

	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/multipart"
	"django-sidecar/internal/upload/naming"
	"django-sidecar/internal/upload/storage"
)

// Refusal is why an upload is not taken, as its client is told. Nothing of it is under MEDIA_ROOT.
type Refusal struct { //nolint:errname // what a client gets is a refusal
	Status  int
	Message string
	// Err is the cause, for the log; nil where the message says it all.
	Err error
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return r.Message + " " + r.Err.Error()
	}
	return r.Message
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// What a request is refused for by itself.
var (
	errNoFile       = &Refusal{Status: http.StatusBadRequest, Message: "There is no file in the request."}
	errTooLarge     = &Refusal{Status: http.StatusRequestEntityTooLarge, Message: "The file is too large."}
	errFormTooLarge = &Refusal{Status: http.StatusRequestEntityTooLarge, Message: "The files are too large together."}
	errExtension    = &Refusal{Status: http.StatusUnsupportedMediaType, Message: "Files of this kind are not taken."}
)

// ErrType refuses a file whose first bytes are not what its name promises.
var ErrType = &Refusal{Status: http.StatusUnsupportedMediaType, Message: "The file is not what its name says."}

// bodyError is an error of the request's body, to tell it from one of the disk.
type bodyError struct{ err error }

// Error implements error.
func (e *bodyError) Error() string { return "reading the body: " + e.err.Error() }

// Unwrap returns the cause.
func (e *bodyError) Unwrap() error { return e.err }

// RefusalOf is the one table from an error to what the client is told.
func RefusalOf(err error) *Refusal {
	if r := (*Refusal)(nil); errors.As(err, &r) {
		return r
	}
	syntax, body := (*multipart.SyntaxError)(nil), (*bodyError)(nil)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Refusal{http.StatusRequestTimeout, "The upload is too slow.", err}
	case errors.As(err, &body):
		return &Refusal{http.StatusBadRequest, "The body is cut short.", err}
	case errors.As(err, &syntax):
		return &Refusal{http.StatusBadRequest, "The form is malformed.", err}
	case errors.Is(err, multipart.ErrTruncated):
		return &Refusal{http.StatusBadRequest, "The form is cut short.", err}
	case errors.Is(err, multipart.ErrHeaderTooLarge):
		return &Refusal{http.StatusBadRequest, "A part of the form has too long a header.", err}
	case errors.Is(err, multipart.ErrTooManyFiles):
		return &Refusal{http.StatusBadRequest, "The form has too many files.", err}
	case errors.Is(err, multipart.ErrTooManyFields):
		return &Refusal{http.StatusBadRequest, "The form has too many fields.", err}
	case errors.Is(err, multipart.ErrFieldsTooLarge):
		return &Refusal{http.StatusRequestEntityTooLarge, "The form's fields are too large.", err}
	case errors.Is(err, naming.ErrSuspiciousFileOperation), errors.Is(err, naming.ErrNameTooLong):
		err = errors.Join(media.ErrName, err)
	}
	a := storage.AnswerTo(err)
	return &Refusal{a.Status, a.Message, err}
}
