// Package reply is what clients are told: each status, message and header of verdicts, gateways, gRPC, uploads and
// tus. Read table.go first: it is the one table. Whoever decides picks a row; handlers, extauthz and the library write
// it.
package reply

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Reply is what a client is told.
type Reply struct {
	Status int
	// Message is for people. Without one there is no body.
	Message string
	// Header has what goes with this status, beside the headers that all answers have. Nobody changes it.
	Header []Header
}

// Header is one more field of a reply's header.
type Header struct{ Name, Value string }

// With is the reply with more headers.
func (r Reply) With(more ...Header) Reply {
	r.Header = append(slices.Clip(r.Header), more...)
	return r
}

// As is the reply with another status, for protocols that cannot say the first.
func (r Reply) As(status int) Reply {
	r.Status = status
	return r
}

// AsLocked is a reply of 5xx for a client that takes each of them for the end of its upload. It waits after a 423.
func (r Reply) AsLocked() Reply {
	return Reply{http.StatusLocked, r.Message, again}
}

// Because is the reply as an error. The log gets the cause, if there is one.
func (r Reply) Because(cause error) *Refusal { return &Refusal{r, cause} }

// JSON is the body of a refusal.
func (r Reply) JSON() []byte {
	text, err := json.Marshal(struct {
		Result  bool   `json:"result"` // always false
		Message string `json:"message"`
	}{Message: r.Message})
	if err != nil {
		panic(err) // a struct of a bool and a string
	}
	return text
}

// VariesByCookie adds Cookie to Vary, once.
func VariesByCookie(h http.Header) {
	if !slices.Contains(h["Vary"], "Cookie") {
		h.Add("Vary", "Cookie")
	}
}

// Of is the reply to a request that no handler takes, such as 404 or 405: HTTP's own words for the status.
func Of(status int) Reply {
	if status == http.StatusInternalServerError {
		return Broken
	}
	return Reply{Status: status, Message: http.StatusText(status) + "."}
}

// Refusal is a reply on its way up, as an error. A client gets the reply, and the log the error.
type Refusal struct {
	Reply

	// Err is the cause; nil where the message says it all.
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

// About names what the … of a message stands for.
func (r *Refusal) About(what string) *Refusal {
	about := *r
	about.Message = strings.Replace(r.Message, "…", what, 1)
	return &about
}

// Call is how a call of gRPC ends that has no answer. Its code is one of google/rpc/code.proto.
type Call struct {
	Code    Code
	Message string
}

// Error implements error.
func (c *Call) Error() string { return c.Message }

// Code is a code of gRPC, as google/rpc/code.proto numbers it.
type Code uint64

// The codes that are used.
const (
	OK                Code = 0
	InvalidArgument   Code = 3
	NotFound          Code = 5
	PermissionDenied  Code = 7
	ResourceExhausted Code = 8
	Unimplemented     Code = 12
	Internal          Code = 13
	CodeUnavailable   Code = 14
	Unauthenticated   Code = 16
)

// Replies are all rows of the table but those for gRPC, for the page that lists them.
func Replies() []Reply { return slices.Clone(replies) }

// Calls are all rows for gRPC.
func Calls() []Call { return slices.Clone(calls) }

// The rows, in the order of the table. They are complete once the package is there, and nobody writes to them later.
var (
	replies []Reply
	calls   []Call
)

func row(status int, message string, header ...Header) Reply {
	r := Reply{status, message, header}
	replies = append(replies, r)
	return r
}

func refusal(status int, message string, header ...Header) *Refusal {
	return row(status, message, header...).Because(nil)
}

func call(code Code, message string) *Call {
	c := &Call{code, message}
	calls = append(calls, *c)
	return c
}
