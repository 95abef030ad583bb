//go:build live

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// scriptRow is a setting of a project, and the line that is written for it: "" where there is none.
type scriptRow struct {
	only    string // the Django that the row is for; "" for each
	setting string // a line of settings.py
	line    string
}

const (
	hashersPackage  = "django.contrib.auth.hashers."
	storagesPackage = "django.contrib.messages.storage."
)

// otherSettings differ from Django's defaults.
var otherSettings = []scriptRow{
	{"", `CSRF_COOKIE_NAME = "shop_token"`, "DJANGO_CSRF_COOKIE_NAME=shop_token"},
	{"", `CSRF_HEADER_NAME = "HTTP_X_SHOP"`, "DJANGO_CSRF_HEADER_NAME=HTTP_X_SHOP"},
	{
		"1.11", `CSRF_TRUSTED_ORIGINS = ["one.example", ".two.example"]`,
		"DJANGO_CSRF_TRUSTED_ORIGINS=one.example,.two.example",
	},
	{
		"6.1", `CSRF_TRUSTED_ORIGINS = ["https://one.example", "https://*.two.example"]`,
		"DJANGO_CSRF_TRUSTED_ORIGINS=https://one.example,https://*.two.example",
	},
	{"", `CSRF_COOKIE_AGE = 3600`, "DJANGO_CSRF_COOKIE_AGE=3600"},
	{"", `CSRF_COOKIE_DOMAIN = ".shop.example"`, "DJANGO_CSRF_COOKIE_DOMAIN=.shop.example"},
	{"", `CSRF_COOKIE_PATH = "/shop"`, "DJANGO_CSRF_COOKIE_PATH=/shop"},
	{"", `CSRF_COOKIE_SECURE = True`, "DJANGO_CSRF_COOKIE_SECURE=true"},
	{"", `CSRF_COOKIE_HTTPONLY = True`, "DJANGO_CSRF_COOKIE_HTTPONLY=true"},
	{"1.11", `CSRF_COOKIE_SAMESITE = "Strict"`, ""},
	{"6.1", `CSRF_COOKIE_SAMESITE = "Strict"`, "DJANGO_CSRF_COOKIE_SAMESITE=Strict"},
	{"", `CSRF_USE_SESSIONS = True`, "DJANGO_CSRF_USE_SESSIONS=true"},
	{"", `SESSION_COOKIE_NAME = "shop"`, "DJANGO_SESSION_COOKIE_NAME=shop"},
	{"", `SESSION_COOKIE_AGE = 600`, "DJANGO_SESSION_COOKIE_AGE=600"},
	{"", `SESSION_COOKIE_DOMAIN = "shop.example"`, "DJANGO_SESSION_COOKIE_DOMAIN=shop.example"},
	{"", `SESSION_COOKIE_PATH = "/shop"`, "DJANGO_SESSION_COOKIE_PATH=/shop"},
	{"", `SESSION_COOKIE_SECURE = True`, "DJANGO_SESSION_COOKIE_SECURE=true"},
	{"", `SESSION_COOKIE_HTTPONLY = False`, "DJANGO_SESSION_COOKIE_HTTPONLY=false"},
	{"1.11", `SESSION_COOKIE_SAMESITE = "None"`, ""},
	{"6.1", `SESSION_COOKIE_SAMESITE = "None"`, "DJANGO_SESSION_COOKIE_SAMESITE=None"},
	{"", `SESSION_EXPIRE_AT_BROWSER_CLOSE = True`, "DJANGO_SESSION_EXPIRE_AT_BROWSER_CLOSE=true"},
	{"", `SESSION_SAVE_EVERY_REQUEST = True`, "DJANGO_SESSION_SAVE_EVERY_REQUEST=true"},
	{"", `USE_X_FORWARDED_HOST = True`, "DJANGO_USE_X_FORWARDED_HOST=true"},
	{
		"", `SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")`,
		"DJANGO_SECURE_PROXY_SSL_HEADER=HTTP_X_FORWARDED_PROTO,https",
	},
	{
		"", `PASSWORD_HASHERS = ["` + hashersPackage + `PBKDF2SHA1PasswordHasher", "` + hashersPackage + `PBKDF2PasswordHasher"]`,
		"DJANGO_PASSWORD_HASHERS=" + hashersPackage + "PBKDF2SHA1PasswordHasher," + hashersPackage + "PBKDF2PasswordHasher",
	},
	{"1.11", `PASSWORD_RESET_TIMEOUT = 3600`, ""},
	{"6.1", `PASSWORD_RESET_TIMEOUT = 3600`, "DJANGO_PASSWORD_RESET_TIMEOUT=3600"},
	{"1.11", `PASSWORD_RESET_TIMEOUT_DAYS = 1`, "DJANGO_PASSWORD_RESET_TIMEOUT_DAYS=1"},
	{"6.1", `PASSWORD_RESET_TIMEOUT_DAYS = 1`, ""},
	{"", `MESSAGE_STORAGE = "` + storagesPackage + `session.SessionStorage"`, "DJANGO_MESSAGE_STORAGE=" + storagesPackage + "session.SessionStorage"},
	{"", `MESSAGE_LEVEL = 10`, "DJANGO_MESSAGE_LEVEL=10"},
	{"", `MEDIA_ROOT = "/srv/media"`, "# DJANGO_MEDIA_ROOT=/srv/media"},
	{"", `MEDIA_URL = "https://media.example/"`, "DJANGO_MEDIA_URL=https://media.example/"},
	{"", `FILE_UPLOAD_PERMISSIONS = 0o600`, "DJANGO_FILE_UPLOAD_PERMISSIONS=0o600"},
	{"", `FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o2775`, "DJANGO_FILE_UPLOAD_DIRECTORY_PERMISSIONS=0o2775"},
	{"", `DATA_UPLOAD_MAX_NUMBER_FILES = 7`, "DJANGO_DATA_UPLOAD_MAX_NUMBER_FILES=7"},
	{"", `DATA_UPLOAD_MAX_NUMBER_FIELDS = 8`, "DJANGO_DATA_UPLOAD_MAX_NUMBER_FIELDS=8"},
	{"", `DATA_UPLOAD_MAX_MEMORY_SIZE = 9`, "DJANGO_DATA_UPLOAD_MAX_MEMORY_SIZE=9"},
	{"", `USE_TZ = False`, "DJANGO_USE_TZ=false"},
	{"", `TIME_ZONE = "Europe/Paris"`, "DJANGO_TIME_ZONE=Europe/Paris"},
	{"", `LOGIN_URL = "/in/"`, "DJANGO_LOGIN_URL=/in/"},
}

