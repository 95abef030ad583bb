package main

import (
	"context"
	"flag"
	"fmt"

	"django-sidecar/internal/config"
	"django-sidecar/internal/manual"
)

func printCompletion(ctx context.Context, args []string, s stdio) int {
	shell, code, ok := parseWord(flags("completion"), manual.Shells(), args, s)
	if !ok {
		return code
	}
	fmt.Fprint(s.out, manual.Completion(shell, manualCommands(ctx)))
	return exitYes
}

func printMan(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("man"), args, s); !ok {
		return code
	}
	fmt.Fprint(s.out, manual.Page(version, manualCommands(ctx), exits(), config.Settings()))
	return exitYes
}

// manualCommands are the commands with their flags.
func manualCommands(ctx context.Context) (list []manual.Command) {
	for _, c := range commands() {
		m := manual.Command{Name: c.name, Does: c.does}
		c.run(ctx, nil, stdio{declared: func(f *flag.FlagSet, words []string) { m.Flags, m.Words = f, words }})
		list = append(list, m)
	}
	return list
}
