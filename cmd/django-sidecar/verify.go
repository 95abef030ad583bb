package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

func verify(ctx context.Context, args []string, s stdio) int {
	f := flags("verify")
	isCookie := f.Bool("cookie", false, "stdin is a Cookie header, not a session key")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	text, err := readCookie(s.in)
	if err != nil {
		return s.fails(exitUnknown, "reading stdin: %v", err)
	}
	key := text
	if *isCookie || isHeader(text, c.SessionCookieNames) {
		key = keyInHeader(c, text, s)
	}
	d, err := sidecar.Open(c)
	if err != nil {
		return s.fails(exitUsage, "django-sidecar: %v", err)
	}
	defer d.Close() //nolint:errcheck // nothing has been written
	switch verdict, err := d.Explain(ctx, key, s.out); {
	case err != nil:
		return exitUnknown
	case verdict.User == nil:
		return exitNo
	}
	return exitYes
}

// keyInHeader is the session key in a Cookie header, "" for none. It says which cookie it is in.
func keyInHeader(c *config.Config, header string, s stdio) string {
	key, name := sidecar.CookieRules(c).FirstSessionKey([]string{withoutHeaderName(header)}, c.SessionCookieNames)
	switch {
	case name == "":
		fmt.Fprintf(s.out, "cookie    the header has no cookie %s\n", strings.Join(c.SessionCookieNames, " or "))
	case key == "":
		fmt.Fprintf(s.out, "cookie    %s is empty\n", name)
	default:
		fmt.Fprintf(s.out, "cookie    %s has a value of %s\n", name,
			checkup.Counted(utf8.RuneCountInString(key), "character"))
	}
	return key
}
