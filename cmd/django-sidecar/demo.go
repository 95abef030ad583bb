package main

import (
	"context"
	"fmt"
	"os"

	"django-sidecar/internal/config"
	"django-sidecar/internal/demo"
)

func runDemo(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("demo"), args, s); !ok {
		return code
	}
	dir, err := os.MkdirTemp("", "django-sidecar-demo-")
	if err != nil {
		return s.fails(exitNo, "django-sidecar: %v", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // there is nobody left to tell
	c, ok := readConfig(s, func() (*config.Config, error) { return demo.Settings(dir) })
	if !ok {
		return exitUsage
	}
	if err := demo.Run(ctx, c, dir, s.out, s.err, build()); err != nil {
		return s.fails(exitUsage, "django-sidecar: %v", err)
	}
	fmt.Fprintln(s.out, "The demo and its database are gone.")
	return exitYes
}
