package shadow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"django-sidecar/internal/proof"
)

// maxAnswerBytes bounds an answer: ten thousand permissions have less.
const maxAnswerBytes = 1 << 20

// newClient follows no redirect, keeps no cookies and asks no proxy: a Cookie header is for the view alone.
func newClient(insecureHTTP bool) *http.Client {
	direct := &net.Dialer{Timeout: timeout}
	private := &net.Dialer{Timeout: timeout, Control: privateOnly}
	if insecureHTTP {
		private = direct
	}
	plain := &http.Transport{
		DialContext: private.DialContext, MaxIdleConnsPerHost: atOnce, IdleConnTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, TLSHandshakeTimeout: timeout,
		Protocols: new(http.Protocols),
	}
	plain.Protocols.SetHTTP1(true) // HTTP/2 would join the lines of Cookie, and Django reads two otherwise than one
	tls := plain.Clone()
	tls.DialContext = direct.DialContext
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &byScheme{plain, tls},
	}
}

// byScheme has plain HTTP and HTTPS dial in different ways.
type byScheme struct{ plain, tls *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b *byScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" {
		return b.tls.RoundTrip(r)
	}
	return b.plain.RoundTrip(r)
}

// CloseIdleConnections is what http.Client looks for.
func (b *byScheme) CloseIdleConnections() {
	b.plain.CloseIdleConnections()
	b.tls.CloseIdleConnections()
}

var errPublic = errors.New("SIDECAR_SHADOW_URL is plain http and leads to a public address: cookies would go " +
	"there in clear. Use https, or set SIDECAR_SHADOW_INSECURE_HTTP=true")

// privateOnly refuses addresses outside of this machine and private networks. It sees the address that a name has led
// to.
func privateOnly(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return errPublic
	}
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598: clusters of some providers
	ip := at.Addr().Unmap()
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || shared.Contains(ip) {
		return nil
	}
	return errPublic
}

// ask asks the view, and changes nothing there: docs/proof.md.
func (s *Shadow) ask(ctx context.Context, cookies []string) (proof.Said, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.options.URL, http.NoBody)
	if err != nil {
		return proof.Said{}, errView
	}
	request.Header["Cookie"] = cookies
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "django-sidecar")
	response, err := s.client.Do(request)
	if err != nil {
		return proof.Said{}, fmt.Errorf("SIDECAR_SHADOW_URL: %w", withoutURL(err))
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return proof.Said{}, fmt.Errorf("SIDECAR_SHADOW_URL: %w", withoutURL(err))
	case response.StatusCode != http.StatusOK:
		return proof.Said{}, fmt.Errorf("%w: its status is %d%s",
			errView, response.StatusCode, hints[response.StatusCode])
	case len(text) > maxAnswerBytes:
		return proof.Said{}, fmt.Errorf("%w: it has more than %d bytes", errView, maxAnswerBytes)
	case !isJSON(response.Header.Get("Content-Type")):
		return proof.Said{}, fmt.Errorf("%w: it is no JSON", errView)
	}
	return read(text)
}

// hints say what a status is often the sign of.
var hints = map[int]string{
	http.StatusBadRequest: " (is the URL's host in ALLOWED_HOSTS?)",
	http.StatusMovedPermanently: " (with SECURE_SSL_REDIRECT, add the view to SECURE_REDIRECT_EXEMPT; and mind " +
		"APPEND_SLASH)",
	http.StatusFound:             " (does a middleware demand a login? Exempt the view from it)",
	http.StatusForbidden:         " (does a middleware demand a login? Exempt the view from it)",
	http.StatusNotFound:          " (is the view in urlpatterns?)",
	http.StatusTemporaryRedirect: " (does something before Django redirect?)",
}

// read reads an answer of the view.
func read(text []byte) (proof.Said, error) {
	var answer struct {
		User        json.RawMessage `json:"user"`
		Username    *string         `json:"username"`
		Permissions *[]string       `json:"permissions"`
		IsStaff     *bool           `json:"is_staff"`
		IsSuperuser *bool           `json:"is_superuser"`
		Groups      []string        `json:"groups"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.User == nil {
		return proof.Said{}, fmt.Errorf("%w: there is no \"user\" in it", errView)
	}
	said := proof.Said{Every: true}
	if err := json.Unmarshal(answer.User, &said.User); err != nil {
		return proof.Said{}, fmt.Errorf("%w: \"user\" is neither null nor a text", errView)
	}
	if answer.Username != nil {
		said.IsUsername = func(name string) bool { return name == *answer.Username }
	}
	said.Rights = proof.Rights{IsStaff: answer.IsStaff, IsSuperuser: answer.IsSuperuser, Groups: answer.Groups}
	if answer.Permissions != nil {
		said.Permissions = make(map[string]bool, len(*answer.Permissions))
		for _, name := range *answer.Permissions {
			said.Permissions[name] = true
		}
	}
	return said, nil
}

// withoutURL takes the URL, with its query, off an error of package http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
