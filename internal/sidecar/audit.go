package sidecar

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
)

// auditFailuresEach bounds what the log says of the audit log.
const auditFailuresEach = time.Minute

// openAudit opens the audit log, if the settings say so.
func (sc *sidecar) openAudit(ctx context.Context, stderr io.Writer) (err error) {
	o := observe.AuditOptions{Path: sc.config.AuditLog, Now: time.Now}
	switch o.Path {
	case "":
		return nil
	case config.AuditStderr:
		if o.Path, o.Writer = "", stderr; stderr == nil {
			o.Writer = os.Stderr
		}
	}
	failures := new(seldom)
	o.Report = func(err error) {
		if failures.due(time.Now(), auditFailuresEach) {
			sc.logger.WarnContext(ctx, "the audit log cannot be written; its events are lost", "error", err.Error())
		}
	}
	if sc.audit, err = observe.OpenAudit(o); err == nil {
		sc.metrics.AuditLost(sc.audit.Lost)
	}
	return err
}

// auditStart records a start, and what runs.
func (sc *sidecar) auditStart(at Listeners) {
	if sc.audit == nil {
		return
	}
	details := []observe.AuditDetail{{Name: "version", Value: sc.build.Version}}
	addresses := at.addresses()
	for i := 0; i+1 < len(addresses); i += 2 {
		details = append(details, observe.AuditDetail{Name: fmt.Sprint(addresses[i]), Value: fmt.Sprint(addresses[i+1])})
	}
	sc.audit.Record(observe.AuditEvent{Name: observe.AuditStarted, Details: append(details, sc.auditSecrets()...)})
}

// auditReload records that changed secrets and certificates are in force, or why they are not.
func (sc *sidecar) auditReload(err error) {
	switch {
	case sc.audit == nil:
	case err != nil:
		sc.audit.Record(observe.AuditEvent{Name: observe.AuditReloadRefused, Err: err})
	default:
		sc.audit.Record(observe.AuditEvent{Name: observe.AuditReloaded, Details: sc.auditSecrets()})
	}
}

// auditSecrets names the keys and the certificates that are in force: by fingerprints, and by when they end.
func (sc *sidecar) auditSecrets() []observe.AuditDetail {
	d := sc.current.Load()
	var keys []string
	for _, f := range d.keys.fingerprints() {
		keys = append(keys, f.String())
	}
	details := []observe.AuditDetail{{Name: "keys", Value: strings.Join(keys, ",")}}
	for _, l := range []struct {
		name string
		tls  *config.TLS
	}{{"certificate_ends", d.config.TLS}, {"admin_certificate_ends", d.config.AdminTLS}} {
		if l.tls != nil {
			ends := l.tls.Certificate().Leaf.NotAfter.UTC()
			details = append(details, observe.AuditDetail{Name: l.name, Value: ends.Format(time.RFC3339)})
		}
	}
	return details
}
