package main

import (
	"context"
	"fmt"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/djangosession/dbstore"
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
	for _, w := range d.warnings() {
		report(checkup.Finding{Grade: checkup.Warn, Name: "settings", Found: w})
	}
	good := newCheckup(d).Run(ctx, report)
	if finding, on := uploadFinding(c); on {
		report(finding)
		good = good && finding.Grade != checkup.Fail
	}
	if !good {
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
	c := &checkup.Deployment{
		Version: d.version, Places: places(d), Sessions: d.rows, Recent: recent(d), Users: d.users, Access: d.access, Verifier: d.verifier,
		SessionTable: d.config.SessionTable, UserTable: d.config.AuthUserTable,
		CodecFor: func(v djangosession.Version) (*djangosession.Codec, error) {
			other := *d.config
			other.DjangoVersion = v.String()
			_, codec, err := newCodec(&other)
			return codec, err
		},
		Timeout: d.config.StoreTimeout, Now: time.Now,
	}
	if d.database != nil {
		c.DB, c.Dialect, c.Location = d.database.DB, d.database.Dialect, d.database.Location
	}
	return c
}

// places are where the engine keeps sessions outside the session table.
func places(d *deployment) []checkup.Place {
	switch {
	case d.cache != nil:
		return []checkup.Place{{
			Name: "cache", Location: d.cache.Location, Probe: d.cache.Probe,
			Remedy: "compare DJANGO_CACHE_URL with LOCATION and OPTIONS of the cache that SESSION_CACHE_ALIAS names in Django's CACHES",
		}}
	case d.files != nil:
		return []checkup.Place{{
			Name: "sessions", Location: "folder " + d.config.SessionFilePath, Probe: d.files.Probe,
			Remedy: "set DJANGO_SESSION_FILE_PATH to Django's SESSION_FILE_PATH, and let this user read the folder and its files",
		}}
	}
	return nil
}

// recent lists live sessions, as far as the engine keeps them where they can be listed.
func recent(d *deployment) func(ctx context.Context, n int) ([]dbstore.StoredSession, error) {
	switch {
	case d.rows != nil:
		return d.rows.Recent
	case d.files != nil:
		return func(ctx context.Context, n int) (sessions []dbstore.StoredSession, err error) {
			files, err := d.files.Recent(ctx, n)
			for _, f := range files {
				sessions = append(sessions, dbstore.StoredSession(f))
			}
			return sessions, err
		}
	}
	return nil
}

// uploadFinding says whether uploads can be stored, where they are on.
func uploadFinding(c *config.Config) (checkup.Finding, bool) {
	f := checkup.Finding{Grade: checkup.OK, Name: "uploads", Found: "go to " + c.Uploads.MediaRoot}
	uploads, err := openUploads(c)
	if err != nil {
		f.Grade, f.Found, f.Remedy = checkup.Fail, err.Error(), "the directory must be there, and the sidecar's user must be able to write to it"
	}
	return f, uploads != nil || err != nil
}
