package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

func clearSessions(ctx context.Context, args []string, s stdio) int {
	const defaultBatch, defaultPause = 500, 100 * time.Millisecond
	f := flags("clearsessions")
	o := sidecar.ClearOptions{
		Progress: func(c sidecar.Cleared) { fmt.Fprintln(s.err, c.Progress()) },
		Warn:     func(text string) { fmt.Fprintf(s.err, "django-sidecar clearsessions: %s\n", text) },
	}
	f.IntVar(&o.Batch, "batch", defaultBatch, "rows that a transaction deletes, 1 to 1000")
	f.DurationVar(&o.Pause, "pause", defaultPause,
		"the pause between two transactions; it is never shorter than the last one took")
	f.BoolVar(&o.DryRun, "dry-run", false, "count what would be deleted, and delete nothing")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	if o.Batch < 1 || o.Batch > sidecar.MaxClearBatch || o.Pause < 0 {
		return s.fails(exitUsage, "django-sidecar clearsessions: -batch is 1 to %d, and -pause 0 or more",
			sidecar.MaxClearBatch)
	}
	c, ok := readConfig(s, config.ForClearing)
	if !ok {
		return exitUsage
	}
	done, err := sidecar.ClearSessions(ctx, c, o)
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar clearsessions: %v\n", err)
	}
	switch {
	case errors.As(err, new(sidecar.ErrNothingToClear)):
		return exitUsage
	case errors.Is(err, sidecar.ErrClearing):
		return exitNo
	}
	fmt.Fprintln(s.out, done)
	switch {
	case err != nil:
		return exitUnknown
	case done.Stopped:
		return exitNo
	}
	return exitYes
}
