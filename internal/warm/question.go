package warm

import (
	"context"
	"sync/atomic"
	"time"
)

// Deadlines gives questions to stores contexts that end when their time is over. Questions that begin at about the same
// time have one timer between them: one that is set and stopped for each took a tenth of a request whose verdict is not
// kept.
type Deadlines struct {
	timeout time.Duration
	current atomic.Pointer[group]
}

// group is of the questions that begin before last.
type group struct {
	ends context.Context //nolint:containedctx // it is the group's
	last time.Time
}

// NewDeadlines returns Deadlines for questions that may take so long.
func NewDeadlines(timeout time.Duration) *Deadlines { return &Deadlines{timeout: timeout} }

// Context returns a context with the values of ctx, the request's. The deadline alone ends it: a client that hangs up must not
// tear down a database connection under its query. It comes up to a hundredth of the timeout early.
func (d *Deadlines) Context(ctx context.Context) context.Context {
	now := time.Now() //nolint:forbidigo // contexts end by the real clock
	g := d.current.Load()
	if g == nil || now.After(g.last) {
		ends, cancel := context.WithDeadline(context.Background(), now.Add(d.timeout))
		context.AfterFunc(ends, cancel) // nobody else ends it
		g = &group{ends, now.Add(d.timeout / 100)}
		d.current.Store(g)
	}
	return question{g.ends, ctx}
}

// question is a context that ends with its group, and has the values of a request.
type question struct {
	context.Context

	values context.Context //nolint:containedctx // it has values alone, of the request
}

// Value implements context.Context. The group, which has none but the context's own mark, is asked first: what ends the
// request would be found in the values.
func (q question) Value(key any) any {
	if v := q.Context.Value(key); v != nil {
		return v
	}
	return q.values.Value(key)
}