// emptySettings are None, nothing, or a class of the project's own, which differs from the default too.
var emptySettings = []scriptRow{
	{"", `CSRF_COOKIE_AGE = None`, "DJANGO_CSRF_COOKIE_AGE=None"},
	{"", `CSRF_COOKIE_PATH = ""`, "DJANGO_CSRF_COOKIE_PATH=None"},
	{"1.11", `CSRF_COOKIE_SAMESITE = None`, ""},
	{"6.1", `CSRF_COOKIE_SAMESITE = None`, "DJANGO_CSRF_COOKIE_SAMESITE=False"},
	{"6.1", `SESSION_COOKIE_SAMESITE = False`, "DJANGO_SESSION_COOKIE_SAMESITE=False"},
	{"", `DATA_UPLOAD_MAX_NUMBER_FILES = None`, "DJANGO_DATA_UPLOAD_MAX_NUMBER_FILES=None"},
	{"", `DATA_UPLOAD_MAX_NUMBER_FIELDS = None`, "DJANGO_DATA_UPLOAD_MAX_NUMBER_FIELDS=None"},
	{"", `DATA_UPLOAD_MAX_MEMORY_SIZE = None`, "DJANGO_DATA_UPLOAD_MAX_MEMORY_SIZE=None"},
	{"", `MESSAGE_LEVEL = 0`, "DJANGO_MESSAGE_LEVEL=0"},
	{"", `MESSAGE_STORAGE = "shop.parts.Messages"`, "DJANGO_MESSAGE_STORAGE=shop.parts.Messages"},
	{"", `MEDIA_ROOT = "media"`, "# DJANGO_MEDIA_ROOT={project}/media"},
	{
		"1.11", `MEDIA_URL = ""`,
		"# MEDIA_URL is empty: answers to uploads have URLs below /media/, unless " +
			"DJANGO_MEDIA_URL says where files are served",
	},
	{"6.1", `MEDIA_URL = ""`, "DJANGO_MEDIA_URL=/"},
	{"1.11", `FILE_UPLOAD_PERMISSIONS = 0o644`, "DJANGO_FILE_UPLOAD_PERMISSIONS=0o644"},
	{"6.1", `FILE_UPLOAD_PERMISSIONS = None`, "DJANGO_FILE_UPLOAD_PERMISSIONS=None"},
}

