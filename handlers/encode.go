package handlers

import (
	"strconv"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/plainjson"
)

// body is the JSON of a verdict.
type body struct {
	result  bool
	message string
	user    *djangosession.User  // what is not known of it is left out
	expires time.Time            // left out where it is zero
	reason  djangosession.Reason // with SIDECAR_EXPLAIN only
}

// appendJSON appends the body.
func (a *body) appendJSON(b []byte) []byte {
	b = append(b, `{"result":`...)
	b = strconv.AppendBool(b, a.result)
	b = append(b, `,"message":`...)
	b = plainjson.AppendString(b, a.message)
	if a.user != nil {
		b = append(b, `,"user":`...)
		b = appendUser(b, a.user)
	}
	if !a.expires.IsZero() {
		b = append(b, `,"expires":"`...)
		b = a.expires.UTC().AppendFormat(b, time.RFC3339)
		b = append(b, '"')
	}
	if a.reason != "" {
		b = append(b, `,"reason":`...)
		b = plainjson.AppendString(b, string(a.reason))
	}
	return append(b, '}')
}

func appendUser(b []byte, u *djangosession.User) []byte {
	b = append(b, `{"id":`...)
	b = plainjson.AppendString(b, u.ID)
	if u.Username != nil {
		b = append(b, `,"username":`...)
		b = plainjson.AppendString(b, *u.Username)
	}
	if u.Email != nil {
		b = append(b, `,"email":`...)
		b = plainjson.AppendString(b, *u.Email)
	}
	b = appendFlag(b, `,"is_staff":`, u.IsStaff)
	b = appendFlag(b, `,"is_superuser":`, u.IsSuperuser)
	return append(b, '}')
}

// appendFlag leaves out what is not known.
func appendFlag(b []byte, name string, f djangosession.Flag) []byte {
	if f != djangosession.True && f != djangosession.False {
		return b
	}
	return strconv.AppendBool(append(b, name...), f == djangosession.True)
}
