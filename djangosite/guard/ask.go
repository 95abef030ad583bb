package guard

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/middleware"
)

// AskOptions are for [Ask]. The zero value is good where LOGIN_URL of the Django site is Django's default.
type AskOptions struct {
	// Timeout bounds each question; 0 means 3 s, which is longer than a sidecar takes to say that a store is silent.
	Timeout time.Duration
	// LoginURL and RedirectFieldName are Django's settings; "" means /accounts/login/ and next.
	LoginURL, RedirectFieldName string
	// Transport is used in place of one of our own, for TLS with a client's certificate; nil is ours. It must not
	// follow a proxy of the environment, nor speak HTTP/2, which joins the lines of Cookie.
	Transport http.RoundTripper
	// Logger is told of questions that fail; nil: nobody is.
	Logger *slog.Logger
}

// Ask returns a Guard that asks a django-sidecar at its public listener: http://host:port, https://host:port, or
// unix:/run/django-sidecar.sock. It keeps nothing: the sidecar may have a cache. Reasons are known where the sidecar
// has SIDECAR_EXPLAIN. Ask connects to nothing: see [Guard.Ready].
func Ask(sidecarURL string, o AskOptions) (*Guard, error) {
	login, err := gateway.NewLoginURL(cmp.Or(o.LoginURL, "/accounts/login/"), cmp.Or(o.RedirectFieldName, "next"))
	if err != nil {
		err = fmt.Errorf("LoginURL of AskOptions: %w", err)
	}
	a := &asking{client: &http.Client{
		Timeout: cmp.Or(o.Timeout, 3*time.Second), Transport: o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if o.Timeout < 0 {
		err = errors.Join(err, errors.New("the Timeout of AskOptions must not be negative"))
	}
	own := &http.Transport{
		MaxIdleConns: 128, MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxAnswer,
		Protocols: new(http.Protocols),
	}
	own.Protocols.SetHTTP1(true) // HTTP/2 would join the lines of Cookie, and Django reads two otherwise than one
	if path, ok := strings.CutPrefix(sidecarURL, "unix:"); ok && path != "" {
		path = strings.TrimPrefix(path, "//")
		own.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		a.base = "http://django-sidecar"
	} else {
		u, parseErr := url.Parse(sidecarURL)
		if parseErr != nil || !isBase(u) {
			err = errors.Join(err, errSidecarURL)
		} else {
			a.base = strings.TrimSuffix(u.String(), "/")
		}
	}
	if err != nil {
		return nil, err
	}
	if o.Transport == nil {
		a.client.Transport = own
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	g := New(a, login, logger)
	return &g, nil
}

var errSidecarURL = errors.New("the URL of the sidecar must be http://host:port, https://host:port or unix:/path")

// isBase reports whether paths can be appended to a URL.
func isBase(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && u.RawQuery == "" &&
		!u.ForceQuery && u.Fragment == ""
}

// asking asks a sidecar.
type asking struct {
	client *http.Client
	base   string
}

// maxAnswer bounds what a sidecar says, in bytes.
const maxAnswer = 64 << 10

// alive is the answer of /authenticate.
type alive struct {
	Result *bool `json:"result"`
	User   *struct {
		ID          string  `json:"id"`
		Username    *string `json:"username"`
		Email       *string `json:"email"`
		IsStaff     *bool   `json:"is_staff"`
		IsSuperuser *bool   `json:"is_superuser"`
	} `json:"user"`
	Expires *time.Time           `json:"expires"`
	Reason  djangosession.Reason `json:"reason"`
}

// Verify implements middleware.Source.
func (a *asking) Verify(ctx context.Context, cookies []string) (djangosession.Verdict, error) {
	status, _, body, err := a.get(ctx, "/authenticate", cookies)
	if err != nil {
		return djangosession.Verdict{}, err
	}
	var told alive
	if err := json.Unmarshal(body, &told); err != nil || told.Result == nil {
		return djangosession.Verdict{}, fmt.Errorf("asking the sidecar: status %d, and not its answer", status)
	}
	switch {
	case status == http.StatusOK && *told.Result && told.User != nil && told.User.ID != "":
		v := djangosession.Verdict{User: &djangosession.User{
			ID: told.User.ID, Username: told.User.Username, Email: told.User.Email,
			IsStaff: flagOf(told.User.IsStaff), IsSuperuser: flagOf(told.User.IsSuperuser),
		}}
		if told.Expires != nil {
			v.Expires = *told.Expires
		}
		return v, nil
	case (status == http.StatusOK || status == http.StatusUnauthorized) && !*told.Result: // SIDECAR_ENDED_STATUS
		return djangosession.Verdict{Reason: told.Reason}, nil
	}
	return djangosession.Verdict{}, fmt.Errorf("asking the sidecar: status %d", status)
}

func flagOf(is *bool) djangosession.Flag {
	switch {
	case is == nil:
		return djangosession.AbsentFlag
	case *is:
		return djangosession.True
	}
	return djangosession.False
}

// Access implements middleware.Source. It asks the sidecar whether the user meets the demands: /authenticate tells no
// groups and permissions. A user who does has what they name; one who does not has nothing.
func (a *asking) Access(
	ctx context.Context, cookies []string, user *djangosession.User, demands gateway.Requirements,
) (djangosession.Access, error) {
	query := url.Values{}
	for _, name := range demands.Groups {
		query.Add("require", "group:"+name)
	}
	for _, name := range demands.Permissions {
		query.Add("require", "perm:"+name)
	}
	status, header, body, err := a.get(ctx, "/auth/forward?"+query.Encode(), cookies)
	if err != nil {
		return djangosession.Access{}, err
	}
	// A proxy before the sidecar may refuse by itself: that says nothing of the user.
	var told alive
	if status != http.StatusOK && (json.Unmarshal(body, &told) != nil || told.Result == nil || *told.Result) {
		return djangosession.Access{}, fmt.Errorf("asking the sidecar: status %d, and not its refusal", status)
	}
	switch status {
	case http.StatusOK:
		// A yes has no body. A server that is no sidecar may say 200 to every path.
		id := gateway.Identity{UserID: user.ID}.Headers()[1]
		if ids := header[id.Name]; len(ids) != 1 || ids[0] != id.Value {
			return djangosession.Access{}, errors.New("asking the sidecar: it says yes, and not of this user")
		}
		met := djangosession.Access{Groups: demands.Groups, Permissions: map[string]struct{}{}}
		for _, name := range demands.Permissions {
			met.Permissions[name] = struct{}{}
		}
		return met, nil
	case http.StatusForbidden:
		return djangosession.Access{}, nil
	case http.StatusUnauthorized:
		return djangosession.Access{}, middleware.ErrEnded
	case http.StatusInternalServerError:
		return djangosession.Access{}, gateway.ErrNoAccess
	}
	return djangosession.Access{}, fmt.Errorf("asking the sidecar: status %d", status)
}

func (a *asking) get(ctx context.Context, path string, cookies []string) (status int, header http.Header, body []byte, err error) {
	//nolint:gosec // G704: the program's own URL
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return 0, nil, nil, errors.New("asking the sidecar: its URL cannot be asked")
	}
	request.Header["Cookie"] = cookies
	request.Header.Set("Accept", "application/json")
	// Where this program is a trusted proxy, the sidecar wants to know what is asked about.
	request.Header.Set("X-Forwarded-Method", http.MethodGet)
	request.Header.Set("X-Forwarded-Uri", "/")
	response, err := a.client.Do(request) //nolint:gosec // as above
	if err != nil {
		return 0, nil, nil, fmt.Errorf("asking the sidecar: %w", err)
	}
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err = errors.Join(err, response.Body.Close()); err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	if err != nil {
		return 0, nil, nil, fmt.Errorf("reading the sidecar's answer: %w", err)
	}
	return response.StatusCode, response.Header, body, nil
}

// Ready implements middleware.Source.
func (a *asking) Ready(ctx context.Context) error {
	_, err := a.Verify(ctx, nil)
	return err
}

// Close implements middleware.Source.
func (a *asking) Close() { a.client.CloseIdleConnections() }
