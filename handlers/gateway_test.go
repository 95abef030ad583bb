package handlers_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/gateway"
)

// accessFunc is an AccessStore that says what a test wants it to.
type accessFunc func(ctx context.Context, userID string) (djangosession.Access, error)

func (f accessFunc) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return f(ctx, userID)
}

var (
	// noPermissions are those of a user model without PermissionsMixin.
	noPermissions = accessFunc(func(context.Context, string) (djangosession.Access, error) {
		return djangosession.Access{}, djangosession.ErrNoPermissionsMixin
	})
	editor = accessFunc(func(context.Context, string) (djangosession.Access, error) {
		return djangosession.Access{
			Groups: []string{"a, b", "editors"}, Permissions: map[string]struct{}{"news.add_story": {}}, IsActive: true,
		}, nil
	})
	// groupsAlone are those of a deployment whose tables of permissions are not Django's.
	groupsAlone = accessFunc(func(context.Context, string) (djangosession.Access, error) {
		return djangosession.Access{Groups: []string{"a, b", "editors"}, IsActive: true, PermissionsUnknown: true}, nil
	})
	accessDown = accessFunc(func(context.Context, string) (djangosession.Access, error) {
		return djangosession.Access{}, errors.New("no route to host")
	})
)

// forGateways gives a handler what answers to gateways need. The peer of httptest, 192.0.2.1, is trusted.
func forGateways(t *testing.T, access djangosession.AccessStore) func(*handlers.Options) {
	t.Helper()
	login, err := gateway.NewLoginURL("/login/", "next")
	if err != nil {
		t.Fatal(err)
	}
	return func(o *handlers.Options) {
		o.Answers.Login, o.Answers.Access = login, access
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	}
}

var (
	gatewayHeader = map[string]string{"Cache-Control": "no-store", "Vary": "Cookie"}
	emptyIdentity = map[string]string{"Remote-User": "", "Remote-User-Id": "", "Remote-Email": "", "Remote-Groups": ""}
	adaIdentity   = map[string]string{
		"Remote-User": "ada", "Remote-User-Id": "42", "Remote-Email": "ada@example.org", "Remote-Groups": "",
	}
)

func headers(sets ...map[string]string) map[string]string {
	all := maps.Clone(gatewayHeader)
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}

var (
	asJSON        = map[string]string{"Content-Type": "application/json"}
	challenge     = map[string]string{"Content-Type": "application/json", "Www-Authenticate": "Cookie"}
	challenged    = map[string]string{"Www-Authenticate": "Cookie"}
	again         = map[string]string{"Retry-After": "1"}
	later         = map[string]string{"Content-Type": "application/json", "Retry-After": "1"}
	toSignIn      = map[string]string{"X-Sign-In": "/login/"}
	toLogin       = map[string]string{"Location": "/login/"}
	toLoginByHTMX = map[string]string{"Hx-Redirect": "/login/"}
	toLoginNext   = map[string]string{"Location": "/login/?next=/a%3Fb%3Dc"}
	forwarded     = http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"x.example"}, "X-Forwarded-Uri": {"/a?b=c"}}
	htmx          = http.Header{"Hx-Request": {"true"}, "Hx-Current-Url": {"https://x.example/shop?q=1"}, "Accept": {"text/html, */*"}}
	chained       = http.Header{"X-Forwarded-Proto": {"https, http", "http"}, "X-Forwarded-Host": {"x.example", "10.0.0.1"}, "X-Forwarded-Port": {"8443,80"}}
	browser       = http.Header{"Sec-Fetch-Mode": {"navigate"}}
	forbidden     = `{"result":false,"message":"The user may not do this."}`
	malformed     = `{"result":false,"message":"The request is malformed."}`
	misconfigure  = `{"result":false,"message":"The requirements of this location are not understood."}`
	cannotBeMet   = `{"result":false,"message":"The requirements of this location cannot be met."}`
)

// removed is what Envoy is told to take away from a request that may pass.
func removed(more string) map[string]string {
	return map[string]string{"X-Envoy-Auth-Headers-To-Remove": "remote_user, remote.user, " +
		"remote-user_id, remote-user.id, remote_user-id, remote_user_id, remote_user.id, remote.user-id, remote.user_id, remote.user.id, " +
		"remote_email, remote.email, remote_groups, remote.groups" + more}
}

func requestHeader(sets ...http.Header) http.Header {
	all := http.Header{}
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}

