package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"django-sidecar/djangosession"
	"django-sidecar/internal/check"
	"django-sidecar/internal/extauthz"
	"django-sidecar/internal/gateway"
	"django-sidecar/internal/tracing"
)

// verifierFunc is a Verifier that says what a test wants it to.
type verifierFunc func(ctx context.Context, sessionKey string) (djangosession.Verdict, error)

func (f verifierFunc) Verify(ctx context.Context, sessionKey string) (djangosession.Verdict, error) {
	return f(ctx, sessionKey)
}

// accessFunc is an AccessStore that says what a test wants it to.
type accessFunc func(ctx context.Context, userID string) (djangosession.Access, error)

func (f accessFunc) AccessOf(ctx context.Context, userID string) (djangosession.Access, error) {
	return f(ctx, userID)
}

// byKey knows "adas" and "down", and nobody else.
func byKey(_ context.Context, key string) (djangosession.Verdict, error) {
	switch key {
	case "adas":
		name, email := "Zoë, 100%", "ada@example.org"
		return djangosession.Verdict{User: &djangosession.User{ID: "42", Username: &name, Email: &email, IsStaff: djangosession.True}}, nil
	case "down":
		return djangosession.Verdict{}, errors.New("the store is down")
	case "bug":
		panic("a bug")
	}
	return djangosession.Verdict{Reason: djangosession.NotFound}, nil
}

type fixture struct {
	conn   *grpc.ClientConn
	client authv3.AuthorizationClient
	server *http.Server
	log    *lockedBuilder
}

type lockedBuilder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func start(t *testing.T, verify verifierFunc, serving func() bool) *fixture {
	t.Helper()
	return startTraced(t, verify, serving, nil)
}

func startTraced(t *testing.T, verify verifierFunc, serving func() bool, tracer *tracing.Tracer) *fixture {
	t.Helper()
	login, err := gateway.NewLoginURL("/login/", "next")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{log: new(lockedBuilder)}
	f.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: extauthz.New(extauthz.Options{
		Answers: &check.Service{
			Verifier: check.NewUncached(verify, nil, time.Minute), CookieNames: []string{"sessionid"}, Login: login, Now: time.Now,
			Access: accessFunc(func(context.Context, string) (djangosession.Access, error) {
				return djangosession.Access{Groups: []string{"a, b", "editors"}, IsActive: true}, nil
			}),
		},
		Logger: slog.New(slog.NewJSONHandler(f.log, nil)), Serving: serving, Now: time.Now, Tracer: tracer,
	})}
	extauthz.Configure(f.server)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- f.server.Serve(listener) }()
	f.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	f.client = authv3.NewAuthorizationClient(f.conn)
	t.Cleanup(func() {
		if err := f.conn.Close(); err != nil {
			t.Error(err)
		}
		if err := f.server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return f
}

func always() bool { return true }

// request is a CheckRequest as Envoy fills it, with all that is of no use here.
func request(headers map[string]string, extensions map[string]string) *authv3.CheckRequest {
	address := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "10.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 1234},
	}}}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: address, Principal: "spiffe://x"}, Destination: &authv3.AttributeContext_Peer{Address: address},
		Request: &authv3.AttributeContext_Request{Time: timestamppb.New(time.Unix(1, 2)), Http: &authv3.AttributeContext_HttpRequest{
			Id: "1", Method: "GET", Scheme: "https", Host: "x.example", Path: "/a?b=c", Protocol: "HTTP/2", Size: -1, Headers: headers,
		}},
		ContextExtensions: extensions, MetadataContext: &corev3.Metadata{}, TlsSession: &authv3.AttributeContext_TLSSession{Sni: "x.example"},
	}}
}

func option(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header: &corev3.HeaderValue{Key: name, Value: value},
		Append: wrapperspb.Bool(false), //nolint:staticcheck // Envoys before 1.25 know nothing else, and the newest takes it first
	}
}

func allow(identity [4]string, aliases ...string) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{HeadersToRemove: append([]string{
		"remote_user", "remote.user",
		"remote-user_id", "remote-user.id", "remote_user-id", "remote_user_id", "remote_user.id", "remote.user-id", "remote.user_id", "remote.user.id",
		"remote_email", "remote.email", "remote_groups", "remote.groups",
	}, aliases...)}
	for i, name := range []string{"remote-user", "remote-user-id", "remote-email", "remote-groups"} {
		ok.Headers = append(ok.Headers, option(name, identity[i]))
	}
	return &authv3.CheckResponse{Status: &statuspb.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok}}
}

