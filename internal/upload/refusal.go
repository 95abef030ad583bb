package upload

import (
	"errors"
	"os"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/multipart"
	"django-sidecar/internal/upload/naming"
	"django-sidecar/internal/upload/storage"
)

// bodyError is an error of the request's body, to tell it from one of the disk.
type bodyError struct{ err error }

// Error implements error.
func (e *bodyError) Error() string { return "reading the body: " + e.err.Error() }

// Unwrap returns the cause.
func (e *bodyError) Unwrap() error { return e.err }

// RefusalOf is the one table from an error to what the client is told.
func RefusalOf(err error) *reply.Refusal {
	if r := (*reply.Refusal)(nil); errors.As(err, &r) {
		return r
	}
	return replyTo(err).Because(err)
}

func replyTo(err error) reply.Reply {
	syntax, body := (*multipart.ParserError)(nil), (*bodyError)(nil)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return reply.UploadTooSlow.Reply
	case errors.As(err, &body):
		return reply.BodyCutShort.Reply
	case errors.As(err, &syntax):
		return reply.BadForm.Reply
	case errors.Is(err, multipart.ErrTruncated):
		return reply.FormCutShort.Reply
	case errors.Is(err, multipart.ErrHeaderTooLarge):
		return reply.LongPartHeader.Reply
	case errors.Is(err, multipart.ErrTooManyFiles):
		return reply.TooManyFiles.Reply
	case errors.Is(err, multipart.ErrTooManyFields):
		return reply.TooManyFields.Reply
	case errors.Is(err, multipart.ErrFieldsTooLarge):
		return reply.LargeFormFields.Reply
	case errors.Is(err, naming.ErrSuspiciousFileOperation), errors.Is(err, naming.ErrNameTooLong):
		return reply.BadName.Reply
	}
	return storage.ReplyTo(err)
}