// ownStorage is a storage of files with options of its own: what it says counts, and not the settings.
var ownStorage = []scriptRow{
	{"", `MEDIA_ROOT = "/srv/media"`, ""},
	{"", `MEDIA_URL = "/elsewhere/"`, ""},
	{"1.11", `DEFAULT_FILE_STORAGE = "shop.parts.Files"`, "# DJANGO_MEDIA_ROOT=/srv/own"},
	{
		"6.1", `STORAGES = {"default": {"BACKEND": "shop.parts.Files"}, "staticfiles": {"BACKEND": "shop.parts.Files"}}`,
		"# DJANGO_MEDIA_ROOT=/srv/own",
	},
	{"", `FILE_UPLOAD_PERMISSIONS = 0o640`, "DJANGO_FILE_UPLOAD_PERMISSIONS=0o600"},
	{"", `FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750`, "DJANGO_FILE_UPLOAD_DIRECTORY_PERMISSIONS=0o700"},
	{"", ``, "DJANGO_MEDIA_URL=/own/"},
}

// strangeStorage keeps files where the sidecar could not write them.
var strangeStorage = []scriptRow{
	{"", `MEDIA_ROOT = "/srv/media"`, ""},
	{"", `MEDIA_URL = "/elsewhere/"`, ""},
	{"", `FILE_UPLOAD_PERMISSIONS = 0o640`, ""},
	{
		"1.11", `DEFAULT_FILE_STORAGE = "shop.parts.Bucket"`,
		"# files are kept by shop.parts.Bucket, which is no FileSystemStorage: uploads through " +
			"django-sidecar would not be where Django looks",
	},
	{
		"6.1", `STORAGES = {"default": {"BACKEND": "shop.parts.Bucket"}, "staticfiles": {"BACKEND": "shop.parts.Files"}}`,
		"# files are kept by shop.parts.Bucket, which is no FileSystemStorage: uploads through " +
			"django-sidecar would not be where Django looks",
	},
}

// doorSettings are what -uploads and -plain-secret say more of. Django 1.11 has no SECRET_KEY_FALLBACKS.
var doorSettings = []scriptRow{
	{"", `SECRET_KEY = "the key, as it is"`, "DJANGO_SECRET_KEY_FILE={project}/django-sidecar-secrets/secret-key"},
	{"", `MEDIA_ROOT, MEDIA_URL = "media", "/media/"`, "DJANGO_MEDIA_ROOT={project}/media"},
	{"1.11", `SECRET_KEY_FALLBACKS = ["an older key"]`, ""},
	{
		"6.1", `SECRET_KEY_FALLBACKS = ["an older key"]`,
		"DJANGO_SECRET_KEY_FALLBACKS_FILE={project}/django-sidecar-secrets/secret-key-fallbacks",
	},
}

// usualSettings are Django's defaults, written out, and settings that say nothing to the sidecar.
var usualSettings = []scriptRow{
	{"", `from django.conf import global_settings`, ""},
	{
		"", `groups = ("CSRF_", "SESSION_", "PASSWORD_", "MESSAGE_", "FILE_UPLOAD_", "DATA_UPLOAD_", "SECURE_", "LOGIN_", "CACHE", "USE_X_", "DEFAULT_")`,
		"",
	},
	{
		"", `globals().update((name, value) for name, value in vars(global_settings).items() if name.startswith(groups))`,
		"",
	},
	{"", `DEBUG, ALLOWED_HOSTS, USE_X_FORWARDED_PORT = False, ["shop.example"], True`, ""},
	{"", `MEDIA_ROOT = ""`, ""},
	{"", `USE_TZ, TIME_ZONE = True, "UTC"`, ""},
	{"", `CSRF_FAILURE_VIEW, LANGUAGE_CODE, SECURE_HSTS_SECONDS = "shop.parts.failure", "de", 60`, ""},
}

