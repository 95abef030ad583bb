package main

import (
	"context"
	"fmt"

	"django-sidecar/internal/config"
	"django-sidecar/internal/invalidate/postgres"
	"django-sidecar/internal/manual"
	"django-sidecar/internal/sidecar"
)

func printSQL(_ context.Context, args []string, s stdio) int {
	f := flags("sql")
	what, whats := "triggers", []string{"triggers", "role", "all", "hidden-passwords", "clearsessions-role"}
	f.Var(&manual.Words{Value: &what, Choices: whats}, "what", "triggers, role, all (which is both), "+
		"hidden-passwords or clearsessions-role")
	remove := f.Bool("remove", false, "print what takes them away")
	django := f.Bool("django", false, "print the triggers as a migration for Django, which can be reversed")
	tokens := f.Bool("tokens", false, "the role may read what links that reset passwords are made of, too")
	var of string
	f.Var(&manual.Words{Value: &of, Choices: []string{"sessions", "users"}}, "database",
		"sessions or users: for which database, where DJANGO_SESSION_DATABASE_URL names another than DATABASE_URL")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	script := postgres.Script{
		Triggers: what == "triggers" || what == "all", Role: what == "role" || what == "all",
		ClearingRole: what == "clearsessions-role", HiddenPasswords: what == "hidden-passwords", Remove: *remove,
		Tokens: *tokens,
	}
	if *tokens && (!script.Role || *remove) {
		return s.fails(exitUsage, "django-sidecar sql: -tokens goes with -what role or -what all, without -remove")
	}
	if *django && (what != "triggers" || *remove) {
		return s.fails(exitUsage, "django-sidecar sql: -django goes with triggers alone, and has the removal in it")
	}
	c, ok := readConfig(s, config.ForSQL)
	if !ok {
		return exitUsage
	}
	text, warning, err := sidecar.SQL(c, sidecar.SQLOptions{Script: script, Django: *django, Database: of})
	if err != nil {
		return s.fails(exitUsage, "django-sidecar sql: %v", err)
	}
	fmt.Fprint(s.out, text)
	if warning != "" {
		fmt.Fprintf(s.err, "django-sidecar: %s\n", warning)
	}
	return exitYes
}
