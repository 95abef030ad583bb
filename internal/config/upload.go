package config

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// UploadSettings are the settings of uploads; there are none without MediaRoot.
type UploadSettings struct {
	MediaRoot string // an absolute path; empty: uploads are off
	MediaURL  string // ends with a slash; /media/
	StateDir  string // an absolute path; .django-sidecar beside MediaRoot

	FilePermissions      *uint32 // as chmod(2) has them; nil: what the umask leaves. 0o644 from Django 3.0
	DirectoryPermissions *uint32 // nil

	UploadTo      string // strftime in TimeZone; uploads/%Y/%m/%d/
	MaxNameLength int    // characters, 1 to 4096; 100
	MaxBytes      int64  // of a file, at most 1 TiB; 100 MiB
	MaxFiles      int    // of a form, as Django counts; 0: no limit; 100
	MaxFields     int    // the same; 1000
	MaxFieldBytes int64  // of all fields together; 0: no limit; 2621440

	Extensions       []string      // in small letters with their dots; nil: any
	Digest           bool          // true: SHA-256
	CheckType        bool          // false: what the first bytes look like is told, and nothing is refused for it
	Expiry           time.Duration // above zero; 24h
	Webhook          Secret        // a URL; its query may be secret; empty: nobody is told
	MinRate          int64         // bytes a second; 0: off; 240
	MaxAtOnce        int           // 0: no limit; 1000
	MaxAtOncePerUser int           // 0: no limit; 10

	MaxFormBytes       int64 // of all files of a form; 0: no limit; 1 GiB, or MaxBytes if that is more
	MaxUnfinishedFiles int   // resumable uploads of a user; 0: no limit; 100
	MaxUnfinishedBytes int64 // of them together; 0: no limit; 1 GiB, or MaxBytes if that is more
	MinFree            int64 // bytes of the disk that no upload takes; 0

	Drain time.Duration // above zero; 60s

	CSRFToken      bool     // false: other sites are told by Origin and Sec-Fetch-Site alone
	TrustedOrigins []string // CSRF_TRUSTED_ORIGINS as Django 4.0 has them: scheme://host, scheme://*.domain
}

// maxUpload bounds SIDECAR_UPLOAD_MAX_BYTES.
const maxUpload = 1 << 40

// readUploads reads the settings of uploads. They are read where uploads are off too, so that a mistake is seen.
func (c *Config) readUploads(r *reader) {
	u := &c.Uploads
	u.FilePermissions = r.mode("DJANGO_FILE_UPLOAD_PERMISSIONS")
	if !r.value("DJANGO_FILE_UPLOAD_PERMISSIONS").given && olderThan(c.DjangoVersion, 3, 0) {
		u.FilePermissions = nil // django/conf/global_settings.py, 2.2
	}
	u.DirectoryPermissions = r.mode("DJANGO_FILE_UPLOAD_DIRECTORY_PERMISSIONS")
	u.MediaURL = r.mediaURL("DJANGO_MEDIA_URL")
	u.UploadTo = r.text("SIDECAR_UPLOAD_TO")
	u.MaxNameLength = int(r.number("SIDECAR_UPLOAD_MAX_NAME_LENGTH", 1, 4096))
	u.MaxBytes = r.sizeUpTo("SIDECAR_UPLOAD_MAX_BYTES", maxUpload, "1TiB")
	u.MaxFiles = int(r.limit("DJANGO_DATA_UPLOAD_MAX_NUMBER_FILES"))
	u.MaxFields = int(r.limit("DJANGO_DATA_UPLOAD_MAX_NUMBER_FIELDS"))
	u.MaxFieldBytes = r.limit("DJANGO_DATA_UPLOAD_MAX_MEMORY_SIZE")
	u.Extensions = r.extensions("SIDECAR_UPLOAD_EXTENSIONS")
	u.Expiry = r.duration("SIDECAR_UPLOAD_EXPIRY")
	u.CheckType = r.flag("SIDECAR_UPLOAD_CHECK_TYPE")
	u.Webhook = r.webhook("SIDECAR_UPLOAD_WEBHOOK")
	u.Digest = r.oneOf("SIDECAR_UPLOAD_DIGEST", "sha256", "none") == "sha256"
	u.MinRate = r.number("SIDECAR_UPLOAD_MIN_RATE", 0, maxSize)
	u.MaxAtOnce = int(r.number("SIDECAR_UPLOAD_MAX_AT_ONCE", 0, 1e6))
	u.MaxAtOncePerUser = int(r.number("SIDECAR_UPLOAD_MAX_AT_ONCE_PER_USER", 0, 1e6))
	u.MaxFormBytes = r.atLeast("SIDECAR_UPLOAD_MAX_FORM_BYTES", u.MaxBytes)
	u.MaxUnfinishedFiles = int(r.number("SIDECAR_UPLOAD_MAX_UNFINISHED_FILES_PER_USER", 0, 1e6))
	u.MaxUnfinishedBytes = r.atLeast("SIDECAR_UPLOAD_MAX_UNFINISHED_BYTES_PER_USER", u.MaxBytes)
	u.MinFree = r.sizeOrNone("SIDECAR_UPLOAD_MIN_FREE")
	u.Drain = r.duration("SIDECAR_UPLOAD_DRAIN")
	u.CSRFToken = r.flag("SIDECAR_UPLOAD_CSRF_TOKEN")
	u.TrustedOrigins = r.origins("DJANGO_CSRF_TRUSTED_ORIGINS")
	c.readMediaRoot(r)
}