const partsOfTable = `
from django.core.files.storage import FileSystemStorage, Storage
from django.contrib.messages.storage.session import SessionStorage

class Messages(SessionStorage):
    pass

class Files(FileSystemStorage):
    def __init__(self):
        super(Files, self).__init__("/srv/own", "/own/", 0o600, 0o700)

class Bucket(Storage):
    pass
`

// TestSettingsScriptWritesEachSetting: every setting that differs from the sidecar's defaults is written, and no other line.
// check takes each file that is written.
func TestSettingsScriptWritesEachSetting(t *testing.T) {
	for _, version := range []string{"1.11", "6.1"} {
		p := newScriptProject(t, version)
		if err := os.WriteFile(filepath.Join(p.dir, "shop", "parts.py"), []byte(partsOfTable), 0o600); err != nil {
			t.Fatal(err)
		}
		bare, err := os.ReadFile(filepath.Join(p.dir, "shop", "settings.py"))
		if err != nil {
			t.Fatal(err)
		}
		installed := strings.TrimSpace(p.shell(t, `"$PYTHON" -m django --version; mkdir media`))
		for name, rows := range map[string][]scriptRow{
			"a bare project": nil, "other settings": otherSettings, "empty settings": emptySettings, "a storage of its own": ownStorage,
			"a storage elsewhere": strangeStorage, "the defaults": usualSettings, "-uploads -plain-secret": doorSettings,
		} {
			settings := []string{string(bare)}
			keysFile := "DJANGO_SESSION_KEYS_FILE=" + p.dir + "/django-sidecar-secrets/session-keys"
			written := map[string]bool{"DATABASE_URL=sqlite:///" + p.dir + "/db.sqlite3": true, "DJANGO_VERSION=" + installed: true, keysFile: true}
			for _, row := range rows {
				if row.only != "" && row.only != version {
					continue
				}
				settings = append(settings, row.setting)
				if row.line != "" {
					written[strings.ReplaceAll(row.line, "{project}", p.dir)] = true
				}
			}
			if err := os.WriteFile(filepath.Join(p.dir, "shop", "settings.py"), []byte(strings.Join(settings, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			flags := ""
			if strings.HasPrefix(name, "-") {
				flags = name
				delete(written, keysFile)
			}
			p.writes(t, "Django "+version+", "+name, flags, written)
		}
	}
}

// writes runs the program, and compares the lines of its file. Comments that say why are left out.
func (p scriptProject) writes(t *testing.T, name, flags string, want map[string]bool) {
	t.Helper()
	printed := p.shell(t, `"$SIDECAR" settings-script -format dotenv `+flags+` | "$PYTHON" manage.py shell; echo; cat django-sidecar.env`)
	defer p.forget(t)
	if strings.Contains(flags, "-plain-secret") {
		if key := p.shell(t, "cat django-sidecar-secrets/secret-key"); key != "the key, as it is\n" {
			t.Errorf("%s: the key is %q", name, key)
		}
	}
	got := map[string]bool{}
	for line := range strings.Lines(p.shell(t, "cat django-sidecar.env")) {
		line = strings.TrimSuffix(line, "\n")
		if want[line] || !strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "# DJANGO_") {
			got[line] = true
		}
	}
	if !maps.Equal(got, want) {
		sorted := func(lines map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(lines)), "\n") }
		t.Errorf("%s: written\n%s\nwant\n%s\n%s", name, sorted(got), sorted(want), printed)
	}
	said := p.shell(t, `
while IFS= read -r line; do case $line in \#*) ;; *) export "$line";; esac; done <django-sidecar.env
code=0; "$SIDECAR" check 2>&1 || code=$?; echo "code $code"`)
	if strings.Contains(said, "FAIL") || !strings.Contains(said, "\ncode 0\n") {
		t.Errorf("%s: check says\n%s", name, said)
	}
}