func TestGateways(t *testing.T) {
	plain, groups := forGateways(t, noPermissions), forGateways(t, editor)
	yes := func(access func(*handlers.Options)) http.Handler { return newHandler(saying(ada(), nil), access) }
	no := newHandler(ended(djangosession.Expired), plain, func(o *handlers.Options) { o.EndedStatus = 200 })
	down := newHandler(saying(djangosession.Verdict{}, errors.New("down")), plain)
	direct := func(o *handlers.Options) { o.TrustedProxies = nil }
	uri := func(u string) http.Header { return requestHeader(forwarded, http.Header{"X-Forwarded-Uri": {u}}) }
	noBackendHasThem := func(o *handlers.Options) { o.Answers.NoPermissions = errors.New("no backend has them") }
	withGroups := map[string]string{"Remote-Groups": "a%2C b,editors"}
	nginxURL := http.Header{"X-Original-Url": {"https://x.example/a?b=c"}, "X-Original-Method": {"POST"}}
	for _, tt := range []httpTest{
		{Name: "nginx, a user", Path: "/auth/nginx", Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "nginx, nobody", Path: "/auth/nginx", Handler: no, Code: 401, WantHeader: headers(challenged, toSignIn, toLogin)},
		{Name: "nginx, nobody, and a page", Path: "/auth/nginx", Header: nginxURL, Handler: no, Code: 401, WantHeader: headers(challenged, toSignIn, toLoginNext)},
		{Name: "nginx, down", Path: "/auth/nginx", Handler: down, Code: 500, WantHeader: headers(again)},
		{Name: "nginx, forbidden", Path: "/auth/nginx?require=staff", Handler: yes(plain), Code: 403, WantHeader: headers()},
		{Name: "nginx, malformed", Path: "/auth/nginx", Header: http.Header{"X-Original-Url": {"http://a"}}, Handler: yes(plain), Code: 403, WantHeader: headers()},
		{Name: "nginx, a URL twice", Path: "/auth/nginx", Header: http.Header{"X-Original-Url": {"http://a/", "http://b/"}}, Handler: yes(plain), Code: 403, WantHeader: headers()},

		{Name: "forward, a user", Path: "/auth/forward", Header: forwarded, Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "forward, a script", Path: "/auth/forward", Header: forwarded, Handler: no, Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "forward, a page", Path: "/auth/forward", Header: requestHeader(forwarded, browser), Handler: no, Code: 302, WantHeader: headers(toLoginNext)},
		{Name: "forward, a form", Path: "/auth/forward", Header: requestHeader(forwarded, browser, http.Header{"X-Forwarded-Method": {"POST"}}), Handler: no, Code: 303, WantHeader: headers(toLoginNext)},
		{Name: "forward, forbidden is no redirect", Path: "/auth/forward?require=superuser", Header: requestHeader(forwarded, browser), Handler: yes(plain), Code: 403, WantHeader: headers(asJSON), WantBody: forbidden},
		{Name: "forward, down", Path: "/auth/forward", Header: requestHeader(forwarded, browser), Handler: down, Code: 503, WantHeader: headers(later), WantBody: unavailableBody},
		{Name: "forward, nothing told", Path: "/auth/forward", Handler: yes(plain), Code: 403, WantHeader: headers(asJSON), WantBody: malformed},
		{Name: "forward, a URI twice", Path: "/auth/forward", Header: requestHeader(forwarded, http.Header{"X-Forwarded-Uri": {"/a", "/b"}}), Handler: yes(plain), Code: 403, WantHeader: headers(asJSON), WantBody: malformed},
		{Name: "forward, the words of two proxies", Path: "/auth/forward", Header: requestHeader(forwarded, chained), Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "forward, the words of two proxies, and a page", Path: "/auth/forward", Header: requestHeader(forwarded, chained, browser), Handler: no, Code: 302, WantHeader: headers(toLoginNext)},
		{Name: "forward, a scheme that makes no sense", Path: "/auth/forward", Header: requestHeader(forwarded, http.Header{"X-Forwarded-Proto": {"h3"}}), Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "envoy, a scheme that makes no sense", Path: "/auth/envoy/a", Header: http.Header{"X-Forwarded-Proto": {"https", "h3"}}, Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity, removed(""))},
		{Name: "nginx, a scheme that makes no sense", Path: "/auth/nginx", Header: http.Header{"X-Original-Url": {"://a@b/c"}}, Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},

		{Name: "envoy, a user", Path: "/auth/envoy/a?b=c", Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity, removed(""))},
		{Name: "envoy, other spellings", Path: "/auth/envoy/a", Header: http.Header{"Remote~user": {"x"}, "Remote_user": {"x"}, "Remote-User": {"x"}}, Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity, removed(", remote~user"))},
		{Name: "envoy, a requirement", Path: "/auth/envoy;require=staff/a", Handler: yes(plain), Code: 403, WantHeader: headers(asJSON), WantBody: forbidden},
		{Name: "envoy, requirements that are met", Path: "/auth/envoy;require=group:a%2C%20b;require=group:editors/a?require=staff", Handler: yes(groups), Code: 200, WantHeader: headers(adaIdentity, withGroups, removed(""))},
		{Name: "envoy, one of them is not", Path: "/auth/envoy;require=group:editors;require=group:a%2Fb/a", Handler: yes(groups), Code: 403, WantHeader: headers(asJSON), WantBody: forbidden},
		{Name: "envoy, a requirement and a page", Path: "/auth/envoy;require=staff/a?b=c", Header: browser, Handler: no, Code: 302, WantHeader: headers(toLoginNext)},
		{Name: "envoy, a requirement that is not understood", Path: "/auth/envoy;require=admin/a", Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "envoy, what loosens", Path: "/auth/envoy;optional=1/a", Handler: no, Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "envoy, what loosens behind a requirement", Path: "/auth/envoy;require=staff;preflight=1/a", Handler: no, Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "envoy, words without a path", Path: "/auth/envoy;require=staff", Handler: yes(plain), Code: 403, WantHeader: headers(asJSON), WantBody: malformed},
		{Name: "envoy, an encoded prefix", Path: "/auth/env%6fy;require=staff/a", Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "envoy, an encoded semicolon", Path: "/auth/envoy%3Brequire=staff/a", Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "envoy, no word", Path: "/auth/envoy;/a", Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity, removed(""))},
		{Name: "envoy, another path", Path: "/auth/envoyrequire=staff/a", Handler: yes(plain), Code: 404, WantHeader: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, WantBody: `{"result":false,"message":"Not Found."}`},
		{Name: "envoy, a page", Path: "/auth/envoy/a?b=c", Header: browser, Handler: no, Code: 302, WantHeader: headers(toLoginNext)},
		{Name: "envoy, a form", Method: "DELETE", Path: "/auth/envoy/a?b=c", Header: browser, Handler: no, Code: 303, WantHeader: headers(toLoginNext)},
		{Name: "envoy, the client's query demands nothing and lifts nothing", Path: "/auth/envoy/a?optional=1&require=x", Handler: no, Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "envoy, down", Path: "/auth/envoy/", Handler: down, Code: 503, WantHeader: headers(later), WantBody: unavailableBody},

		{Name: "forward, htmx", Path: "/auth/forward", Header: requestHeader(forwarded, htmx), Handler: no, Code: 401, WantHeader: headers(challenge, map[string]string{"Hx-Redirect": "/login/?next=/shop%3Fq%3D1"}), WantBody: endedBody},
		{Name: "forward, htmx on another site's page", Path: "/auth/forward", Header: requestHeader(forwarded, htmx, http.Header{"Hx-Current-Url": {"https://evil.example/shop"}}), Handler: no, Code: 401, WantHeader: headers(challenge, toLoginByHTMX), WantBody: endedBody},
		{Name: "forward, htmx by another scheme", Path: "/auth/forward", Header: requestHeader(forwarded, htmx, http.Header{"Hx-Current-Url": {"http://x.example/shop"}}), Handler: no, Code: 401, WantHeader: headers(challenge, toLoginByHTMX), WantBody: endedBody},
		{Name: "forward, htmx that tells no page", Path: "/auth/forward", Header: requestHeader(forwarded, http.Header{"Hx-Request": {"true"}}), Handler: no, Code: 401, WantHeader: headers(challenge, toLoginByHTMX), WantBody: endedBody},
		{Name: "forward, a page that is no htmx's", Path: "/auth/forward", Header: requestHeader(forwarded, http.Header{"Hx-Current-Url": {"https://x.example/shop"}}), Handler: no, Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "nginx, htmx", Path: "/auth/nginx", Header: requestHeader(nginxURL, htmx), Handler: no, Code: 401, WantHeader: headers(challenged, toLoginNext, map[string]string{"Hx-Redirect": "/login/?next=/shop%3Fq%3D1"})},
		{Name: "envoy, htmx", Path: "/auth/envoy/a?b=c", Header: requestHeader(htmx, http.Header{"Hx-Current-Url": {"http://example.com/shop?q=1"}}), Handler: no, Code: 401, WantHeader: headers(challenge, map[string]string{"Hx-Redirect": "/login/?next=/shop%3Fq%3D1"}), WantBody: endedBody},

		{Name: "a group, where permissions are not known", Path: "/auth/nginx?require=group:editors", Handler: yes(forGateways(t, groupsAlone)), Code: 200, WantHeader: headers(adaIdentity, withGroups)},
		{Name: "a permission, where none is known", Path: "/auth/nginx?require=perm:news.add_story", Handler: yes(forGateways(t, groupsAlone)), Code: 500, WantHeader: headers(again)},

		{Name: "a group", Path: "/auth/nginx?require=group:editors&require=perm:news.add_story", Handler: yes(groups), Code: 200, WantHeader: headers(adaIdentity, withGroups)},
		{Name: "a group with a comma", Path: "/auth/nginx?require=group:a%2C%20b", Handler: yes(groups), Code: 200, WantHeader: headers(adaIdentity, withGroups)},
		{Name: "another group", Path: "/auth/nginx?require=group:admins", Handler: yes(groups), Code: 403, WantHeader: headers()},
		{Name: "one of two", Path: "/auth/nginx?require=group:editors&require=staff", Handler: yes(groups), Code: 403, WantHeader: headers()},
		{Name: "another permission", Path: "/auth/nginx?require=perm:news.delete_story", Handler: yes(groups), Code: 403, WantHeader: headers()},
		{Name: "groups that are down", Path: "/auth/forward?require=group:editors", Header: forwarded, Handler: yes(forGateways(t, accessDown)), Code: 503, WantHeader: headers(later), WantBody: unavailableBody},
		{Name: "groups that there are none of", Path: "/auth/nginx?require=group:editors", Handler: yes(plain), Code: 500, WantHeader: headers(again)},
		{Name: "groups that there are none of, and a body", Path: "/auth/forward?require=group:editors", Header: forwarded, Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: cannotBeMet},
		{Name: "permissions that a backend has", Path: "/auth/forward?require=perm:news.add_story", Header: forwarded, Handler: yes(groups), Code: 200, WantHeader: headers(adaIdentity, withGroups)},
		{Name: "permissions that no backend has", Path: "/auth/forward?require=perm:news.add_story", Header: forwarded, Handler: newHandler(saying(ada(), nil), groups, noBackendHasThem), Code: 500, WantHeader: headers(asJSON), WantBody: cannotBeMet},
		{Name: "groups where no backend has permissions", Path: "/auth/forward?require=group:editors", Header: forwarded, Handler: newHandler(saying(ada(), nil), groups, noBackendHasThem), Code: 200, WantHeader: headers(adaIdentity, withGroups)},
		{Name: "permissions that no backend has, and nobody", Path: "/auth/forward?require=perm:news.add_story", Header: forwarded, Handler: newHandler(ended(djangosession.Expired), groups, noBackendHasThem), Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "an unknown requirement", Path: "/auth/forward?require=stuff", Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "a misspelt option", Path: "/auth/forward?requires=staff", Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "an unknown requirement, nobody", Path: "/auth/nginx?require=stuff&optional=1", Handler: no, Code: 500, WantHeader: headers(again)},
		{Name: "optional, nobody", Path: "/auth/nginx?optional=1", Handler: no, Code: 200, WantHeader: headers(emptyIdentity)},
		{Name: "optional, a user", Path: "/auth/nginx?optional=1", Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "optional, down", Path: "/auth/nginx?optional=1", Handler: down, Code: 500, WantHeader: headers(again)},
		{Name: "optional, but the client's", Path: "/auth/forward?optional=1", Header: uri("/a?optional=1"), Handler: no, Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "optional, but the client's too", Path: "/auth/forward?optional=1", Header: uri("/a?x=1&%6fptional=0"), Handler: no, Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "optional, and nobody says whose that is", Path: "/auth/forward?optional=1", Handler: newHandler(ended(djangosession.Expired), plain, direct), Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "optional, the operator's", Path: "/auth/forward?optional=1", Header: uri("/a?q=optional"), Handler: no, Code: 200, WantHeader: headers(emptyIdentity)},
		{Name: "a misspelt requirement that the client has too", Path: "/auth/forward?require=staff&group=editors", Header: uri("/a?group=x"), Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "a malformed requirement that the client has too", Path: "/auth/forward?require=group:R;D", Header: uri("/a?require=group:R;D"), Handler: yes(plain), Code: 500, WantHeader: headers(asJSON), WantBody: misconfigure},
		{Name: "nginx, a misspelt requirement that the client has too", Path: "/auth/nginx?group=editors", Header: http.Header{"X-Original-Url": {"http://a/?group=editors"}, "X-Original-Method": {"GET"}}, Handler: yes(plain), Code: 500, WantHeader: headers(again)},
		{Name: "a client's query in place of the operator's", Path: "/auth/forward?q=1;%zz&requires=staff", Header: uri("/a?q=1;%zz&requires=staff"), Handler: yes(plain), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "a client who repeats the operator's requirement", Path: "/auth/forward?require=staff", Header: uri("/a?require=staff"), Handler: yes(plain), Code: 403, WantHeader: headers(asJSON), WantBody: forbidden},
		{Name: "two URIs, one of them the client's", Path: "/auth/forward?optional=1", Header: http.Header{"X-Forwarded-Uri": {"/a?b", "/a?optional=1"}}, Handler: newHandler(ended(djangosession.Expired), plain, direct), Code: 401, WantHeader: headers(challenge, toSignIn), WantBody: endedBody},
		{Name: "nginx, optional, but the client's", Path: "/auth/nginx?optional=1", Header: http.Header{"X-Original-Url": {"http://a/?optional=1"}}, Handler: no, Code: 401, WantHeader: headers(challenged, toSignIn, map[string]string{"Location": "/login/?next=/%3Foptional%3D1"})},
		{Name: "no options at all", Path: "/auth/nginx", Handler: newHandler(saying(ada(), nil)), Code: 200, WantHeader: headers(adaIdentity)},
		{Name: "another path below", Path: "/auth/nginx/x", Handler: yes(plain), Code: 404, WantHeader: errorHeader, WantBody: `{"result":false,"message":"Not Found."}`},
	} {
		t.Run(tt.Name, tt.run)
		tt.Method = http.MethodHead
		if !strings.HasPrefix(tt.Path, "/auth/envoy") { // where the method is the original one
			t.Run(tt.Name+", HEAD", tt.run)
		}
	}
}