func refusal(code typev3.StatusCode, message string, headers ...*corev3.HeaderValueOption) *authv3.DeniedHttpResponse {
	d := &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: code}}
	d.Headers = append([]*corev3.HeaderValueOption{option("cache-control", "no-store"), option("vary", "Cookie")}, headers...)
	if message != "" {
		d.Headers = append(d.Headers, option("content-type", "application/json"))
		d.Body = `{"result":false,"message":"` + message + `"}`
	}
	return d
}

func denied(code codes.Code, d *authv3.DeniedHttpResponse) *authv3.CheckResponse {
	return &authv3.CheckResponse{Status: &statuspb.Status{Code: int32(code)}, HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: d}}
}

func failed(d *authv3.DeniedHttpResponse) *authv3.CheckResponse {
	return &authv3.CheckResponse{Status: &statuspb.Status{Code: int32(codes.Unavailable)}, HttpResponse: &authv3.CheckResponse_ErrorResponse{ErrorResponse: d}}
}

var (
	ada    = [4]string{"Zo%C3%AB, 100%25", "42", "ada@example.org", "a%2C b,editors"}
	nobody = [4]string{}
)

// rawCodec hands the bytes on as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("a %T is no bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*message)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("a %T is no bytes", v)
	}
	*message = data.Materialize()
	return nil
}

// raw sends a message and returns the bytes of the answer.
func (f *fixture) raw(t *testing.T, message proto.Message) []byte {
	t.Helper()
	sent, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	if err := f.conn.Invoke(t.Context(), authv3.Authorization_Check_FullMethodName, &sent, &got, grpc.ForceCodecV2(rawCodec{})); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCheck(t *testing.T) {
	f := start(t, byKey, always)
	page := func(h map[string]string) map[string]string {
		h["sec-fetch-mode"] = "navigate"
		return h
	}
	cookie := func(key string) map[string]string {
		return map[string]string{"cookie": "a=1; sessionid=" + key, ":path": "/"}
	}
	challenge := option("www-authenticate", "Cookie")
	for _, tt := range []struct {
		name    string
		request *authv3.CheckRequest
		want    *authv3.CheckResponse
	}{
		{"a user", request(cookie("adas"), nil), allow(ada)},
		{"a user who meets what is required", request(cookie("adas"), map[string]string{"require": "staff&require=group:editors"}), allow(ada)},
		{"a user who does not", request(page(cookie("adas")), map[string]string{"require": "superuser"}), denied(codes.PermissionDenied, refusal(403, "The user may not do this."))},
		{"a user without the second", request(cookie("adas"), map[string]string{"require": "staff&require=group:admins"}), denied(codes.PermissionDenied, refusal(403, "The user may not do this."))},
		{"a group with a comma", request(cookie("adas"), map[string]string{"require": "group:a%2C b"}), allow(ada)},
		{"other spellings", request(map[string]string{"cookie": "sessionid=adas", "remote_user": "x", "remote~user": "x", "remote-user": "x", "x": "y"}, nil), allow(ada, "remote~user")},
		{"nobody", request(cookie("none"), nil), denied(codes.Unauthenticated, refusal(401, "Your login session has ended.", challenge, option("x-sign-in", "/login/")))},
		{"a page", request(page(cookie("none")), nil), denied(codes.Unauthenticated, refusal(302, "", option("location", "/login/?next=/a%3Fb%3Dc")))},
		{"nobody, optional", request(cookie("none"), map[string]string{"optional": "1"}), allow(nobody)},
		{"down", request(cookie("down"), nil), failed(refusal(503, "The login session could not be checked.", option("retry-after", "1")))},
		{"down, optional", request(cookie("down"), map[string]string{"optional": "1"}), failed(refusal(503, "The login session could not be checked.", option("retry-after", "1")))},
		{"an unknown requirement", request(cookie("adas"), map[string]string{"require": "stuff"}), denied(codes.Unavailable, refusal(500, "The requirements of this location are not understood."))},
		{"a misspelt option", request(cookie("adas"), map[string]string{"requires": "staff", "optional": "1"}), denied(codes.Unavailable, refusal(500, "The requirements of this location are not understood."))},
		{"nothing at all", &authv3.CheckRequest{}, denied(codes.PermissionDenied, refusal(403, "The request is malformed."))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := f.client.Check(t.Context(), tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
			if err := got.ValidateAll(); err != nil {
				t.Errorf("go-control-plane finds fault with it: %v", err)
			}
			if e, ok := tt.want.HttpResponse.(*authv3.CheckResponse_ErrorResponse); ok {
				wantOlder(t, f.raw(t, tt.request), tt.want, e.ErrorResponse)
				return
			}
			want, err := proto.MarshalOptions{Deterministic: true}.Marshal(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			if raw := f.raw(t, tt.request); !slices.Equal(raw, want) {
				t.Errorf("the bytes are\n%x, and go-control-plane's\n%x", raw, want)
			}
		})
	}
	if log := f.log.String(); !strings.Contains(log, `"outcome":"unavailable"`) || !strings.Contains(log, `"remote":"127.0.0.1"`) || strings.Contains(log, "adas") {
		t.Errorf("the log: %s", log)
	}
}

// wantOlder: an Envoy that does not know error_response reads the same refusal as denied_response.
func wantOlder(t *testing.T, raw []byte, want *authv3.CheckResponse, refusal *authv3.DeniedHttpResponse) {
	t.Helper()
	older, err := proto.Marshal(&authv3.CheckResponse{Status: want.Status, HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: refusal}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(raw), string(older)) || len(raw) == len(older) {
		t.Errorf("the bytes are\n%x, and do not begin with\n%x", raw, older)
	}
}

// TestCheckReadsEverything: whatever go-control-plane writes is read as it was meant.
func TestCheckReadsEverything(t *testing.T) {
	var mu sync.Mutex
	asked := ""
	f := start(t, func(_ context.Context, key string) (djangosession.Verdict, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = key
		return djangosession.Verdict{Reason: djangosession.NotFound}, nil
	}, always)
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		b := make([]byte, random.IntN(40))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[random.IntN(36)]
		}
		return string(b)
	}
	for i := range 2000 {
		key, page := "k"+text(), "/"+text()
		headers := map[string]string{"cookie": "sessionid=" + key, "accept": "text/html"}
		for range random.IntN(20) {
			headers["x-"+text()] = text()
		}
		r := request(headers, nil)
		h := r.Attributes.Request.Http
		h.Path = page
		if random.IntN(2) == 0 { // encode_raw_headers
			h.HeaderMap = &corev3.HeaderMap{}
			for name, value := range headers {
				h.HeaderMap.Headers = append(h.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
			}
			h.Headers = nil
		}
		if random.IntN(4) == 0 {
			h.Body, h.RawBody, h.Query, h.Fragment = text(), []byte(text()), text(), text()
		}
		got, err := f.client.Check(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if asked != key {
			t.Fatalf("request %d: asked for %q, want %q", i, asked, key)
		}
		location := ""
		for _, h := range got.GetDeniedResponse().GetHeaders() {
			if h.Header.Key == "location" {
				location = h.Header.Value
			}
		}
		if location != "/login/?next="+page {
			t.Fatalf("request %d: sent to %q from %q", i, location, page)
		}
	}
}

// TestHeaderMap: repeated cookies are there one by one, and bytes that are no UTF-8 as they came.
func TestHeaderMap(t *testing.T) {
	f := start(t, byKey, always)
	r := request(nil, nil)
	r.Attributes.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
		{Key: "cookie", RawValue: []byte("x=\xff\xfe; sessionid=adas;")}, {Key: "accept", Value: "text/html"},
	}}
	got, err := f.client.Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetOkResponse() == nil {
		t.Errorf("got %v", got)
	}
}

