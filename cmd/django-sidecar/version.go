package main

import (
	"context"
	"fmt"
	"runtime"

	"django-sidecar/internal/serving"
)

// Set by the linker; see the Makefile.
var (
	version = "dev"
	commit  = "unknown"
)

func build() serving.Build { return serving.Build{Version: version, Commit: commit} }

func printVersion(_ context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("version"), args, s); !ok {
		return code
	}
	fmt.Fprintf(s.out, "django-sidecar %s (commit %s, %s)\n", version, commit, runtime.Version())
	return exitYes
}
