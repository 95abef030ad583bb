//go:build live && gateways

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// TestGatewaysBare: Envoy can be told by the sidecar what to remove, so that an operator who has written the least that
// works is safe from forged identities too.
func TestGatewaysBare(t *testing.T) {
	rig := newGatewayRig(t)
	for name, start := range map[string]func(testing.TB, djangotest.GatewayRoute) *djangotest.Gateway{
		"envoy": djangotest.EnvoyBare, "envoy-grpc": djangotest.EnvoyGRPCBare,
	} {
		t.Run(name, func(t *testing.T) {
			gatewayTest{rig: rig, addr: start(t, rig.route).Addr}.bare(t, name == "envoy-grpc")
		})
	}
}

// bare forges identities in every spelling. Where the sidecar sees all headers, it removes them all; otherwise it removes
// those that a WSGI server takes for the real ones.
func (g gatewayTest) bare(t *testing.T, seesAll bool) {
	g.wantReached(t, get("/page", gatewayCookie(g.rig.ada)), gatewayAda)
	g.wantRefused(t, get("/page", ""), http.StatusUnauthorized)
	arrived := 0
	for _, name := range []string{"Remote-User", "Remote-User-Id", "Remote-Email", "Remote-Groups"} {
		for _, spelling := range spellings(name) {
			headers := spelling + ": " + forged + "\r\n"
			g.noForgery(t, get("/page", headers), nil, nil) // without a session
			odd := strings.ContainsAny(spelling, "~!+'|^*%&#$`")
			if !seesAll && odd || strings.HasPrefix(spelling, "HTTP_") || strings.HasPrefix(spelling, "_") || strings.HasSuffix(spelling, "_") {
				continue // no WSGI server takes these for the identity
			}
			for _, request := range []string{
				get("/page", headers+gatewayCookie(g.rig.bob)), get("/page", gatewayCookie(g.rig.bob)+headers),
				get("/page", headers+headers+gatewayCookie(g.rig.bob)),
				requestOf("POST", "/page", gatewayCookie(g.rig.bob)+headers+"Content-Length: 3\r\n") + "abc",
			} {
				g.noForgery(t, request, gatewayBob, &arrived)
			}
		}
	}
	if arrived < 100 {
		t.Errorf("only %d requests have reached the application", arrived)
	}
}

// noForgery sends a request: it ends before the application, or the application sees this identity and nothing forged.
func (g gatewayTest) noForgery(t *testing.T, request string, want map[string]string, arrived *int) {
	t.Helper()
	answer := g.do(t, request)
	shown := answer.reached(t)
	if shown == nil {
		if answer.err == nil && answer.status/100 != 4 {
			t.Errorf("%.300q: status %d", request, answer.status)
		}
		return
	}
	if arrived != nil {
		*arrived++
	}
	if got := shown.identity(); !sameIdentity(got, want) || strings.Contains(answer.body, forged) {
		t.Errorf("%.300q: the application sees %v, want %v: %s", request, got, want, answer.body)
	}
}