func TestHealth(t *testing.T) {
	serving := true
	f := start(t, byKey, func() bool { return serving })
	client := healthpb.NewHealthClient(f.conn)
	for _, service := range []string{"", "envoy.service.auth.v3.Authorization"} {
		for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
			serving = want == healthpb.HealthCheckResponse_SERVING
			got, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
			if err != nil || got.Status != want {
				t.Errorf("%q: %v %v, want %v", service, got, err, want)
			}
		}
	}
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "other"}); status.Code(err) != codes.NotFound {
		t.Errorf("another service: %v", err)
	}
	watch, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("Watch: %v", err)
	}
}

func TestErrors(t *testing.T) {
	f := start(t, byKey, always)
	var got []byte
	invoke := func(method string, message []byte, options ...grpc.CallOption) error {
		return f.conn.Invoke(t.Context(), method, &message, &got, append(options, grpc.ForceCodecV2(rawCodec{}))...)
	}
	for name, tt := range map[string]struct {
		err  error
		code codes.Code
	}{
		"reflection":         {invoke("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", nil), codes.Unimplemented},
		"another method":     {invoke("/envoy.service.auth.v3.Authorization/Other", nil), codes.Unimplemented},
		"an older version":   {invoke("/envoy.service.auth.v2.Authorization/Check", nil), codes.Unimplemented},
		"no message":         {invoke(authv3.Authorization_Check_FullMethodName, []byte("\x0a\xff\xff")), codes.InvalidArgument},
		"a huge message":     {invoke(authv3.Authorization_Check_FullMethodName, make([]byte, 1<<20+1)), codes.ResourceExhausted},
		"a compressed one":   {invoke(authv3.Authorization_Check_FullMethodName, make([]byte, 100), grpc.UseCompressor(gzip.Name)), codes.Unimplemented},
		"a malformed health": {invoke(healthpb.Health_Check_FullMethodName, []byte{0xff}), codes.InvalidArgument},
	} {
		if status.Code(tt.err) != tt.code {
			t.Errorf("%s: %v, want %v", name, tt.err, tt.code)
		}
	}
	_, err := f.client.Check(t.Context(), request(map[string]string{"cookie": "sessionid=bug"}, nil))
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "a bug") || !strings.Contains(f.log.String(), "a bug") {
		t.Errorf("a panic: %v; the log: %s", err, f.log)
	}
	if _, err := f.client.Check(t.Context(), request(map[string]string{"cookie": "sessionid=adas"}, nil)); err != nil {
		t.Errorf("the call after it: %v", err)
	}
}

