package main

import (
	"context"
	"encoding/json"
	"fmt"

	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

// keys prints DJANGO_SESSION_KEYS for the settings that are there. The secret comes as it does to every command: from
// the environment or from a file, and never in an argument, which any process of the machine may read.
func keys(_ context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("keys"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.WithoutDatabase)
	if !ok {
		return exitUsage
	}
	list, err := sidecar.DerivedKeys(c)
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	out := json.NewEncoder(s.out)
	out.SetIndent("", "  ")
	if err := out.Encode(list); err != nil {
		fmt.Fprintf(s.err, "writing the keys: %v\n", err)
		return exitUnknown
	}
	return exitYes
}
