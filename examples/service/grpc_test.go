package main

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"django-sidecar/djangosession"
	"django-sidecar/djangosite"
)

// caller is the key of the user in the context of a call.
type caller struct{}

// identify knows who calls, or refuses. A browser's Cookie header comes in the metadata, as grpc-gateway sends it.
func identify(ctx context.Context, site *djangosite.Site) (context.Context, error) {
	v, err := site.Verify(ctx, metadata.ValueFromIncomingContext(ctx, "cookie"))
	switch {
	case err != nil:
		return nil, status.Error(codes.Unavailable, "the login session could not be checked")
	case v.User == nil:
		return nil, status.Error(codes.Unauthenticated, "please log in")
	}
	return context.WithValue(ctx, caller{}, *v.User), nil
}

// requireUser is an interceptor of calls.
func requireUser(site *djangosite.Site) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := identify(ctx, site)
		if err != nil {
			return nil, err
		}
		return handler(ctx, request)
	}
}

// requireUserOfStream is an interceptor of streams. A stream that has begun goes on after a logout.
func requireUserOfStream(site *djangosite.Site) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := identify(stream.Context(), site)
		if err != nil {
			return err
		}
		return handler(server, identified{stream, ctx})
	}
}

// identified is a stream whose context has the user.
type identified struct {
	grpc.ServerStream

	ctx context.Context
}

// Context implements grpc.ServerStream.
func (s identified) Context() context.Context { return s.ctx }

// greeter tells each caller who it is, in the header of the answer.
type greeter struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (greeter) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{}, grpc.SetHeader(ctx, greeting(ctx))
}

func (greeter) Watch(_ *grpc_health_v1.HealthCheckRequest, stream grpc_health_v1.Health_WatchServer) error {
	return stream.SendHeader(greeting(stream.Context()))
}

func greeting(ctx context.Context) metadata.MD {
	user, _ := ctx.Value(caller{}).(djangosession.User)
	return metadata.Pairs("user", user.Name())
}

// TestInterceptors: calls and streams get the user, or are refused before a handler runs; a database that is away logs
// nobody out.
func TestInterceptors(t *testing.T) {
	site, ada, bob := deploy(t)
	away, err := djangosite.Open(t.Context(), djangosite.Settings{
		SecretKey: secretKey, DatabaseURL: "postgres://django@127.0.0.1:1/away?sslmode=disable", DjangoVersion: "5.2",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(away.Close)
	for name, call := range map[string]func(context.Context, grpc_health_v1.HealthClient) (metadata.MD, error){"a call": check, "a stream": watch} {
		for _, tt := range []struct {
			site   *djangosite.Site
			cookie string
			want   codes.Code
			user   string
		}{
			{site, ada, codes.OK, "ada"},
			{site, bob, codes.OK, "bob"},
			{site, "sessionid=nobody0nobody", codes.Unauthenticated, ""},
			{site, "", codes.Unauthenticated, ""},
			{away, ada, codes.Unavailable, ""},
		} {
			header, err := call(metadata.AppendToOutgoingContext(t.Context(), "cookie", tt.cookie), dial(t, tt.site))
			if user := strings.Join(header.Get("user"), " "); status.Code(err) != tt.want || user != tt.user {
				t.Errorf("%s of %q: %v, and the user %q, want %s, %q", name, tt.cookie, err, user, tt.want, tt.user)
			}
		}
	}
}

func check(ctx context.Context, client grpc_health_v1.HealthClient) (header metadata.MD, err error) {
	_, err = client.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header))
	return header, err
}

func watch(ctx context.Context, client grpc_health_v1.HealthClient) (metadata.MD, error) {
	stream, err := client.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return nil, err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return nil, err
	}
	return stream.Header()
}

// dial starts a server that knows the site's users.
func dial(t *testing.T, site *djangosite.Site) grpc_health_v1.HealthClient {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(requireUser(site)), grpc.StreamInterceptor(requireUserOfStream(site)))
	grpc_health_v1.RegisterHealthServer(server, greeter{})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return grpc_health_v1.NewHealthClient(conn)
}
