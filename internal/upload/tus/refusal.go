package tus

import (
	"errors"
	"net/http"
	"time"

	"django-sidecar/internal/reply"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/storage"
)

// lingering is how long a client that is refused may go on sending.
const lingering = 2 * time.Second

// faults is the table from errors of parts to what a client is told. Package storage has those of every upload.
var faults = []struct {
	err error
	*reply.Refusal
}{
	{media.ErrBusy, reply.InUse},
	{media.ErrDamaged, reply.UploadDamaged},
}

// also joins an error with one of cleaning up. It leaves a refusal what it is where there is none.
func also(err, cleaning error) error {
	if cleaning == nil {
		return err
	}
	return errors.Join(err, cleaning)
}

// replyTo is what a client is told of an error, and whether the fault is ours.
func replyTo(err error) (r reply.Reply, ours bool) {
	if e := (*reply.Refusal)(nil); errors.As(err, &e) {
		return e.Reply, err != error(e) //nolint:errorlint // what a refusal is joined with is a fault
	}
	for _, f := range faults {
		if errors.Is(err, f.err) {
			return f.Reply, true
		}
	}
	return storage.ReplyTo(err), true
}

// fail answers with a refusal.
func (x *exchange) fail(err error) {
	told, ours := replyTo(err)
	if ours {
		x.report(err)
	}
	if x.visit.Refused != nil {
		x.visit.Refused(told)
	}
	if x.r.Method == http.MethodHead && told.Status >= http.StatusInternalServerError {
		// To tus-js-client 4.3.1 (lib/upload.js, _resumeUpload) every answer to HEAD but this one says that the upload
		// is lost, and it begins another.
		told = told.AsLocked()
	}
	body, h := told.JSON(), x.w.Header()
	for _, header := range told.Header {
		h.Set(header.Name, header.Value)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", decimal(int64(len(body))))
	if x.r.ProtoMajor == 1 && !x.drained {
		// The rest of the body is not wanted. Package linger reads it, or where that is off net/http, for a moment: a
		// connection that is closed on unread bytes is reset, and the client would lose the answer.
		h.Set("Connection", "close")
		_ = http.NewResponseController(x.w).SetReadDeadline(x.Now().Add(lingering))
	}
	x.w.WriteHeader(told.Status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // it fails where the client is gone
	}
}
