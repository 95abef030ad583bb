package config_test

import (
	"testing"
	"time"

	"django-sidecar/internal/config"
)

func TestUploads(t *testing.T) {
	c := mustLoad(t, with(env{
		"DJANGO_VERSION": "2.2", "DJANGO_MEDIA_ROOT": "/srv/media/", "DJANGO_MEDIA_URL": "https://cdn.example/m/", "DJANGO_FILE_UPLOAD_DIRECTORY_PERMISSIONS": "0o2775",
		"DATA_UPLOAD_MAX_NUMBER_FILES": "None", "DATA_UPLOAD_MAX_NUMBER_FIELDS": "5", "DATA_UPLOAD_MAX_MEMORY_SIZE": "none",
		"SIDECAR_UPLOAD_TO": "up/%j", "SIDECAR_UPLOAD_MAX_BYTES": "5GiB", "SIDECAR_UPLOAD_MAX_NAME_LENGTH": "255", "SIDECAR_UPLOAD_DIGEST": "none", "SIDECAR_UPLOAD_EXPIRY": "90m", "SIDECAR_UPLOAD_DRAIN": "5s", "SIDECAR_UPLOAD_CHECK_TYPE": "true", "SIDECAR_UPLOAD_WEBHOOK": "https://app.example/hook?token=x",
		"SIDECAR_UPLOAD_EXTENSIONS": ".JPG,.tar.gz", "SIDECAR_UPLOAD_MIN_RATE": "0", "SIDECAR_UPLOAD_MAX_AT_ONCE": "0", "SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER": "1", "SIDECAR_UPLOAD_MIN_FREE": "3GiB", "SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER": "7",
		"DJANGO_CSRF_TRUSTED_ORIGINS": "https://A.example,.b.example,capacitor://localhost,App://x:1", "SIDECAR_UPLOAD_CSRF_TOKEN": "true", "CSRF_COOKIE_NAME": "ct", "CSRF_HEADER_NAME": "HTTP_X_CT",
		"USE_X_FORWARDED_HOST": "True", "SECURE_PROXY_SSL_HEADER": `["HTTP_X_FORWARDED_PROTO", "https"]`,
	}))
	mode := uint32(0o2775)
	want := config.UploadSettings{
		MediaRoot: "/srv/media", MediaURL: "https://cdn.example/m/", StateDir: "/srv/.django-sidecar", DirectoryPermissions: &mode,
		UploadTo: "up/%j", MaxNameLength: 255, MaxBytes: 5 << 30, MaxFields: 5, Extensions: []string{".jpg", ".tar.gz"}, MaxAtOncePerUser: 1,
		MaxFormBytes: 5 << 30, MaxUnfinishedFiles: 7, MaxUnfinishedBytes: 5 << 30, MinFree: 3 << 30,
		CheckType: true, Expiry: 90 * time.Minute, Drain: 5 * time.Second, Webhook: config.NewSecret("https://app.example/hook?token=x"),
		CSRFToken: true, TrustedOrigins: []string{"https://a.example", "https://*.b.example", "http://*.b.example", "capacitor://localhost", "app://x:1"},
	}
	if d := diff(want, c.Uploads); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if s := c.CSRF; s.CookieName != "ct" || s.HeaderName != "X-CT" || !s.UseForwardedHost ||
		s.SecureHeader != (config.SecureHeader{Name: "X-FORWARDED-PROTO", Value: "https"}) {
		t.Errorf("got %+v", s)
	}
	c = mustLoad(t, with(env{"DJANGO_MEDIA_ROOT": "/srv/media", "SIDECAR_UPLOAD_STATE_DIR": "/srv/state/", "FILE_UPLOAD_PERMISSIONS": "None"}))
	if c.Uploads.StateDir != "/srv/state" || c.Uploads.FilePermissions != nil {
		t.Errorf("got %+v", c.Uploads)
	}
	c = mustLoad(t, with(env{"SIDECAR_UPLOAD_MAX_FORM_BYTES": "0", "SIDECAR_UPLOAD_MAX_UNFINISHED_BYTES_PER_USER": "50MiB", "SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER": "0"}))
	if u := c.Uploads; u.MaxFormBytes != 0 || u.MaxUnfinishedBytes != 50<<20 || u.MaxUnfinishedFiles != 0 {
		t.Errorf("got %+v", u)
	}
	wantWarning(t, mustLoad(t, with(env{"SIDECAR_UPLOAD_STATE_DIR": "/srv/state"})), "uploads are off")
	anybody := mustLoad(t, with(env{"DJANGO_CSRF_TRUSTED_ORIGINS": "null", "DJANGO_MEDIA_ROOT": "/srv/media"}))
	wantWarning(t, anybody, "any page can upload")
	if d := diff([]string{"null"}, anybody.Uploads.TrustedOrigins); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for name, texts := range map[string][]string{
		"DJANGO_MEDIA_ROOT": {"media", "./media"}, "DJANGO_MEDIA_URL": {"/media", "/m/?x=/"},
		"DJANGO_FILE_UPLOAD_PERMISSIONS": {"rw", "0o99", "0o10000", "-1"}, "DJANGO_DATA_UPLOAD_MAX_NUMBER_FILES": {"0", "-1", "many"},
		"SIDECAR_UPLOAD_MAX_BYTES": {"0", "2TiB", "2000GiB", "-1"}, "SIDECAR_UPLOAD_MAX_NAME_LENGTH": {"0", "5000"}, "SIDECAR_UPLOAD_DIGEST": {"md5"},
		"SIDECAR_UPLOAD_EXTENSIONS": {"jpg", "*.jpg", ".", ".a/b", "[]"}, "SIDECAR_UPLOAD_MIN_RATE": {"-1", "fast"}, "SIDECAR_UPLOAD_EXPIRY": {"0", "24"}, "SIDECAR_UPLOAD_WEBHOOK": {"app.example/x", "ftp://x", "http://u:p@x/", "http://"}, "SIDECAR_UPLOAD_MAX_AT_ONCE": {"-1"}, "SIDECAR_UPLOAD_MIN_FREE": {"-1", "2TiB", "much"}, "SIDECAR_UPLOAD_MAX_FORM_BYTES": {"-1"},
		"SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER": {"-1"}, "SIDECAR_UPLOAD_MAX_UNFINISHED_BYTES_PER_USER": {"1.5GiB"},
		"DJANGO_CSRF_HEADER_NAME": {"X-CSRFToken", "HTTP_", "HTTP_x"}, "SIDECAR_UPLOAD_CSRF_TOKEN": {"maybe"},
		"DJANGO_USE_X_FORWARDED_HOST": {"maybe"}, "DJANGO_SECURE_PROXY_SSL_HEADER": {"https", "X-Forwarded-Proto,https", "HTTP_X,a,b"},
		"DJANGO_CSRF_TRUSTED_ORIGINS": {"https://", "https://x/y", "https://x*.y", "://x", "1a://x", "ht tp://x"},
	} {
		for _, text := range texts {
			wantFault(t, with(env{name: text}), name, "", name+"=")
		}
	}
}
