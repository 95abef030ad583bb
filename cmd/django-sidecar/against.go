package main

import (
	"context"
	"fmt"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

// against compares with a sample of what Django says. c is nil where the settings have faults, which have been told.
func against(ctx context.Context, c *config.Config, path string, s stdio) int {
	if c == nil {
		return exitUsage
	}
	code := exitYes
	err := sidecar.Against(ctx, c, path, func(f checkup.Finding) {
		if f.Grade == checkup.Fail {
			code = exitNo
		}
		fmt.Fprintln(s.out, f)
	})
	if err != nil {
		return s.fails(exitUsage, "django-sidecar check: %v", err)
	}
	return code
}
