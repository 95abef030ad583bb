package main

import (
	"context"
	"encoding/json"

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
		return s.fails(exitUsage, "django-sidecar: %v", err)
	}
	out := json.NewEncoder(s.out)
	out.SetIndent("", "  ")
	if err := out.Encode(list); err != nil {
		return s.fails(exitUnknown, "writing the keys: %v", err)
	}
	return exitYes
}
