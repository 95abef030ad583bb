package serving

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/checkup"
	"django-sidecar/internal/config"
	"django-sidecar/internal/csrf"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/multipart"
	"django-sidecar/internal/upload/naming"
	"django-sidecar/internal/upload/tus"
	"django-sidecar/internal/upload/webhook"
)

// sweepInterval is how often unfinished uploads are looked through for those that have expired.
const sweepInterval = 10 * time.Minute

// uploads is what takes files: forms and raw bodies at once, and resumable ones.
type uploads struct {
	config   config.UploadSettings
	dir      *media.Dir
	receiver *upload.Receiver
	tus      *tus.Handler
	queue    *webhook.Queue // nil where nobody is told
	audit    *observe.Audit // nil where there is no audit log
}

// uploadError is why uploads that are on cannot be taken.
type uploadError struct{ error }

// openUploads makes what takes uploads, nil where they are off. It changes nothing but that the state directory is
// there.
func openUploads(c *config.Config) (*uploads, error) {
	u := &uploads{config: c.Uploads}
	if u.config.MediaRoot == "" {
		return nil, nil //nolint:nilnil // nothing is what there is
	}
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return nil, fmt.Errorf("DJANGO_VERSION: %w", err)
	}
	rules, err := naming.New(naming.Config{
		Version: version, UploadTo: u.config.UploadTo, Location: c.TimeZone,
		MaxLength: u.config.MaxNameLength,
	})
	if err != nil {
		return nil, fmt.Errorf("SIDECAR_UPLOAD_TO: %w", err)
	}
	u.dir, err = media.Open(media.Config{
		Root: u.config.MediaRoot, StateDir: u.config.StateDir, Version: version,
		FilePermissions: u.config.FilePermissions, DirectoryPermissions: u.config.DirectoryPermissions,
		MinFree: u.config.MinFree, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("DJANGO_MEDIA_ROOT, SIDECAR_UPLOAD_STATE_DIR: %w", err)
	}
	u.receiver = upload.New(upload.Config{
		Media: u.dir, Rules: rules, MaxBytes: u.config.MaxBytes, MaxFormBytes: u.config.MaxFormBytes,
		Extensions: u.config.Extensions,
		CheckType:  u.config.CheckType, Digest: u.config.Digest, MediaURL: u.config.MediaURL,
		Limits: multipart.Limits{
			Files: unlimited(u.config.MaxFiles), Fields: unlimited(u.config.MaxFields),
			FieldBytes: unlimited(u.config.MaxFieldBytes),
		},
		Published: u.published, Now: time.Now,
	})
	return u, nil
}

// openUploads makes what takes uploads, where they are on.
func (sv *server) openUploads(ctx context.Context) error {
	u, err := openUploads(sv.Config)
	if err != nil || u == nil {
		return err
	}
	sv.uploads, u.audit = u, sv.Audit
	return u.connect(sv.signEvent, func(a webhook.Attempt) {
		sv.Metrics.Webhook(string(a.Outcome))
		level := slog.LevelWarn
		if a.Outcome == webhook.Delivered {
			level = slog.LevelInfo
		}
		attrs := []slog.Attr{
			slog.String("event", a.ID), slog.String("outcome", string(a.Outcome)),
			slog.Int("status", a.Status), slog.Int("tries", a.Tries),
		}
		if a.Err != nil {
			attrs = append(attrs, slog.String("error", a.Err.Error()))
		}
		sv.Logger.LogAttrs(ctx, level, "webhook", attrs...)
	})
}

// signEvent signs with the current keys.
func (sv *server) signEvent(payload []byte, at time.Time) (string, error) {
	return sv.Current().SignEvent(payload, at), nil
}

// uploadsHandler is nil where uploads are off.
func (sv *server) uploadsHandler() *handlers.UploadOptions {
	if sv.uploads == nil {
		return nil
	}
	return sv.uploads.handler(sv.Config.CSRF, sv.Metrics)
}

// findings are what check says of MEDIA_ROOT: how a file gets its name there, and what the file system cannot do.
func (u *uploads) findings() []checkup.Finding {
	found := []checkup.Finding{{
		Grade: checkup.OK, Name: "uploads", Found: fmt.Sprintf("go to %s; published by %s",
			u.config.MediaRoot, u.dir.Way()),
	}}
	for _, l := range u.dir.Lacking() {
		grade := checkup.Warn
		if l.Fatal {
			grade = checkup.Fail
		}
		found = append(found, checkup.Finding{
			Grade: grade, Name: "uploads",
			Found: "the file system has " + l.What, Remedy: l.Remedy,
		})
	}
	return found
}

