package serving

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
)

// auditFailuresEach bounds what the log says of the audit log.
const auditFailuresEach = time.Minute

// openAudit opens the audit log, if the settings say so.
func (sv *server) openAudit(ctx context.Context, stderr io.Writer) (err error) {
	o := observe.AuditOptions{Path: sv.Config.AuditLog, Now: time.Now}
	switch o.Path {
	case "":
		return nil
	case config.AuditStderr:
		if o.Path, o.Writer = "", stderr; stderr == nil {
			o.Writer = os.Stderr
		}
	}
	failures := new(observe.Seldom)
	o.Report = func(err error) {
		if failures.Due(time.Now(), auditFailuresEach) {
			sv.Logger.WarnContext(ctx, "the audit log cannot be written; its events are lost", "error", err.Error())
		}
	}
	if sv.Audit, err = observe.OpenAudit(o); err == nil {
		sv.Metrics.AuditLost(sv.Audit.Lost)
	}
	return err
}

// auditRemedy is what to do where the file cannot be opened.
const auditRemedy = "its folder must be there, and the sidecar's user must be able to write to it"

// auditFindings tries the file of the audit log, if it is one.
func auditFindings(c *config.Config) []checkup.Finding {
	if c.AuditLog == "" || c.AuditLog == config.AuditStderr {
		return nil
	}
	if err := observe.TryAudit(c.AuditLog); err != nil {
		return []checkup.Finding{{
			Grade: checkup.Fail, Name: "audit log", Found: "SIDECAR_AUDIT_LOG: " + err.Error(), Remedy: auditRemedy,
		}}
	}
	return nil
}

// auditStart records a start, and what runs.
func (sv *server) auditStart(at Listeners) {
	if sv.Audit == nil {
		return
	}
	details := []observe.AuditDetail{{Name: "version", Value: sv.build.Version}}
	addresses := at.addresses()
	for i := 0; i+1 < len(addresses); i += 2 {
		details = append(details, observe.AuditDetail{Name: fmt.Sprint(addresses[i]), Value: fmt.Sprint(addresses[i+1])})
	}
	sv.Audit.Record(observe.AuditEvent{Name: observe.AuditStarted, Details: append(details, sv.auditSecrets()...)})
}

// auditReload records that changed secrets and certificates are in force, or why they are not.
func (sv *server) auditReload(err error) {
	switch {
	case sv.Audit == nil:
	case err != nil:
		sv.Audit.Record(observe.AuditEvent{Name: observe.AuditReloadRefused, Err: err})
	default:
		sv.Audit.Record(observe.AuditEvent{Name: observe.AuditReloaded, Details: sv.auditSecrets()})
	}
}

// auditSecrets names the keys and the certificates that are in force: by fingerprints, and by when they end.
func (sv *server) auditSecrets() []observe.AuditDetail {
	d := sv.Current()
	details := []observe.AuditDetail{{Name: "keys", Value: strings.Join(d.Fingerprints(), ",")}}
	for _, l := range []struct {
		name string
		tls  *config.TLS
	}{{"certificate_ends", d.Config().TLS}, {"admin_certificate_ends", d.Config().AdminTLS}} {
		if l.tls != nil {
			ends := l.tls.Certificate().Leaf.NotAfter.UTC()
			details = append(details, observe.AuditDetail{Name: l.name, Value: ends.Format(time.RFC3339)})
		}
	}
	return details
}
