package charts_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"django-sidecar/internal/demo"
)

// status is that of a gateway's question to a port.
func (r *running) status(tb testing.TB, port int32, path, cookie string) int {
	tb.Helper()
	settings := r.tls(tb)
	if settings == nil {
		return status(tb, http.DefaultClient, "http://"+r.addresses[port]+path, cookie)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: settings}}
	return status(tb, client, "https://"+r.addresses[port]+path, cookie)
}

// tls is for a gateway that checks the certificate of the public listeners, and shows its own. Nil: they have none.
func (r *running) tls(tb testing.TB) *tls.Config {
	tb.Helper()
	set := r.variables(tb)
	if set["SIDECAR_TLS_CERT_FILE"] == "" {
		return nil
	}
	secret := r.sources["django-sidecar-tls"]
	settings := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	settings.RootCAs.AppendCertsFromPEM([]byte(secret["ca.crt"]))
	if set["SIDECAR_TLS_CLIENT_CA_FILE"] != "" {
		own, err := tls.X509KeyPair([]byte(secret["client.crt"]), []byte(secret["client.key"]))
		if err != nil {
			tb.Fatal(err)
		}
		settings.Certificates = []tls.Certificate{own}
	}
	return settings
}

// askOtherwise asks over gRPC and with files, where the container takes them.
func (r *running) askOtherwise(tb testing.TB, visits []demo.Example) {
	tb.Helper()
	set := r.variables(tb)
	for _, v := range visits {
		if set["SIDECAR_GRPC_LISTEN"] != "" && r.letsPass(tb, v.Cookie) != v.Alive {
			tb.Errorf("%s: by gRPC not %t", v.Title, v.Alive)
		}
		if set["DJANGO_MEDIA_ROOT"] != "" && r.stores(tb, v.Cookie) != v.Alive {
			tb.Errorf("%s: what was sent is stored: not %t", v.Title, v.Alive)
		}
	}
}

// letsPass asks as Envoy does, at the port for gRPC.
func (r *running) letsPass(tb testing.TB, cookie string) bool {
	tb.Helper()
	address := r.addresses[portNamed(tb, r.container, "auth-grpc")]
	trust := insecure.NewCredentials()
	if settings := r.tls(tb); settings != nil {
		trust = credentials.NewTLS(settings)
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(trust))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			tb.Error(err)
		}
	}()
	http := &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/", Headers: map[string]string{"cookie": cookie}}
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	answer, err := authv3.NewAuthorizationClient(conn).Check(ctx, &authv3.CheckRequest{
		Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: http}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return answer.GetStatus().GetCode() == int32(codes.OK)
}

// stores sends a file, and tells whether it has arrived in the volume.
func (r *running) stores(tb testing.TB, cookie string) bool {
	tb.Helper()
	before := r.stored(tb)
	url := "http://" + r.addresses[portNamed(tb, r.container, "auth")] + "/upload"
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPut, url, strings.NewReader("a file"))
	if err != nil {
		tb.Fatal(err)
	}
	for name, value := range map[string]string{"Cookie": cookie, "Content-Type": "text/plain", "Content-Disposition": "attachment; filename=a.txt"} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode == http.StatusCreated && r.stored(tb) == before+1
}

// stored counts the files in MEDIA_ROOT.
func (r *running) stored(tb testing.TB) (files int) {
	tb.Helper()
	err := filepath.WalkDir(r.hostPath(r.variables(tb)["DJANGO_MEDIA_ROOT"]), func(_ string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files++
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return files
}
