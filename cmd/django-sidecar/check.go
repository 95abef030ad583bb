package main

import (
	"context"
	"fmt"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/serving"
)

func check(ctx context.Context, args []string, s stdio) int {
	f := flags("check")
	isCookie := f.Bool("cookie", false, "judge the Cookie header on stdin too")
	sample := f.String("against", "", "compare with what Django has said of the sessions in this `file`: see settings-script -sample")
	if code, ok := parseFlags(f, args, s); !ok {
		return code
	}
	var cookie *string
	if *isCookie {
		text, err := readCookie(s.in)
		if err != nil {
			return s.fails(exitUnknown, "reading stdin: %v", err)
		}
		text = withoutHeaderName(text)
		cookie = &text
	}
	c, ok := readConfig(s, config.FromProcess)
	if *sample != "" {
		return against(ctx, c, *sample, s)
	}
	code := exitYes
	if !ok {
		// The rest is looked at as far as the settings go: whoever mends them wants to know all of it.
		code = exitUsage
		if c = config.AsFarAsItGoes(); c == nil {
			return code
		}
	}
	serving.Check(ctx, c, cookie, func(f checkup.Finding) {
		if f.Grade == checkup.Fail && code == exitYes {
			code = exitNo
		}
		fmt.Fprintln(s.out, f)
	}, func(fault error) {
		code = s.fails(exitUsage, "django-sidecar: %v", fault)
	})
	return code
}
