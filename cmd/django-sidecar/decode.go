package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

func decode(_ context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("decode"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.WithoutDatabase)
	if !ok {
		return exitUsage
	}
	version, codec, err := sidecar.NewCodec(c)
	if err != nil {
		return s.fails(exitUsage, "django-sidecar: %v", err)
	}
	// Base64 of the allowed size, and a signature: what is longer can be no session.
	data, err := io.ReadAll(io.LimitReader(s.in, 2*c.MaxSessionBytes+1024))
	if err != nil {
		return s.fails(exitUnknown, "reading session_data: %v", err)
	}
	session, err := codec.Decode(strings.TrimSpace(string(data)))
	if err != nil {
		return s.fails(exitNo, "no session for Django %s: %s", version, sidecar.DecodeProblem(err))
	}
	fmt.Fprintln(s.out, session.JSON())
	fmt.Fprintf(s.err, "signed with %s\n", session.SignedBy)
	return exitYes
}
