package check

import "sync/atomic"

// cookieless is after how many questions in a row without a Cookie header an operator is told. Programs and health
// checks have none; so many of them in a row, and nobody's browser between them, are rather a gateway that keeps
// cookies to itself.
const cookieless = 100

// NoCookies is what an operator is told then. What to do follows.
const NoCookies = "the last 100 questions had no Cookie header, so that everybody is a stranger. If users are " +
	"signed in, the gateway hands no cookies on: "

// CookieWatch sees whether the questions of a gateway ever have a Cookie header. Without one everybody is a stranger,
// and some gateways hand none on unless they are told to.
type CookieWatch struct{ without atomic.Int64 }

// Missing takes a question, and says whether it is time to tell of it: once, until a Cookie header comes. Preflights
// are not counted, since they never have one.
func (w *CookieWatch) Missing(q Question) bool {
	switch {
	case len(q.Cookies) == 0:
		return !q.Original.Preflight && w.without.Add(1) == cookieless
	case w.without.Load() > 0: // asked first: a cache line that nobody writes is cheap to read
		w.without.Store(0)
	}
	return false
}
