package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxAnswerBytes is how much of an answer's body is read, for nothing but to use the connection again.
const maxAnswerBytes = 64 << 10

// clientOf is a client that follows no redirect and keeps no cookies.
func clientOf(o Options) *http.Client {
	client := &http.Client{}
	if o.Client != nil {
		*client = *o.Client
	}
	client.Jar, client.Timeout = nil, 0 // each try has its own deadline
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.Client == nil {
		client.Transport = &http.Transport{ // no Proxy: the event is for the application alone
			DialContext:            (&net.Dialer{Timeout: o.Timeout}).DialContext,
			TLSHandshakeTimeout:    o.Timeout,
			MaxIdleConnsPerHost:    atOnce,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		}
	}
	return client
}

// appResponse is what the application answers.
type appResponse struct {
	status     int
	retryAfter time.Duration
}

// post sends a signed event. Nothing of the user's goes with it: no cookie, no session.
func (q *Queue) post(ctx context.Context, signed string) (appResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, q.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, q.target.String(), strings.NewReader(signed))
	if err != nil {
		return appResponse{}, withoutURL(err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=us-ascii")
	request.Header.Set("User-Agent", "django-sidecar")
	response, err := q.client.Do(request)
	if err != nil {
		return appResponse{}, withoutURL(err)
	}
	// The status is the answer. Of a body that does not end in time, or at all, nothing is lost but the connection.
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswerBytes)
	_ = response.Body.Close()
	return appResponse{response.StatusCode, retryAfter(response.Header.Get("Retry-After"), q.options.Now())}, nil
}

// withoutURL takes the URL, with its query, off an error of package http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("no answer: %w", e.Err)
	}
	return err
}

// retryAfter reads the header: RFC 9110, 10.2.3. What it does not understand is 0.
func retryAfter(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	} else if isDigits(value) { // more than a lifetime
		wait = maxRetryAfter
	}
	return min(max(wait, 0), maxRetryAfter)
}

func isDigits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// judge is the table from an answer to what becomes of the event.
func judge(status int) (delivered, refused, final bool) {
	switch {
	case status >= 200 && status <= 299:
		return true, false, false
	case status == http.StatusGone:
		return false, true, true
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests,
		status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		return false, false, false
	}
	return false, true, false
}
