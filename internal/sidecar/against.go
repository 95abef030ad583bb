package sidecar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/proof"
)

// Against compares the sidecar's verdicts with what Django has said of the sessions in a file. It asks the stores, and
// no cache of verdicts.
func Against(ctx context.Context, c *config.Config, path string, report func(checkup.Finding)) error {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("the sample: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	sample, err := proof.ReadSample(f)
	if err != nil {
		return fmt.Errorf("the sample %s %w", path, err)
	}
	d, err := Open(c)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // nothing has been written
	side, err := d.proof()
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		report(checkup.Finding{
			Grade: checkup.Warn, Name: "sample",
			Found:  path + " can be read by others: it has ids, groups and permissions of users",
			Remedy: "chmod 600 " + path,
		})
	}
	for _, finding := range sample.Compare(proof.Here{
		Version: d.config.DjangoVersion, CookieNames: d.config.SessionCookieNames, CookieAge: d.config.SessionCookieAge,
		Backends: d.config.AuthenticationBackends, Zone: cmp.Or(d.zone().Local, time.UTC),
	}) {
		report(finding)
	}
	side.Against(ctx, sample, report)
	return nil
}

var errNoKeys = errors.New("the sessions of this engine cannot be listed, so that none of a sample is found " +
	"again: set SIDECAR_SHADOW_URL instead (docs/proof.md)")

// proof is the deployment as a sample is compared with it.
func (d *Deployment) proof() (*proof.Side, error) {
	p := &proof.Side{Known: d.Known, Timeout: d.config.StoreTimeout, Now: time.Now}
	switch {
	case d.rows != nil:
		p.Keys, p.Stored = d.rows.Keys, d.rows.Stored
	case d.files != nil:
		p.Keys = func(ctx context.Context, _ string, n int) ([]string, error) { return d.files.Keys(ctx, n) }
		p.Stored = d.files.Stored
	default:
		return nil, errNoKeys
	}
	if d.users != nil && d.config.AuthHash.Function == "" { // which shows no password column
		p.Password = func(ctx context.Context, s *djangosession.Session) (string, error) {
			user, err := d.users.UserByID(ctx, s.AuthUserID)
			if err != nil {
				return "", err
			}
			return user.Password, nil
		}
	}
	return p, nil
}