// connect makes what needs the running sidecar: what signs events.
func (u *uploads) connect(sign func([]byte, time.Time) (string, error), report func(webhook.Attempt)) error {
	options := tus.Options{
		Media: u.dir, Name: handlers.TusName(u.receiver), Published: u.tusPublished,
		Now: time.Now, MaxBytes: u.config.MaxBytes, MaxOpenPerUser: u.config.MaxUnfinishedFiles,
		MaxOpenBytesPerUser: u.config.MaxUnfinishedBytes, Expiry: u.config.Expiry,
		MinRate: u.config.MinRate, Digest: u.config.Digest,
	}
	if u.config.CheckType {
		options.Inspect = handlers.TusInspect
	}
	var err error
	if u.tus, err = tus.New(options); err != nil {
		return err
	}
	if url := u.config.Webhook.Reveal(); url != "" {
		u.queue, err = webhook.Open(webhook.Options{
			URL: url, Dir: filepath.Join(u.config.StateDir, "webhook"), Sign: sign, Now: time.Now, Report: report,
		})
		if err != nil {
			return fmt.Errorf("SIDECAR_UPLOAD_WEBHOOK: %w", err)
		}
	}
	return nil
}

// handler is what the public listener needs.
func (u *uploads) handler(of config.CSRF, metrics *observe.Metrics) *handlers.UploadOptions {
	h := &handlers.UploadOptions{
		Receiver: u.receiver, Tus: u.tus, Observe: metrics.Upload, InFlight: metrics.UploadsInFlight,
		TrustedOrigins: csrf.Rules{TrustedOrigins: u.config.TrustedOrigins}.Trusts,
		ForwardedHost:  of.UseForwardedHost,
		SecureHeader:   of.SecureHeader.Name, SecureValue: of.SecureHeader.Value,
		MinRate: u.config.MinRate, MaxAtOnce: u.config.MaxAtOnce, MaxAtOncePerUser: u.config.MaxAtOncePerUser,
	}
	if u.config.CSRFToken {
		h.CSRFToken = &handlers.CSRFToken{CookieName: of.CookieName, HeaderName: of.HeaderName}
	}
	return h
}

// run sweeps and tells Django until ctx ends.
func (u *uploads) run(ctx context.Context, logger *slog.Logger) {
	var running sync.WaitGroup
	defer running.Wait()
	if u.queue != nil {
		running.Go(func() {
			if err := u.queue.Run(ctx); err != nil && ctx.Err() == nil {
				logger.ErrorContext(ctx, "webhook", "error", err.Error())
			}
		})
	}
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		if err := u.tus.Sweep(ctx); err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "old unfinished uploads could not be removed; it is tried again",
				"error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// published queues the event of a form, or of a raw body.
func (u *uploads) published(ctx context.Context, userID string, files []upload.Stored) error {
	event := webhook.UploadEvent{ID: rand.Text(), At: time.Now(), UserID: userID}
	for _, f := range files {
		event.Files = append(event.Files, webhook.UploadedFile{
			Field: f.Field, Name: f.Name, OriginalName: f.OriginalName, Size: f.Size,
			ContentType: f.ContentType, DetectedType: f.DetectedType, SHA256: f.SHA256,
		})
	}
	return u.tell(ctx, event)
}

// tusPublished queues the event of a resumable upload, which has the same id each time that it is told of.
func (u *uploads) tusPublished(ctx context.Context, f tus.Upload) error {
	return u.tell(ctx, webhook.UploadEvent{ID: f.ID, At: time.Now(), UserID: f.Owner, Files: []webhook.UploadedFile{{
		Name: f.Name, OriginalName: f.OriginalName, Size: f.Size, ContentType: f.ContentType,
		DetectedType: f.DetectedType, SHA256: f.SHA256,
	}}})
}

// tell queues an event for Django, if it is told of uploads, and then puts the files into the audit log: a file whose
// event cannot be queued is withdrawn.
func (u *uploads) tell(ctx context.Context, event webhook.UploadEvent) error {
	if u.queue != nil {
		if err := u.queue.Add(ctx, event); err != nil {
			return err
		}
	}
	for _, f := range event.Files {
		u.audit.Record(observe.AuditEvent{
			Name: observe.AuditUploadStored, Request: observe.EventIn(ctx), UserID: event.UserID,
			File: observe.AuditFile{
				Name: f.Name, OriginalName: f.OriginalName, Size: f.Size, ContentType: f.ContentType, SHA256: f.SHA256,
			},
		})
	}
	return nil
}

// unlimited is what package multipart takes for no limit, which is 0 in our settings.
func unlimited[N int | int64](limit N) N {
	if limit == 0 {
		return -1
	}
	return limit
}
