package main

import (
	"context"

	"django-sidecar/internal/config"
	"django-sidecar/internal/serving"
)

func serve(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("serve"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	if err := serving.Serve(ctx, c, s.err, serving.Options{Build: build()}); err != nil {
		return s.fails(exitUsage, "django-sidecar: %v", err)
	}
	return exitYes
}
