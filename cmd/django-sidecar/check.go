package main

import (
	"context"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
)

func check(ctx context.Context, args []string, s stdio) int {
	if code, ok := parseFlags(flags("check"), args, s); !ok {
		return code
	}
	c, ok := readConfig(s, config.FromProcess)
	if !ok {
		return exitUsage
	}
	d, err := newDeployment(c, nil)
	if err != nil {
		fmt.Fprintf(s.err, "django-sidecar: %v\n", err)
		return exitUsage
	}
	defer d.Close() //nolint:errcheck // nothing has been written
	report := func(f checkup.Finding) {
		fmt.Fprintf(s.out, "%-5s %-16s %s", f.Grade, f.Name, f.Found)
		if f.Remedy != "" {
			fmt.Fprintf(s.out, "; %s", f.Remedy)
		}
		fmt.Fprintln(s.out)
	}
	report(checkup.Finding{Grade: checkup.OK, Name: "settings", Found: describe(d)})
	for _, w := range c.Warnings {
		report(checkup.Finding{Grade: checkup.Warn, Name: "settings", Found: w})
	}
	if !newCheckup(d).Run(ctx, report) {
		return exitNo
	}
	return exitYes
}

func describe(d *deployment) string {
	return fmt.Sprintf("Django %s, engine %s, cookie %s, %d fallback keys, %d backends",
		d.version, d.config.SessionEngine, d.config.SessionCookieName,
		len(d.config.SecretKeyFallbacks), len(d.config.AuthenticationBackends))
}

func newCheckup(d *deployment) *checkup.Deployment {
	return &checkup.Deployment{
		DB: d.database.DB, Dialect: d.database.Dialect, Location: d.database.Location, Version: d.version,
		Sessions: d.sessions, Users: d.users, Verifier: d.verifier,
		SessionTable: d.config.SessionTable, UserTable: d.config.AuthUserTable,
		CodecFor: func(v djangosession.Version) (*djangosession.Codec, error) {
			other := *d.config
			other.DjangoVersion = v.String()
			_, codec, err := newCodec(&other)
			return codec, err
		},
		Timeout: d.config.StoreTimeout, Now: time.Now,
	}
}
