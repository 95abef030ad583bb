package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/serving"
)

// healthcheckTimeout is longer than any answer of /readyz takes with the default store timeout.
const healthcheckTimeout = 5 * time.Second

func healthcheck(ctx context.Context, args []string, s stdio) int {
	f := flags("healthcheck")
	live := f.Bool("live", false, "ask for the process alone (/livez), and not for its stores")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	address, own, err := config.AdminListener()
	if err != nil {
		return s.fails(exitUsage, "django-sidecar: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	path, state := "/readyz", "ready"
	if *live {
		path, state = "/livez", "alive"
	}
	status, err := serving.AskAdmin(ctx, address, own, path)
	if err != nil {
		return s.fails(exitNo, "not %s: %v", state, err)
	}
	if status != http.StatusOK {
		return s.fails(exitNo, "not %s: %s answers %d", state, path, status)
	}
	fmt.Fprintln(s.out, state)
	return exitYes
}
