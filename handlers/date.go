package handlers

import (
	"net/http"
	"sync/atomic"
	"time"
)

// dateHeader is what net/http would add by itself. It reads the clock for that and writes the date anew for each answer, which
// takes a hundredth of a request whose verdict is kept.
const dateHeader = "Date"

// dated is the header of a second's answers.
type dated struct {
	unix int64
	date []string // nobody changes it
}

// lastDate is the one that was made last.
var lastDate atomic.Pointer[dated]

// dateOf is the header of an answer that is given at once, at the time t (RFC 9110, 6.6.1).
func dateOf(t time.Time) []string {
	d := lastDate.Load()
	if d == nil || d.unix != t.Unix() {
		d = &dated{unix: t.Unix(), date: []string{t.UTC().Format(http.TimeFormat)}}
		lastDate.Store(d)
	}
	return d.date
}
