package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

// healthcheckTimeout is longer than any answer of /readyz takes with the default store timeout.
const healthcheckTimeout = 5 * time.Second

func healthcheck(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("healthcheck"), args, s); !ok {
		return code
	}
	address, own, err := config.AdminListener()
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	status, err := sidecar.AskReady(ctx, address, own)
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
