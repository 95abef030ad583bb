package check

import "sync/atomic"

// cookieless is how many questions in a row may come without a Cookie header before the log has a warning. Programs and
// health checks have none. So many in a row, without a browser between them, mean that the gateway hands no cookies on.
const cookieless = 100

// NoCookies is the warning. What to do about it follows in the log.
const NoCookies = "the last 100 questions had no Cookie header, so that everybody is a stranger. If users are " +
	"signed in, the gateway hands no cookies on: "

// CookieWatch sees whether the questions of a gateway ever have a Cookie header. Without one everybody is a stranger,
// and some gateways hand none on unless they are told to.
type CookieWatch struct{ without atomic.Int64 }

// Missing counts a question, and reports whether to warn now: once, until a Cookie header comes. It does not count
// preflights, which never have one.
func (w *CookieWatch) Missing(q Question) bool {
	switch {
	case len(q.Cookies) == 0:
		return !q.Original.Preflight && w.without.Add(1) == cookieless
	case w.without.Load() > 0: // asked first: a cache line that nobody writes is cheap to read
		w.without.Store(0)
	}
	return false
}
