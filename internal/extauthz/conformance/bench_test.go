package conformance_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"django-sidecar/internal/check"
	"django-sidecar/internal/extauthz"
)

// always the same answer, by grpc-go.
type fixed struct {
	authv3.UnimplementedAuthorizationServer
}

// Check implements authv3.AuthorizationServer.
func (fixed) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return allow(ada), nil
}

// BenchmarkCheck asks both servers with grpc-go's client, whose cost is in both figures.
func BenchmarkCheck(b *testing.B) {
	ours := &http.Server{ReadHeaderTimeout: time.Minute, Handler: extauthz.New(extauthz.Options{
		Answers: &check.Service{
			Verifier: check.NewUncached(verifierFunc(byKey), nil, time.Minute), CookieNames: []string{"sessionid"}, Now: time.Now,
		},
		Logger: slog.New(slog.DiscardHandler), Serving: always, Now: time.Now,
	})}
	extauthz.Configure(ours)
	theirs := grpc.NewServer()
	authv3.RegisterAuthorizationServer(theirs, fixed{})
	for name, server := range map[string]interface{ Serve(l net.Listener) error }{"net-http": ours, "grpc-go": theirs} {
		listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		go server.Serve(listener) //nolint:errcheck // it ends with the process
		conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		client := authv3.NewAuthorizationClient(conn)
		question := request(map[string]string{"cookie": "sessionid=adas", "accept": "*/*", "user-agent": "a browser of some length"}, nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := client.Check(b.Context(), question); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
	}
}
