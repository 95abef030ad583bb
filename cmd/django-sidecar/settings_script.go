package main

import (
	"context"
	"fmt"
	"strings"

	"django-sidecar/internal/manual"
	"django-sidecar/internal/settingsscript"
)

func settingsScript(_ context.Context, args []string, s stdio) int {
	f := flags("settings-script")
	var o settingsscript.Options
	o.Format = "env"
	f.Var(&manual.Words{Value: &o.Format, Choices: settingsscript.Formats()}, "format", "what the settings are for: "+strings.Join(settingsscript.Formats(), ", "))
	f.StringVar(&o.Directory, "directory", "", "the `directory` in which the program writes its files; by default where it runs")
	f.BoolVar(&o.PlainSecret, "plain-secret", false, "write SECRET_KEY itself, and not keys that are derived from it")
	f.BoolVar(&o.Replace, "replace", false, "replace files that are there")
	f.BoolVar(&o.Uploads, "uploads", false, "turn uploads on: write MEDIA_ROOT")
	f.Func("accept", "a middleware, a backend, an is_active or other `code` that the program has named, and for which you answer: you have looked; may be repeated",
		func(path string) error {
			o.Accepted = append(o.Accepted, path)
			return nil
		})
	sessions := f.Int("sample", 0, fmt.Sprintf("print the program that records what Django says of so many "+
		"sessions, for check -against; up to %d", settingsscript.MaxSample))
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	if *sessions < 0 || *sessions > settingsscript.MaxSample {
		return s.fails(exitUsage, "django-sidecar settings-script: -sample takes a number of sessions from 1 to "+
			"%d", settingsscript.MaxSample)
	}
	if *sessions > 0 {
		fmt.Fprint(s.out, settingsscript.Sample(*sessions, o.Directory))
		return exitYes
	}
	program, err := settingsscript.Program(o)
	if err != nil {
		return s.fails(exitNo, "django-sidecar settings-script: %v", err)
	}
	fmt.Fprint(s.out, program)
	return exitYes
}