// TestUntrustedPeers: what they say of the original request is not looked at.
func TestUntrustedPeers(t *testing.T) {
	untrusted := func(o *handlers.Options) { o.TrustedProxies = nil }
	forged := requestHeader(forwarded, browser, http.Header{"X-Forwarded-Proto": {"gopher"}})
	for _, tt := range []httpTest{
		{Name: "nobody", Path: "/auth/forward", Header: forged, Handler: newHandler(ended(djangosession.NotFound), forGateways(t, noPermissions), untrusted), Code: 302, WantHeader: headers(toLogin)},
		{Name: "a user", Path: "/auth/forward", Header: forged, Handler: newHandler(saying(ada(), nil), forGateways(t, noPermissions), untrusted), Code: 200, WantHeader: headers(adaIdentity)},
	} {
		t.Run(tt.Name, tt.run)
	}
	socket := newHandler(ended(djangosession.NotFound), forGateways(t, noPermissions), untrusted, func(o *handlers.Options) { o.OnSocket = true })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/forward", nil)
	r.RemoteAddr, r.Header = "@", requestHeader(forwarded, browser)
	w := httptest.NewRecorder()
	socket.ServeHTTP(w, r)
	if got := w.Header().Get("Location"); w.Code != 302 || got != toLoginNext["Location"] {
		t.Errorf("over the unix socket: status %d to %q", w.Code, got)
	}
}

