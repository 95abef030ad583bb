package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"django-sidecar/internal/config"
)

// healthcheckTimeout is longer than any answer of /readyz takes with the default store timeout.
const healthcheckTimeout = 5 * time.Second

func healthcheck(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("healthcheck"), args, s); !ok {
		return code
	}
	address, err := config.AdminListen()
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	status, err := askReady(ctx, address)
	if err != nil {
		fmt.Fprintf(s.err, "not ready: %v\n", err)
		return exitNo
	}
	if status != http.StatusOK {
		fmt.Fprintf(s.err, "not ready: /readyz answers %d\n", status)
		return exitNo
	}
	fmt.Fprintln(s.out, "ready")
	return exitYes
}

// askReady asks the admin listener at an address of the settings.
func askReady(ctx context.Context, address string) (status int, err error) {
	network, dial := "tcp", localAddress(address)
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, dial = "unix", path
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, dial)
		},
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sidecar/readyz", http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// localAddress is where to reach a listener on this machine: one on all addresses is reached through loopback. It is
// not called localhost, which is a name that an image without /etc/hosts does not know.
func localAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host = "127.0.0.1"; ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port)
}
