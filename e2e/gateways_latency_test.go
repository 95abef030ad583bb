//go:build live && gateways

package e2e

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"django-sidecar/internal/djangotest"
)

// TestGatewayLatency prints what the question costs: the time of a request that is asked for, less that of one below a
// public path. It asserts nothing, since it shares the machine with whatever else runs.
func TestGatewayLatency(t *testing.T) {
	rig := newGatewayRig(t)
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Application", r.Header.Get("Remote-User"))
	}))
	t.Cleanup(application.Close)
	t.Setenv("DATABASE_URL", rig.database) // a sidecar of its own, without the proxies that make faults
	at := listenersForTest(t)
	route := djangotest.GatewayRoute{
		Sidecar: at.Public.Addr().String(), SidecarGRPC: at.GRPC.Addr().String(), Application: application.Listener.Addr().String(),
	}
	for _, g := range gatewaysUnderTest() {
		t.Run(g.name, func(t *testing.T) {
			conn := dialGateway(t, g.start(t, route).Addr)
			reader := bufio.NewReader(conn)
			var asked, public []time.Duration
			for i := range 480 { // nginx ends a connection after 1000 requests
				first := timeOf(t, conn, reader, get("/page", gatewayCookie(rig.ada)))
				second := timeOf(t, conn, reader, get("/static/page", gatewayCookie(rig.ada)))
				if i >= 80 { // everything is warm
					asked, public = append(asked, first), append(public, second)
				}
			}
			slices.Sort(asked)
			slices.Sort(public)
			at := func(list []time.Duration, percent int) time.Duration { return list[len(list)*percent/100] }
			t.Logf("asked: p50 %v, p99 %v; public: p50 %v, p99 %v; added at p50: %v", at(asked, 50), at(asked, 99),
				at(public, 50), at(public, 99), at(asked, 50)-at(public, 50))
		})
	}
}

// timeOf is how long a request takes that must succeed.
func timeOf(t *testing.T, conn io.Writer, reader *bufio.Reader, request string) time.Duration {
	t.Helper()
	start := time.Now()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer := readAnswer(reader, "GET")
	took := time.Since(start)
	if answer.err != nil || answer.status != http.StatusOK {
		t.Fatalf("%.100q: status %d %v", request, answer.status, answer.err)
	}
	return took
}
