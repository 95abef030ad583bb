package webhook

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Salt is what the signatures are made with: signing.loads(text, salt="django-sidecar.upload"). It keeps an event from
// being taken for anything else that SECRET_KEY signs.
const Salt = "django-sidecar.upload"

// Options says whom to tell, and how.
type Options struct {
	// URL is where events are posted: http or https, without a user. Required.
	URL string
	// Dir is the folder of the queue, in a directory that is there; made if it is missing, for its owner only.
	// Required.
	Dir string
	// Sign makes what signing.dumps(event, salt=Salt) would be at a time, of the event's JSON. It is asked anew at each
	// try, so that the timestamp is that of the try. Required.
	Sign func(payload []byte, at time.Time) (string, error)
	// Now is the clock. Required.
	Now func() time.Time
	// Report is told of each try, by one goroutine at a time, which waits for it. nil: nobody is.
	Report func(Attempt)
	// Client sends the requests. It is copied, without its cookies and its timeout; who made it closes its connections.
	// nil: one that asks no proxy.
	Client *http.Client
	// Timeout bounds one try, from dialling to the answer's last byte; 0: 10 s.
	Timeout time.Duration
	// FirstBackoff and MaxBackoff bound the time between two tries of an event; 0: 1 s and 5 min.
	FirstBackoff, MaxBackoff time.Duration
	// MaxPending is how many events may wait; 0: 100,000. Past it Add fails with ErrFull.
	MaxPending int
}

// The defaults, and what nobody has asked to set yet.
const (
	defaultTimeout      = 10 * time.Second
	defaultFirstBackoff = time.Second
	defaultMaxBackoff   = 5 * time.Minute
	defaultMaxPending   = 100_000

	atOnce        = 4                // tries at the same time
	maxPause      = 30 * time.Second // of the whole queue, but for Retry-After
	maxRetryAfter = time.Hour        // an application that says more is asked again nevertheless
	maxRefusals   = 300              // of an event: with the default backoff, a day of them
)

// validated returns the options with their defaults, and the parsed URL.
func (o Options) validated() (Options, *url.URL, error) {
	target, err := parseURL(o.URL)
	switch {
	case err != nil:
		return o, nil, err
	case o.Dir == "" || o.Sign == nil || o.Now == nil:
		return o, nil, errors.New("a webhook needs Dir, Sign and Now")
	case o.Timeout < 0 || o.FirstBackoff < 0 || o.MaxBackoff < 0 || o.MaxPending < 0:
		return o, nil, errors.New("a webhook's times and numbers are not negative")
	}
	o.Timeout, o.MaxPending = cmp.Or(o.Timeout, defaultTimeout), cmp.Or(o.MaxPending, defaultMaxPending)
	o.FirstBackoff = cmp.Or(o.FirstBackoff, defaultFirstBackoff)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, max(defaultMaxBackoff, o.FirstBackoff))
	if o.MaxBackoff < o.FirstBackoff {
		return o, nil, errors.New("a webhook's MaxBackoff is shorter than its FirstBackoff")
	}
	if o.Report == nil {
		o.Report = func(Attempt) {}
	}
	return o, target, nil
}

// parseURL says what is wrong with a URL for events. The error does not repeat it: its query may hold a secret.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil: // its text has all of the URL
		return nil, errors.New("the webhook is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the webhook's URL begins neither with http:// nor with https://")
	case u.Hostname() == "":
		return nil, errors.New("the webhook's URL names no host")
	case u.User != nil:
		return nil, errors.New("the webhook's URL has a user, who would be sent in clear; the signature says who asks")
	case u.Fragment != "":
		return nil, errors.New("the webhook's URL has a fragment, which is never sent")
	}
	return u, nil
}