// TestPortOfTheProxy: it belongs to an absolute page to return to.
func TestPortOfTheProxy(t *testing.T) {
	elsewhere := func(o *handlers.Options) {
		login, err := gateway.NewLoginURL("https://sso.example/", "next")
		if err != nil {
			t.Fatal(err)
		}
		o.Answers.Login = login
	}
	row := httpTest{
		Path: "/auth/forward", Header: requestHeader(forwarded, chained, browser),
		Handler: newHandler(ended(djangosession.NotFound), forGateways(t, noPermissions), elsewhere), Code: 302,
		WantHeader: headers(map[string]string{"Location": "https://sso.example/?next=https%3A//x.example%3A8443/a%3Fb%3Dc"}),
	}
	row.run(t)
}

// TestEveryMethod: gateways may ask with the client's own, and none has its body read.
func TestEveryMethod(t *testing.T) {
	h := newHandler(saying(ada(), nil), forGateways(t, noPermissions))
	want := map[string]map[string]string{"/auth/nginx": headers(adaIdentity), "/auth/forward": headers(adaIdentity), "/auth/envoy/a": headers(adaIdentity, removed(""))}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "M-SEARCH"} {
		for path, header := range want {
			row := httpTest{
				Method: method, Path: path, Body: unreadable{t}, Header: requestHeader(forwarded, http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}),
				Handler: h, Code: 200, WantHeader: header,
			}
			t.Run(method+" "+path, row.run)
		}
	}
}

