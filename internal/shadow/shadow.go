// Package shadow compares a share of what the sidecar answers with what Django says at the same time: it asks a view
// of the project, in the background. No answer waits for it, or changes because of it.
package shadow

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/keyhash"
	"django-sidecar/internal/proof"
)

// Options say whom to ask. All but Share and InsecureHTTP are required.
type Options struct {
	// URL is the view's: http or https.
	URL string
	// Share is how many of the requests are compared: 0 is none, 1 all.
	Share float64
	// InsecureHTTP lets cookies go to any address by plain HTTP. Otherwise that is only an address of this machine or
	// of a private network.
	InsecureHTTP bool
	// Ask is the sidecar's own verdict on Cookie headers, which nothing has kept.
	Ask func(ctx context.Context, cookies []string) (keyhash.Key, proof.Known, error)
	// Report is told of each comparison, by several goroutines.
	Report func(Comparison)
}

// Comparison is what has come of a request.
type Comparison struct {
	Result  Result
	Session keyhash.Hash
	// Differences are those of Different.
	Differences []proof.Difference
	// Err is why it Failed.
	Err error
}

// Result is what a comparison comes to.
type Result string

// The results. Their texts are those of the metric.
const (
	Same      Result = "same"      // both say the same
	Different Result = "different" // they do not, and did not when they were asked again
	Settled   Result = "settled"   // they did not at first: something changed meanwhile, or a verdict had been kept
	Skipped   Result = "skipped"   // a look would have Django give the session another key
	Dropped   Result = "dropped"   // there were too many to compare
	Failed    Result = "failed"    // one of the two did not answer
)

// Results are all of them.
func Results() []Result { return []Result{Same, Different, Settled, Skipped, Dropped, Failed} }

const (
	waiting = 64              // requests that wait to be compared
	atOnce  = 2               // comparisons at the same time
	timeout = 5 * time.Second // of one comparison
	// maxCookieBytes bounds what a request that waits may hold.
	maxCookieBytes = 16 << 10
)

// Shadow compares.
type Shadow struct {
	options Options
	client  *http.Client
	queue   chan question
}

// question is a request, and what it was answered.
type question struct {
	cookies []string
	user    string // "" for nobody
}

// New returns a Shadow, which Run runs.
func New(o Options) *Shadow {
	return &Shadow{options: o, client: newClient(o.InsecureHTTP), queue: make(chan question, waiting)}
}

// Offer takes a request that has been answered, and its verdict. It does not wait.
func (s *Shadow) Offer(cookies []string, v djangosession.Verdict) {
	if len(cookies) == 0 || rand.Float64() >= s.options.Share { //nolint:gosec // a sample needs no secret dice
		return
	}
	size := 0
	for _, c := range cookies {
		size += len(c)
	}
	q := question{cookies: slices.Clone(cookies)}
	if v.User != nil {
		q.user = v.User.ID
	}
	if size <= maxCookieBytes {
		select {
		case s.queue <- q:
			return
		default:
		}
	}
	s.options.Report(Comparison{Result: Dropped})
}

// Run compares what is offered, until ctx ends.
func (s *Shadow) Run(ctx context.Context) {
	defer s.client.CloseIdleConnections()
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case q := <-s.queue:
					c := s.compare(ctx, q)
					if ctx.Err() == nil { // what is cut off has failed for no reason
						s.options.Report(c)
					}
				}
			}
		})
	}
	running.Wait()
}

// compare asks both, and where they differ, both again: a session may end between two questions.
func (s *Shadow) compare(ctx context.Context, q question) Comparison {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	first, known := s.once(ctx, q)
	switch {
	case first.Result == Same && q.user != userOf(known):
		first.Result = Settled // what was answered had been kept, or has ended since
		return first
	case first.Result != Different:
		return first
	}
	again, _ := s.once(ctx, q)
	switch {
	case again.Result == Same:
		again.Result = Settled
	case again.Result == Different && !slices.Equal(first.Differences, again.Differences):
		again.Result, again.Differences = Settled, nil
	}
	return again
}

// once asks both.
func (s *Shadow) once(ctx context.Context, q question) (Comparison, proof.Known) {
	key, known, err := s.options.Ask(ctx, q.cookies)
	c := Comparison{Session: key.Hash, Result: Failed, Err: err}
	if err != nil {
		return c, known
	}
	// contrib/auth/__init__.py, 5.2, get_user: a session whose auth hash a fallback key alone verifies gets another
	// key, and the cookie with it would come to us, not to the browser.
	if known.User != nil && known.HashedBy.Fallback > 0 {
		c.Result = Skipped
		return c, known
	}
	said, err := s.ask(ctx, q.cookies)
	if err != nil {
		c.Err = err
		return c, known
	}
	c.Result = Same
	if c.Differences = said.Differences(known); len(c.Differences) > 0 {
		c.Result = Different
	}
	return c, known
}

func userOf(k proof.Known) string {
	if k.User == nil {
		return ""
	}
	return k.User.ID
}

// errView begins what is said of an answer that is not the view's.
var errView = errors.New("SIDECAR_SHADOW_URL does not answer as the view of docs/proof.md does")

// isJSON reports whether a Content-Type is that of JSON.
func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}
