// Command django-sidecar answers, beside a Django application, who is logged in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // TIME_ZONE must work in an image that has no files but this program

	"django-sidecar/internal/config"
)

// The exit codes that scripts may rely on. 130 and 143 are for a second SIGINT or SIGTERM: see endedBy.
const (
	exitYes = iota
	exitNo
	exitUsage
	exitUnknown
)

// exits says what each of them means.
func exits() []string {
	return []string{
		exitYes: "done, ready, logged in", exitNo: "a check failed, not ready, not logged in",
		exitUsage: "wrong usage or settings", exitUnknown: "could not find out",
	}
}

// stdio is what a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer

	// declared, if there is one, is given the command's flags and the words that may be its argument. The command does
	// no more.
	declared func(f *flag.FlagSet, words []string)
}

// fails says what is wrong, and returns the exit code.
func (s stdio) fails(code int, format string, args ...any) int {
	fmt.Fprintf(s.err, format+"\n", args...)
	return code
}

type command struct {
	name, does string
	// run calls parseFlags or parseWord before it does anything else: the completions and the man page ask these.
	run func(ctx context.Context, args []string, s stdio) int
}

func commands() []command {
	return []command{
		{"serve", "answer who is logged in", serve},
		{"demo", "serve a SQLite database made on the spot, with users and sessions to try", runDemo},
		{"check", "look at settings, database, tables, clock and recent sessions; say what to change", check},
		{"verify", "explain the verdict on a session key (or with --cookie a Cookie header) read from stdin", verify},
		{"sql", "print the triggers that tell of changes, or with -what role a role that may only read; -django: " +
			"as a migration", printSQL},
		{"settings-script", "print a Python program for a shell of the Django project, which writes these settings; " +
			"-sample: which records what Django says of sessions", settingsScript},
		{"clearsessions", "delete expired rows of the session table, a few at a time; -dry-run: count them", clearSessions},
		{"decode", "print the session in the session_data read from stdin", decode},
		{"keys", "print the keys that sessions need, derived from SECRET_KEY: DJANGO_SESSION_KEYS", keys},
		{"completion", "print the program that completes commands and flags in a shell: bash, zsh or fish", printCompletion},
		{"man", "print this manual: django-sidecar man | man -l -", printMan},
		{"healthcheck", "ask the admin listener whether the sidecar is ready", healthcheck},
		{"version", "print version, commit and Go version", printVersion},
	}
}

func main() {
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop()
		os.Exit(endedBy(<-signals, os.Stderr))
	}()
	os.Exit(run(ctx, os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// endedBy is the exit code after a second signal, which ends everything at once: that of a program that the signal
// has ended.
func endedBy(s os.Signal, w io.Writer) int {
	fmt.Fprintf(w, "django-sidecar: a second signal (%v): what was running is given up\n", s)
	const bySignal = 128 // as shells, and containers, count
	if number, ok := s.(syscall.Signal); ok {
		return bySignal + int(number)
	}
	return exitNo
}

func run(ctx context.Context, args []string, s stdio) int {
	if len(args) > 0 {
		for _, c := range commands() {
			if c.name == args[0] {
				return c.run(ctx, args[1:], s)
			}
		}
	}
	code, out := exitUsage, s.err
	if len(args) > 0 && (args[0] == "help" || args[0] == "-h" || args[0] == "--help") {
		code, out = exitYes, s.out
	} else if len(args) > 0 {
		fmt.Fprintf(out, "django-sidecar: there is no command %q\n", args[0])
	}
	fmt.Fprintln(out, "usage: django-sidecar COMMAND")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-15s %s\n", c.name, c.does)
	}
	fmt.Fprintln(out, "Settings come from the environment; docs/settings.md lists them. Keys and cookies come by "+
		"stdin, never as arguments.")
	return code
}

// parseFlags reads the flags of a command that takes no arguments. With false, the command ends with the code.
func parseFlags(f *flag.FlagSet, args []string, s stdio) (code int, ok bool) {
	if s.declared != nil {
		s.declared(f, nil)
		return exitYes, false
	}
	f.SetOutput(s.err)
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitYes, false
	case err != nil:
		return exitUsage, false
	case f.NArg() > 0:
		// Not echoed: somebody may have put a key or a cookie here.
		return s.fails(exitUsage, "django-sidecar %s: takes no arguments; keys and cookies come by stdin",
			f.Name()), false
	}
	return 0, true
}

// parseWord is parseFlags for a command whose argument is one of some words.
func parseWord(f *flag.FlagSet, words, args []string, s stdio) (word string, code int, ok bool) {
	if s.declared != nil {
		s.declared(f, words)
		return "", exitYes, false
	}
	if len(args) > 0 && slices.Contains(words, args[0]) {
		word, args = args[0], args[1:]
	}
	if code, ok = parseFlags(f, args, s); ok && word == "" {
		return "", s.fails(exitUsage, "usage: django-sidecar %s %s", f.Name(), strings.Join(words, "|")), false
	}
	return word, code, ok
}

func flags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

// readConfig reads the settings, and reports all of their faults.
func readConfig(s stdio, read func() (*config.Config, error)) (*config.Config, bool) {
	c, err := read()
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: these settings must be put right:\n%v\n", err)
		return nil, false
	}
	return c, true
}
