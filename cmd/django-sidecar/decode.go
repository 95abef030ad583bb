package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"django-sidecar/djangosession"
	"django-sidecar/internal/config"
	"django-sidecar/signing"
)

func decode(_ context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("decode"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.WithoutDatabase)
	if !ok {
		return exitUsage
	}
	version, codec, err := newCodec(c)
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	// Base64 of the allowed size, and a signature: what is longer can be no session.
	data, err := io.ReadAll(io.LimitReader(s.in, 2*c.MaxSessionBytes+1024))
	if err != nil {
		fmt.Fprintf(s.err, "reading session_data: %v\n", err)
		return exitUnknown
	}
	session, err := codec.Decode(strings.TrimSpace(string(data)))
	if err != nil {
		fmt.Fprintf(s.err, "no session for Django %s: %s\n", version, explainDecode(err))
		return exitNo
	}
	fmt.Fprintln(s.out, session.JSON())
	fmt.Fprintf(s.err, "signed with %s\n", session.SignedBy)
	return exitYes
}

// explainDecode says what is wrong with session data, and what to look at.
func explainDecode(err error) string {
	var syntax *signing.SyntaxError
	switch {
	case errors.Is(err, signing.ErrBadSignature):
		return string(djangosession.BadSignature) +
			": not signed with this SECRET_KEY, for this DJANGO_SESSION_STORE_CLASS, in a form that this DJANGO_VERSION reads"
	case errors.As(err, &syntax):
		return string(djangosession.Unreadable) + ": " + syntax.Problem
	}
	return err.Error()
}
