package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/sidecar"
)

// Check makes what serve makes at its start, but for traces, tries the listeners and the audit log, and then looks at
// the stores. It tells what it has found in the order in which an operator reads it; refused gets what serve would
// refuse as a setting. A Cookie header, if there is one, is judged too.
func Check(ctx context.Context, c *config.Config, cookie *string, report func(checkup.Finding), refused func(error)) {
	sv := newServer(c, Options{Logger: slog.New(slog.DiscardHandler)})
	defer sv.close(ctx)
	for _, fault := range sv.prepare(ctx) {
		if errors.As(fault, new(uploadError)) {
			report(checkup.Finding{
				Grade: checkup.Fail, Name: "uploads", Found: fault.Error(),
				Remedy: "the directory must be there, and the sidecar's user must be able to write to it",
			})
			continue
		}
		refused(fault)
	}
	d := sv.Current()
	warnings := c.Warnings
	if d != nil {
		report(checkup.Finding{Grade: checkup.OK, Name: "settings", Found: d.Describe()})
		if !c.KeyMissing {
			report(d.KeyFinding())
		}
		warnings = d.Warnings()
	}
	for _, w := range warnings {
		report(checkup.Finding{Grade: checkup.Warn, Name: "settings", Found: w})
	}
	for _, h := range c.Hints {
		report(checkup.Finding{Grade: checkup.OK, Name: "settings", Found: h})
	}
	for _, f := range slices.Concat(certificateFindings(c, time.Now()), listenerFindings(ctx, c), auditFindings(c)) {
		report(f)
	}
	if sv.uploads != nil {
		for _, f := range sv.uploads.findings() {
			report(f)
		}
	}
	if d == nil {
		return
	}
	look := d.Checkup()
	look.Run(ctx, report)
	if cookie != nil {
		key, name := sidecar.CookieRules(c).FirstSessionKey([]string{*cookie}, c.SessionCookieNames)
		report(look.Cookie(ctx, key, name))
	}
}

// listenerFindings tries the addresses that serve would listen on. A busy one is no failure: serve may be running.
func listenerFindings(ctx context.Context, c *config.Config) (findings []checkup.Finding) {
	for _, l := range listenerAddresses(c) {
		err := tryListen(ctx, l.address)
		switch {
		case err == nil:
		case isBusy(err):
			findings = append(findings, checkup.Finding{
				Grade: checkup.Warn, Name: "listeners", Found: l.setting + ": " + l.address + " is in use",
				Remedy: "if django-sidecar serve is running, by that; otherwise stop the program that has it, or choose " +
					"another address",
			})
		default:
			findings = append(findings, checkup.Finding{
				Grade: checkup.Fail, Name: "listeners", Found: fmt.Sprintf("%s: %v", l.setting, err),
				Remedy: "the address must be one of this machine's, the folder of a socket must be there, and this " +
					"user must be allowed to listen there",
			})
		}
	}
	return findings
}
