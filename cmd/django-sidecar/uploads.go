package main

import (
	"fmt"
	"strings"
	"time"

	"django-sidecar/djangosession"
	"django-sidecar/handlers"
	"django-sidecar/internal/config"
	"django-sidecar/internal/observe"
	"django-sidecar/internal/upload"
	"django-sidecar/internal/upload/media"
	"django-sidecar/internal/upload/multipart"
	"django-sidecar/internal/upload/naming"
)

// openUploads makes what /upload needs, nil where uploads are off. metrics may be nil.
func openUploads(c *config.Config, metrics *observe.Metrics) (*handlers.Uploads, error) {
	u := c.Uploads
	if u.MediaRoot == "" {
		return nil, nil //nolint:nilnil // nothing is what there is
	}
	version, err := djangosession.ParseVersion(c.DjangoVersion)
	if err != nil {
		return nil, fmt.Errorf("DJANGO_VERSION: %w", err)
	}
	rules, err := naming.New(naming.Config{Version: version, UploadTo: u.UploadTo, Location: c.TimeZone, MaxLength: u.MaxNameLength})
	if err != nil {
		return nil, fmt.Errorf("SIDECAR_UPLOAD_TO: %w", err)
	}
	dir, err := media.Open(media.Config{
		Root: u.MediaRoot, StateDir: u.StateDir, Version: version,
		FilePermissions: u.FilePermissions, DirectoryPermissions: u.DirectoryPermissions,
	})
	if err != nil {
		return nil, fmt.Errorf("DJANGO_MEDIA_ROOT, SIDECAR_UPLOAD_STATE_DIR: %w", err)
	}
	if _, err := dir.Sweep(); err != nil {
		return nil, fmt.Errorf("SIDECAR_UPLOAD_STATE_DIR: %w", err)
	}
	uploads := &handlers.Uploads{
		Receiver: upload.New(upload.Config{
			Media: dir, Rules: rules, MaxBytes: u.MaxBytes, Extensions: u.Extensions, Digest: u.Digest, MediaURL: u.MediaURL, Now: time.Now,
			Limits: multipart.Limits{Files: unlimited(u.MaxFiles), Fields: unlimited(u.MaxFields), FieldBytes: unlimited(u.MaxFieldBytes)},
		}),
		TrustedOrigins: func(origin string) bool { return trustedOrigin(u.TrustedOrigins, origin) },
		MinRate:        u.MinRate, MaxAtOnce: u.MaxAtOnce, MaxAtOncePerUser: u.MaxAtOncePerUser,
	}
	if u.CSRFToken {
		uploads.CSRFToken = &handlers.CSRFToken{CookieName: u.CSRFCookieName, HeaderName: u.CSRFHeaderName}
	}
	if metrics != nil {
		uploads.Observe, uploads.InFlight = metrics.Upload, metrics.UploadsInFlight
	}
	return uploads, nil
}

// unlimited is what package multipart takes for no limit, which is 0 in our settings.
func unlimited[N int | int64](limit N) N {
	if limit == 0 {
		return -1
	}
	return limit
}

// trustedOrigin is CSRF_TRUSTED_ORIGINS: an origin as it is, or one below a domain (django/middleware/csrf.py, 5.2,
// _origin_verified; django/utils/http.py, 5.2, is_same_domain).
func trustedOrigin(trusted []string, origin string) bool {
	origin = strings.ToLower(origin)
	for _, t := range trusted {
		scheme, domain, wildcard := strings.Cut(t, "://*")
		if t == origin || wildcard && strings.HasPrefix(origin, scheme+"://") &&
			(strings.HasSuffix(origin, domain) || origin == scheme+"://"+domain[1:]) {
			return true
		}
	}
	return false
}