// readMediaRoot reads where files go. Relative paths are those of the process, as Django's are.
func (c *Config) readMediaRoot(r *reader) {
	u := &c.Uploads
	root, state := r.text("DJANGO_MEDIA_ROOT"), r.text("SIDECAR_UPLOAD_STATE_DIR")
	if root == "" {
		if state != "" {
			r.warn("SIDECAR_UPLOAD_STATE_DIR is set, but uploads are off: DJANGO_MEDIA_ROOT is not set")
		}
		return
	}
	u.MediaRoot = r.path("DJANGO_MEDIA_ROOT")
	u.StateDir = filepath.Join(filepath.Dir(u.MediaRoot), ".django-sidecar")
	if state != "" {
		u.StateDir = r.path("SIDECAR_UPLOAD_STATE_DIR")
	}
}

// metaName is the name of a header as WSGI writes it.
func (r *reader) metaName(name string) string {
	header, ok := headerOfMeta(r.text(name))
	if !ok {
		r.refuse(name, "the name of a header as request.META has it, such as HTTP_X_CSRFTOKEN")
	}
	return header
}

func headerOfMeta(key string) (header string, ok bool) {
	header, ok = strings.CutPrefix(key, "HTTP_")
	if !ok || header == "" || strings.ToUpper(header) != header || strings.ContainsAny(header, " -:") {
		return "", false
	}
	return strings.ReplaceAll(header, "_", "-"), true
}

// secureHeader is SECURE_PROXY_SSL_HEADER, a tuple of two.
func (r *reader) secureHeader(name string) SecureHeader {
	if r.text(name) == "" {
		return SecureHeader{}
	}
	list := r.list(name)
	if len(list) == 2 {
		if header, ok := headerOfMeta(list[0]); ok && list[1] != "" {
			return SecureHeader{Name: header, Value: list[1]}
		}
	}
	r.refuse(name, "the name of a header as request.META has it, a comma, and a value")
	return SecureHeader{}
}

// sizeOrNone is a number of bytes that may be 0.
func (r *reader) sizeOrNone(name string) int64 {
	if r.text(name) == "0" {
		return 0
	}
	return r.sizeUpTo(name, maxUpload, "1TiB, or 0")
}

// atLeast is a limit for several files, 0 for none. Its default has room for one file at least.
func (r *reader) atLeast(name string, file int64) int64 {
	size := r.sizeOrNone(name)
	if !r.value(name).given {
		return max(size, file)
	}
	return size
}