// TestPreflight: exactly a preflight passes without a user, where the operator says so.
func TestPreflight(t *testing.T) {
	no := newHandler(ended(djangosession.NoCookie), forGateways(t, noPermissions))
	yes := newHandler(saying(ada(), nil), forGateways(t, noPermissions))
	preflight := http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"PUT"}}
	options := requestHeader(forwarded, preflight, http.Header{"X-Forwarded-Method": {"OPTIONS"}})
	byNginx := requestHeader(preflight, http.Header{"X-Original-Url": {"https://x.example/a"}, "X-Original-Method": {"OPTIONS"}})
	less := func(h http.Header, name string) http.Header {
		h = h.Clone()
		h.Del(name)
		return h
	}
	for _, tt := range []struct {
		name, path string
		header     http.Header
		handler    http.Handler
		want       int
		user       string
	}{
		{"forward", "/auth/forward?preflight=1&require=staff", options, no, 200, ""},
		{"nginx", "/auth/nginx?preflight=1", byNginx, no, 200, ""},
		{"with a user, who is not told", "/auth/forward?preflight=1&require=staff", options, yes, 200, ""},
		{"off", "/auth/forward", options, no, 401, ""},
		{"off, nginx", "/auth/nginx", byNginx, no, 401, ""},
		{"another method", "/auth/forward?preflight=1", requestHeader(options, http.Header{"X-Forwarded-Method": {"POST"}}), no, 401, ""},
		{"without an origin", "/auth/forward?preflight=1", less(options, "Origin"), no, 401, ""},
		{"without a method", "/auth/forward?preflight=1", less(options, "Access-Control-Request-Method"), no, 401, ""},
		{"with another method for frameworks", "/auth/forward?preflight=1", requestHeader(options, http.Header{"X-Http-Method-Override": {"POST"}}), no, 401, ""},
		{"the client's word", "/auth/forward?preflight=1", requestHeader(options, http.Header{"X-Forwarded-Uri": {"/a?preflight=1"}}), no, 401, ""},
		{"no URI, so that nobody knows whose word it is", "/auth/forward?preflight=1", less(options, "X-Forwarded-Uri"), no, 403, ""},
		{"envoy, where the query is the client's", "/auth/envoy/a?preflight=1", preflight, no, 401, ""},
		{"no preflight, with a user", "/auth/forward?preflight=1", forwarded, yes, 200, "ada"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method := http.MethodGet
			if strings.HasPrefix(tt.path, "/auth/envoy") {
				method = http.MethodOptions
			}
			r := httptest.NewRequestWithContext(t.Context(), method, tt.path, nil)
			r.Header = tt.header
			w := httptest.NewRecorder()
			tt.handler.ServeHTTP(w, r)
			if got := w.Header().Get("Remote-User"); w.Code != tt.want || got != tt.user {
				t.Errorf("status %d and user %q, want %d and %q", w.Code, got, tt.want, tt.user)
			}
			if _, told := w.Header()["Remote-User"]; tt.want == http.StatusOK && !told {
				t.Error("Remote-User is not told at all: what the client has written could stay")
			}
		})
	}
}

// TestTargetsWithoutPath: a target that is no path is refused wherever it leads, so that nobody chooses an endpoint by what a gateway
// has taken from the client.
func TestTargetsWithoutPath(t *testing.T) {
	h := newHandler(saying(ada(), nil), forGateways(t, noPermissions))
	for _, target := range []string{
		"http://x/authenticate", "http://x/auth/nginx", "http://x/auth/nginx?optional=1", "http://x/auth/forward", "http://x/auth/envoy/a", "x://x/authenticate", "*", "http://x",
	} {
		for _, method := range []string{"GET", "OPTIONS", "POST"} {
			r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest || w.Header().Get("Remote-User") != "" {
				t.Errorf("%s %s: status %d", method, target, w.Code)
			}
		}
	}
}
