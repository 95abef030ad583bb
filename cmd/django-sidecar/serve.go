package main

import (
	"context"
	"fmt"

	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

func serve(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("serve"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	if err := sidecar.Serve(ctx, c, s.err, sidecar.Options{Build: build()}); err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	return exitYes
}