// webhook is a URL of http or https without a user. It is a secret because of its query.
func (r *reader) webhook(name string) Secret {
	text := strings.TrimSpace(r.text(name))
	if text == "" || strings.EqualFold(text, "off") {
		return Secret{}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		r.refuse(name, "off, or a URL of http or https without a user")
		return Secret{}
	}
	return NewSecret(text)
}

// path is an absolute path.
func (r *reader) path(name string) string {
	text := r.text(name)
	if !filepath.IsAbs(text) || strings.ContainsRune(text, 0) {
		r.refuse(name, "an absolute path")
		return ""
	}
	return filepath.Clean(text)
}

// mode is what chmod(2) takes, in octal as Python and C write it; None is none.
func (r *reader) mode(name string) *uint32 {
	text := strings.ToLower(r.text(name))
	if text == "" || text == "none" {
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32)
	if err != nil || n > 0o7777 {
		r.refuse(name, "an octal number such as 0o644, or None")
		return nil
	}
	mode := uint32(n)
	return &mode
}

// limit is a number, and 0 for Django's None: no limit.
func (r *reader) limit(name string) int64 {
	if strings.EqualFold(r.text(name), "none") {
		return 0
	}
	const least = 1 // Django takes 0 for "nothing at all", which nobody means
	return r.number(name, least, maxSize)
}

// mediaURL is MEDIA_URL: a path or a URL that ends with a slash (django/core/checks/urls.py, 5.2, check_url_settings).
func (r *reader) mediaURL(name string) string {
	text := r.text(name)
	u, err := url.Parse(text)
	if err != nil || !strings.HasSuffix(text, "/") || u.RawQuery != "" || u.Fragment != "" {
		r.refuse(name, "a path or a URL that ends with a slash")
		return ""
	}
	return text
}

// extensions is a list of the endings of names; any is none.
func (r *reader) extensions(name string) []string {
	if strings.EqualFold(r.text(name), "any") {
		return nil
	}
	list := r.list(name)
	for i, e := range list {
		if len(e) < 2 || e[0] != '.' || strings.ContainsAny(e, "/\\* ") {
			r.refuse(name, "any, or a list of endings with their dots, such as .jpg,.png")
			return nil
		}
		list[i] = strings.ToLower(e)
	}
	if len(list) == 0 {
		r.refuse(name, "any, or a list of endings with their dots, such as .jpg,.png")
	}
	return list
}

// isScheme: RFC 3986, 3.1, in small letters, as browsers write it. Web views have schemes of their own, such as
// capacitor.
var isScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`).MatchString

// origins is CSRF_TRUSTED_ORIGINS: any scheme://host (django/core/checks/compatibility/django_4_0.py, 5.2). Before
// Django 4.0 it has hosts without a scheme, which are of http and https. The word null is the origin of pages that
// have none.
func (r *reader) origins(name string) []string {
	var origins []string
	for _, text := range r.list(name) {
		if text == "null" {
			r.warn("%s has null, which is the origin of every sandboxed frame and of files: any page can upload "+
				"as its visitor", name)
			origins = append(origins, text)
			continue
		}
		of, ok := originsOf(text)
		if !ok {
			r.refuse(name, "a list of origins, each a scheme and a host, such as https://app.example.com, "+
				"https://*.example.com or capacitor://localhost")
			return nil
		}
		origins = append(origins, of...)
	}
	return origins
}

// originsOf are those that a text of the list stands for: one, or that of http and that of https where it has no
// scheme.
func originsOf(text string) (origins []string, ok bool) {
	forms := []string{text}
	if !strings.Contains(text, "://") {
		host := strings.Replace("^"+text, "^.", "*.", 1)
		host = strings.TrimPrefix(host, "^")
		forms = []string{"https://" + host, "http://" + host}
	}
	for _, form := range forms {
		scheme, host, _ := strings.Cut(form, "://")
		scheme = strings.ToLower(scheme)
		if !isScheme(scheme) || host == "" || strings.ContainsAny(strings.TrimPrefix(host, "*."), "/*? ") {
			return nil, false
		}
		origins = append(origins, scheme+"://"+strings.ToLower(host))
	}
	return origins, true
}