// TestDrain: what is being asked when the stop comes is answered, and nothing new is taken.
func TestDrain(t *testing.T) {
	asked, tell := make(chan struct{}), make(chan struct{})
	f := start(t, func(ctx context.Context, key string) (djangosession.Verdict, error) {
		close(asked)
		<-tell
		return byKey(ctx, key)
	}, always)
	answered := make(chan error, 1)
	go func() {
		got, err := f.client.Check(context.WithoutCancel(t.Context()), request(map[string]string{"cookie": "sessionid=adas"}, nil))
		if err == nil && got.GetOkResponse() == nil {
			err = fmt.Errorf("got %v", got)
		}
		answered <- err
	}()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- f.server.Shutdown(context.WithoutCancel(t.Context())) }()
	deadline := time.After(time.Minute)
	for {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", f.conn.Target())
		if err != nil {
			break // the listener is closed
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-deadline:
			t.Fatal("it still listens")
		default:
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("it has stopped while somebody waited: %v", err)
	default:
	}
	close(tell)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestManyAtOnce(t *testing.T) {
	f := start(t, byKey, always)
	var all sync.WaitGroup
	for n := range 64 {
		all.Go(func() {
			for i := range 100 {
				key, want := "adas", "42"
				if (i+n)%2 == 0 {
					key, want = "none", ""
				}
				got, err := f.client.Check(t.Context(), request(map[string]string{"cookie": "sessionid=" + key}, nil))
				if err != nil {
					t.Error(err)
					return
				}
				id := ""
				for _, h := range got.GetOkResponse().GetHeaders() {
					if h.Header.Key == "remote-user-id" {
						id = h.Header.Value
					}
				}
				if id != want {
					t.Errorf("the user is %q, want %q", id, want)
				}
			}
		})
	}
	all.Wait()
}

// TestItIsGRPCAlone: HTTP/1.1 finds no server here, and HTTP/2 that is no gRPC is told so.
func TestItIsGRPCAlone(t *testing.T) {
	f := start(t, byKey, always)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for _, tt := range []struct{ method, kind string }{{"GET", ""}, {"GET", "application/grpc"}, {"POST", "application/json"}, {"POST", "application/grpc-web"}} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+f.conn.Target()+authv3.Authorization_Check_FullMethodName, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tt.kind)
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%v: status %d", tt, response.StatusCode)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", f.conn.Target())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	reply, _ := io.ReadAll(conn)
	if strings.Contains(string(reply), " 200 ") {
		t.Errorf("HTTP/1.1 is answered: %q", reply)
	}
}

var _ encoding.CodecV2 = rawCodec{}

// TestNoCookies: calls without a Cookie header, a hundred in a row, are one warning, until there is one.
func TestNoCookies(t *testing.T) {
	f := start(t, byKey, always)
	warned := 0
	ask := func(times, want int, headers map[string]string) {
		t.Helper()
		for range times {
			if _, err := f.client.Check(t.Context(), request(headers, nil)); err != nil {
				t.Fatal(err)
			}
		}
		warned += want
		if got := strings.Count(f.log.String(), `"level":"WARN"`); got != warned {
			t.Errorf("%d warnings, want %d:\n%s", got, warned, f.log.String())
		}
	}
	ask(99, 0, nil)
	ask(1, 1, map[string]string{"accept": "text/html"})
	ask(150, 0, nil)
	ask(1, 0, map[string]string{"cookie": "a=b"})
	ask(99, 0, nil)
	ask(1, 1, nil)
}
