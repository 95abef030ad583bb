package tus

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/storage"
)

// refusedError is an answer on its way up.
type refusedError struct{ Refusal }

// Error implements error.
func (e *refusedError) Error() string { return e.Message }

func refuse(status int, message string) error {
	return &refusedError{Refusal{Status: status, Message: message}}
}

func refuseWith(status int, message, name, value string) error {
	return &refusedError{Refusal{status, message, http.Header{name: {value}}}}
}

func badRequest(message string) error { return refuse(http.StatusBadRequest, message) }

var (
	// errNotFound is for what never was, what is gone and what is another user's.
	errNotFound  = refuse(http.StatusNotFound, "There is no such upload.")
	errExpired   = refuse(http.StatusGone, "The upload has expired.")
	errOffset    = refuse(http.StatusConflict, "Upload-Offset is not the upload's offset.")
	errTakenOver = refuse(http.StatusLocked, "Another request has taken the upload over.")
	errTooLarge  = refuse(http.StatusRequestEntityTooLarge, "The upload is too large.")
	errBeyond    = refuse(http.StatusRequestEntityTooLarge, "The body goes beyond the upload's length.")
	errTooSlow   = refuse(http.StatusRequestTimeout, "The body came too slowly.")
	errBroken    = refuse(http.StatusBadRequest, "The body ended early.")
)

// lingering is how long a client that is refused may go on sending.
const lingering = 2 * time.Second

var retry = http.Header{"Retry-After": {"1"}}

// faults is the table from errors of parts to what a client is told. Package storage has those of every upload.
var faults = []struct {
	err error
	Refusal
}{
	{media.ErrBusy, Refusal{Status: http.StatusLocked, Message: "The upload is in use.", Header: retry}}, // by another process
	{media.ErrDamaged, Refusal{Status: http.StatusGone, Message: "The upload has been damaged."}},
}

// also joins an error with one of cleaning up. It leaves a refusal what it is where there is none.
func also(err, cleaning error) error {
	if cleaning == nil {
		return err
	}
	return errors.Join(err, cleaning)
}

// refusalOf is what a client is told of an error, and whether the fault is ours.
func refusalOf(err error) (refusal Refusal, ours bool) {
	if e := new(refusedError); errors.As(err, &e) {
		return e.Refusal, err != error(e) //nolint:errorlint // what a refusal is joined with is a fault
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return f.Refusal, true
		}
	}
	a := storage.AnswerTo(err)
	refusal = Refusal{Status: a.Status, Message: a.Message}
	if a.Status == http.StatusServiceUnavailable {
		refusal.Header = retry
	}
	return refusal, true
}

// fail answers with a refusal.
func (x *exchange) fail(err error) {
	refusal, ours := refusalOf(err)
	if ours {
		x.Report(x.r, err)
	}
	if x.r.Method == http.MethodHead && refusal.Status >= http.StatusInternalServerError {
		// To tus-js-client 4.3.1 (lib/upload.js, _resumeUpload) every answer to HEAD but this one says that the upload
		// is lost, and it begins another.
		refusal = Refusal{Status: http.StatusLocked, Message: refusal.Message, Header: retry}
	}
	body, err := json.Marshal(struct {
		Result  bool   `json:"result"`
		Message string `json:"message"`
	}{Message: refusal.Message})
	if err != nil {
		x.Report(x.r, err)
	}
	h := x.w.Header()
	for name, values := range refusal.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", decimal(int64(len(body))))
	if x.r.ProtoMajor == 1 && !x.drained {
		// The rest of the body is not wanted. Package linger reads it, or where that is off net/http, for a moment: a connection
		// that is closed on unread bytes is reset, and the client would lose the answer.
		h.Set("Connection", "close")
		_ = http.NewResponseController(x.w).SetReadDeadline(x.Now().Add(lingering))
	}
	x.w.WriteHeader(refusal.Status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // it fails where the client is gone
	}
}
