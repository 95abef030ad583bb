package observe

import (
	"cmp"
	"io"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/warm"
)

// AuditName says what has happened. docs/audit.md describes each.
type AuditName string

// What the audit log has.
const (
	AuditStarted        AuditName = "started"
	AuditStopped        AuditName = "stopped"
	AuditReloaded       AuditName = "settings_reloaded"
	AuditReloadRefused  AuditName = "settings_refused"
	AuditSessionEnded   AuditName = "session_ended"
	AuditSessionChanged AuditName = "session_user_changed"
	AuditUploadStored   AuditName = "upload_stored"
	AuditUploadDenied   AuditName = "upload_denied"
	AuditLogin          AuditName = "login"
	AuditLoginDenied    AuditName = "login_denied"
	AuditLogout         AuditName = "logout"
)

// AuditEvent is a line of the audit log. Nothing in it is secret. What is empty is left out, except the time and the
// name.
type AuditEvent struct {
	// Name is required.
	Name AuditName
	// Request is the request that it happened in, with its user and its session; nil: in none. Its status is that of
	// the answer, where there is one already.
	Request *Event
	// UserID and Session are in place of those of the request, where they differ.
	UserID  string
	Session keyhash.Hash
	// Reason is why a session is nobody's, or why something was denied.
	Reason string
	// Before is the user whom the session had before.
	Before string
	// File is what was stored.
	File AuditFile
	// Err is why something failed, or was denied.
	Err error
	// Details are what a start and a reload say besides, in this order.
	Details []AuditDetail
}

// AuditFile is a file that was stored.
type AuditFile struct {
	Name, OriginalName, ContentType, SHA256 string
	Size                                    int64
}

// AuditDetail is a member of a line.
type AuditDetail struct{ Name, Value string }

// Audit is the audit log: one JSON object a line. A nil Audit is one that is off, and costs nothing. No request waits
// for it: where lines come faster than they can be written, and where they cannot be written at all, they are lost,
// and counted.
type Audit struct {
	lines *AsyncWriter
	sink  *auditSink
	now   func() time.Time
	seen  sessionsSeen
}

// AuditOptions say where the audit log goes. Now is required, and one of Path and Writer.
type AuditOptions struct {
	// Path is a file. It is opened again where it has been renamed or removed.
	Path string
	// Writer takes the lines where there is no path.
	Writer io.Writer
	// Report takes the errors of writing; nil: nobody does.
	Report func(error)
	Now    func() time.Time
}

// auditBytes is how much of the audit log may wait for the disk.
const auditBytes = 1 << 20

// OpenAudit opens the audit log. Close ends it.
func OpenAudit(o AuditOptions) (*Audit, error) {
	sink := &auditSink{path: o.Path, w: o.Writer, report: o.Report}
	if o.Path != "" {
		if err := sink.open(); err != nil {
			return nil, err
		}
	}
	return &Audit{lines: NewAsyncWriter(sink, auditBytes), sink: sink, now: o.Now}, nil
}

// Close writes what waits.
func (a *Audit) Close() error {
	if a == nil {
		return nil
	}
	a.lines.Close()
	return a.sink.close()
}

// Lost counts the lines that were not written.
func (a *Audit) Lost() uint64 { return a.lines.Dropped() + a.sink.lost.Load() }

// AuditLost adds the metric of lines that are not in the audit log.
func (m *Metrics) AuditLost(lost func() uint64) {
	m.counted("django_sidecar_audit_events_lost_total",
		"Events that are not in the audit log, because it could not be written, or not fast enough.", lost)
}

// Record writes an event. Nobody waits for it.
func (a *Audit) Record(e AuditEvent) {
	if a == nil {
		return
	}
	line, _ := linePool.Get().(*[]byte)
	*line = e.appendJSON((*line)[:0], a.now())
	a.lines.Offer(*line)
	if cap(*line) <= maxPooledLine {
		linePool.Put(line)
	}
}

// Verdict records that a session is no longer what it was when it was asked for before. It takes what a request leaves
// in the log, once the verdict is in it. A verdict that could not be found out changes nothing.
func (a *Audit) Verdict(e *Event, v djangosession.Verdict) {
	if a == nil || e.Session == (keyhash.Hash{}) {
		return
	}
	if v.User != nil {
		if before := a.seen.alive(e.Session, v.User.ID); before != "" {
			a.Record(AuditEvent{Name: AuditSessionChanged, Request: e, UserID: v.User.ID, Before: before})
		}
		return
	}
	if user := a.seen.ended(e.Session); user != "" {
		a.Record(AuditEvent{Name: AuditSessionEnded, Request: e, UserID: user, Reason: string(v.Reason)})
	}
}

// What the values of a line may take of it.
const (
	auditNameBytes   = 640
	auditDetailBytes = 512
)

// appendJSON appends the line, whose msg tells it from those of the log where both go to stderr.
func (e *AuditEvent) appendJSON(b []byte, at time.Time) []byte {
	o := warm.NewJSONObject(b)
	o.Escape = escape
	o.Time("time", at.UTC(), time.RFC3339Nano)
	o.String("msg", "audit")
	o.String("event", string(e.Name))
	text := func(name, value string, most int) {
		if value != "" {
			o.String(name, cut(value, most))
		}
	}
	request := e.Request
	if request == nil {
		request = &Event{}
	}
	session := e.Session
	if session == (keyhash.Hash{}) {
		session = request.Session
	}
	text("user_id", cmp.Or(e.UserID, request.UserID), userIDBytes)
	text("before_user_id", e.Before, userIDBytes)
	text("session", session.Name(), otherBytes)
	text("reason", e.Reason, auditDetailBytes)
	text("method", request.Method, methodBytes)
	text("path", request.Path, pathBytes)
	if request.Status != 0 {
		o.Int("status", request.Status)
	}
	text("remote", request.Remote, remoteBytes)
	text("trace_id", request.Trace, otherBytes)
	if e.File.Name != "" {
		text("name", e.File.Name, auditNameBytes)
		text("original_name", e.File.OriginalName, auditNameBytes)
		o.Float("size", float64(e.File.Size))
		text("content_type", e.File.ContentType, auditDetailBytes)
		text("sha256", e.File.SHA256, otherBytes)
	}
	for _, d := range e.Details {
		text(d.Name, d.Value, auditDetailBytes)
	}
	if e.Err != nil {
		text("error", e.Err.Error(), auditDetailBytes)
	}
	return append(o.End(), '\n')
}
