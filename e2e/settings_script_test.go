//go:build live

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
	"django-sidecar/internal/settingsscript"
)

// compareByScript has settings-script find out what the test knows of the deployment, and proves that it changes nothing.
// A sidecar with these settings alone must give Django's verdicts.
func (p profile) compareByScript(t *testing.T, django *djangotest.Django, cookies []djangotest.Cookie, want []djangotest.GetUserResult) {
	t.Helper()
	dir := t.TempDir()
	program, err := settingsscript.Program(settingsscript.Options{Format: "dotenv", Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	before := stored(t, django)
	printed, code := django.Run(program)
	if others := differences(before, stored(t, django)); others != nil {
		t.Errorf("settings-script has changed what is stored: %q", others)
	}
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	if last := lines[len(lines)-1]; code != 0 || !strings.HasPrefix(last, "ready") {
		t.Errorf("settings-script: code %d\n%s", code, printed)
		return
	}
	onlyWritten(t, dir)
	sidecar := startSidecar(t)
	const most = 60
	for i, c := range cookies[:min(most, len(cookies))] {
		if user, status := sidecar.ask(t, c.Raw); text(user) != text(want[i].User) || status >= 500 {
			t.Errorf("%s: with the settings of settings-script %s (status %d), Django %s says %s\n%s",
				c.Note, text(user), status, django.Django, text(want[i].User), printed)
		}
	}
}

// onlyWritten sets the environment to what settings-script has written into a folder, and to nothing else.
func onlyWritten(t *testing.T, dir string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "DJANGO_") || strings.HasPrefix(name, "DATABASE_URL") || strings.HasPrefix(name, "SIDECAR_CACHE") || strings.HasPrefix(name, "SIDECAR_AUTH_HASH") {
			t.Setenv(name, "")
		}
	}
	written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(written)) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("no setting: %q", line)
		}
		t.Setenv(name, value)
	}
}

// TestSettingsScriptNamesWhatItCannotSay: what a project does around logins is said as a setting, or named with file
// and line. Each row changes settings of a Django that runs, and has the program look.
func TestSettingsScriptNamesWhatItCannotSay(t *testing.T) {
	const backend, middleware = "AUTHENTICATION_BACKENDS", "MIDDLEWARE"
	shapes := func(names ...string) []string {
		list := []string{"django.contrib.auth.backends.ModelBackend"}
		for _, name := range names {
			list = append(list, "oracle_app.behaviour."+name)
		}
		return list
	}
	remoteUsers := func(path string) map[string]any {
		return map[string]any{middleware: behindDjangos("django.contrib.auth.middleware.RemoteUserMiddleware"), backend: append(shapes(), path)}
	}
	behind := func(name string) []string { return behindDjangos("oracle_app.behaviour." + name) }
	caches := func(more map[string]any) map[string]any {
		cache := map[string]any{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
		for name, value := range more {
			cache[name] = value
		}
		return map[string]any{"default": cache}
	}
	files := map[string]any{"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": t.TempDir()}
	ownKeys := map[string]any{"BACKEND": files["BACKEND"], "LOCATION": files["LOCATION"], "KEY_FUNCTION": "oracle_app.behaviour.own_key"}
	const sessions, engines = "SESSION_ENGINE", "django.contrib.sessions.backends."
	rows := []struct {
		name     string
		settings map[string]any
		last     string   // in the last line
		written  []string // lines of the file
	}{
		{"nothing special", nil, "ready", []string{"DJANGO_AUTH_USER_TABLE=shop_people", "DJANGO_AUTH_USER_ACTIVE_COLUMN=enabled"}},
		{"a backend that knows everybody", map[string]any{backend: shapes("Everybody")}, "ready", []string{
			`DJANGO_BACKEND_RULES={"oracle_app.behaviour.Everybody": "any+permissions"}`,
		}},
		{"a backend that gives no permissions", map[string]any{backend: shapes("NoPermissions")[1:]}, "ready but stricter: require=perm is refused, since no backend gives", nil},
		{"a backend that gives no permissions, beside Django's", map[string]any{backend: shapes("NoPermissions")}, "ready", nil},
		{
			"a backend that gives permissions of its own, beside Django's",
			map[string]any{backend: shapes("GivesMore")},
			"ready but stricter: require=perm refuses what has_perm() of oracle_app.behaviour.GivesMore alone may give: ", nil,
		},
		{
			"a backend that knows nobody, and gives permissions",
			map[string]any{backend: shapes("GivesRoles")},
			"ready but stricter: require=perm refuses what has_perm() of oracle_app.behaviour.GivesRoles alone may give: ", nil,
		},
		{"a backend with a condition of its own", map[string]any{backend: shapes("NotBanned")}, "ready but stricter: sessions through oracle_app.behaviour.NotBanned are nobody's", nil},
		{"a backend with a condition of its own alone", map[string]any{backend: shapes("NotBanned")[1:]}, "not possible: none of AUTHENTICATION_BACKENDS can be imitated", nil},
		{"a backend that looks elsewhere", map[string]any{backend: shapes("Looking")}, "its get_user() looks at the table auth_group too: ", nil},
		{"a backend that asks a cache", map[string]any{backend: shapes("AsksCache")}, "its get_user() does more than this program understands: ", nil},
		{"a backend that remembers", map[string]any{backend: shapes("Remembering")}, "its get_user() does not ask the database for the user each time: ", nil},
		{"a backend that decides by texts", map[string]any{backend: shapes("EndingSo")}, "its get_user() looks at address of the user, and no value was seen", nil},
		{"a backend that knows nobody", map[string]any{backend: shapes("Denying")}, "ready", nil},
		{
			"a backend that denies in another module",
			map[string]any{backend: []string{"oracle_app.backends.Refusing", "django.contrib.auth.backends.ModelBackend"}},
			"ready but stricter: require=perm is refused, since has_perm() of the user is not what the tables say (", nil,
		},
		{"middleware that does nothing", map[string]any{middleware: behind("Harmless")}, "ready", []string{
			"DJANGO_MIDDLEWARE=" + strings.Join(behind("Harmless"), ","), "SIDECAR_MIDDLEWARE_READ=oracle_app.behaviour.Harmless",
		}},
		{"middleware that ends logins of some users", map[string]any{middleware: behind("EndsBanned")}, "ready", []string{`DJANGO_AUTH_USER_WHERE="banned" = 0`}},
		{"middleware that sends some users elsewhere", map[string]any{middleware: behind("SendsBanned")}, "ready but stricter: middleware oracle_app.behaviour.SendsBanned (", []string{
			"DJANGO_MIDDLEWARE=" + strings.Join(behind("SendsBanned"), ","), `DJANGO_AUTH_USER_WHERE="banned" = 0`,
		}},
		{"middleware that ends every login", map[string]any{middleware: behind("EndsAll")}, "not possible: middleware oracle_app.behaviour.EndsAll (", nil},
		{"middleware that ends some logins", map[string]any{middleware: behind("EndsAtNight")}, "has logout(request)", nil},
		{"middleware that ends some logins in another module", map[string]any{middleware: behind("EndsElsewhere")}, "oracle_app/nights.py:9 has logout(request)", nil},
		{"middleware that ends some logins by another name", map[string]any{middleware: behind("EndsByAnotherName")}, "has req.user = None", nil},
		{"middleware that ends some logins, beside a function without a source", map[string]any{middleware: behind("EndsBesideMade")}, "has logout(request)", nil},
		{"middleware without a source", map[string]any{middleware: behind("WithoutSource")}, "the source of middleware oracle_app.behaviour.WithoutSource cannot be read", nil},
		{"middleware that answers", map[string]any{middleware: behind("Answers")}, "ready", nil},
		{"middleware that changes a setting", map[string]any{middleware: behind("ChangesAtOnce")}, "not possible: a request changes Django's setting AUTH_OF_SHOP: ", nil},
		{
			"middleware made of RemoteUserMiddleware",
			map[string]any{middleware: behind("ByProxy"), backend: append(shapes(), "django.contrib.auth.backends.RemoteUserBackend")},
			"ready but stricter: sessions through django.contrib.auth.backends.RemoteUserBackend are nobody's: oracle_app.behaviour.ByProxy logs out", nil,
		},
		{
			"RemoteUserMiddleware, and Django's backend for it", remoteUsers("django.contrib.auth.backends.RemoteUserBackend"),
			"ready but stricter: django.contrib.auth.middleware.RemoteUserMiddleware: sessions of RemoteUserBackend are nobody's", nil,
		},
		{
			"RemoteUserMiddleware, and a backend of the project", remoteUsers("oracle_app.behaviour.FromProxy"),
			"sessions through oracle_app.behaviour.FromProxy are nobody's: django.contrib.auth.middleware.RemoteUserMiddleware logs out", nil,
		},
		{"a serializer that packs", map[string]any{"SESSION_SERIALIZER": "oracle_app.behaviour.Packed"}, "not possible: SESSION_SERIALIZER oracle_app.behaviour.Packed (", nil},
		{"a serializer that writes JSON", map[string]any{"SESSION_SERIALIZER": "oracle_app.behaviour.Plain"}, "ready", nil},
		{"a serializer that decides", map[string]any{"SESSION_SERIALIZER": "oracle_app.behaviour.Dated"}, "not possible: loads() of SESSION_SERIALIZER oracle_app.behaviour.Dated may decide about sessions: ", nil},
		{"a store that checks", map[string]any{sessions: "oracle_app.stores.checking"}, "the session store has a load() of its own", nil},
		{"a session in two tables", map[string]any{sessions: "oracle_app.stores.heir"}, "has its columns in several tables (oracle_heirsession, oracle_customsession)", nil},
		{"a cache in the process", map[string]any{sessions: engines + "cache", "CACHES": caches(nil)}, "lives inside each process", nil},
		{"a cache in the process, and a table", map[string]any{sessions: engines + "cached_db", "CACHES": caches(nil)}, "ready but stricter: sessions are read in their table alone", nil},
		{"a cache with keys of its own", map[string]any{sessions: engines + "cache", "CACHES": map[string]any{"default": ownKeys}}, "KEY_FUNCTION of its own (", nil},
		{"a store with keys of its own", map[string]any{sessions: "oracle_app.stores.renamed", "CACHES": map[string]any{"default": files}}, "ready", []string{
			"DJANGO_SESSION_ENGINE=django.contrib.sessions.backends.cached_db", "DJANGO_SESSION_CACHE_KEY_PREFIX=shapes.sessions", "DJANGO_SESSION_STORE_CLASS=Renamed",
			"DJANGO_CACHE_URL=file://" + files["LOCATION"].(string), //nolint:errcheck // it is set above
		}},
		{"no storage of uploads", map[string]any{"MEDIA_ROOT": t.TempDir(), "STORAGES": map[string]any{}}, "ready", nil},
		{"a cookie without a path", map[string]any{"SESSION_COOKIE_PATH": ""}, "ready", []string{"DJANGO_SESSION_COOKIE_PATH=None"}},
		{"a variable of the server that says https", map[string]any{"SECURE_PROXY_SSL_HEADER": []string{"REQUEST_SCHEME", "https"}}, "ready", []string{
			"# SECURE_PROXY_SSL_HEADER is REQUEST_SCHEME, which is no header but a variable of Django's server: no request counts as https by it, so that http pages of the same host may upload",
		}},
		{"origins that are nobody's", map[string]any{"CSRF_TRUSTED_ORIGINS": []string{"https://*", "https://shop.example"}}, "ready", []string{
			"DJANGO_CSRF_TRUSTED_ORIGINS=https://shop.example",
		}},
		{"a login page, a cookie, an age", map[string]any{"LOGIN_URL": "/in/", "SESSION_COOKIE_NAME": "shop", "SESSION_COOKIE_AGE": 60}, "ready", []string{
			"DJANGO_LOGIN_URL=/in/", "DJANGO_SESSION_COOKIE_NAME=shop", "DJANGO_SESSION_COOKIE_AGE=60",
		}},
	}
	for _, version := range []string{"1.11", "6.1"} {
		p := profile{django: version, sqlite: true, settings: map[string]any{"AUTH_USER_MODEL": "oracle.MailUser"}}
		django := p.deploy(t)
		for _, row := range rows {
			t.Run("Django "+version+", "+row.name, func(t *testing.T) {
				dir := t.TempDir()
				printed := runSettingsScript(t, django, dir, row.settings)
				lines := strings.Split(strings.TrimSpace(printed), "\n")
				last := lines[len(lines)-1]
				if !strings.Contains(last, row.last) || row.last == "ready" && last != row.last {
					t.Errorf("the last line is %q, want %q in it\n%s", last, row.last, printed)
				}
				written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
				if possible := !strings.HasPrefix(last, "not possible"); (err == nil) != possible {
					t.Fatalf("possible %t, and the file: %v", possible, err)
				}
				if strings.Contains(printed, "answers a request to / itself") && strings.Contains(string(written), "\nSIDECAR_MIDDLEWARE_READ=") {
					t.Errorf("what was not tried is written as read:\n%s", written)
				}
				for _, line := range row.written {
					if !strings.Contains(string(written), line+"\n") {
						t.Errorf("no line %q in\n%s", line, written)
					}
				}
			})
		}
	}
}

// TestSettingsScriptOfUserModels: hashes and flags that a setting says, and those that none does.
func TestSettingsScriptOfUserModels(t *testing.T) {
	for _, row := range []struct{ model, last, written string }{
		{"NullableUser", "ready", "DJANGO_AUTH_HASH_COLUMNS=password,email,session_token"},
		{"SwitchedUser is_active", "ready; accepted by you: oracle_app.readings.SwitchedUser.is_active", "# Accepted with -accept oracle_app.readings.SwitchedUser.is_active: is_active of the user model "},
		{
			"MemberUser", "ready", "# SIDECAR_WRITE=login finds a user by the column of USERNAME_FIELD, and calls no get_by_natural_key() of the project's own: /\n" +
				"# SIDECAR_WRITE=login asks PASSWORD_HASHERS, and calls no check_password() of the project's own: /",
		},
		{"HexUser", "ready", "DJANGO_AUTH_USER_ID_FORMAT=hex"},
		{"NumberedUser", "not possible: str() of the primary key of oracle.NumberedUser is not what its column has: ", ""},
		{"SecretUser", "not possible: get_session_auth_hash() of the user model (", ""},
		{"RelatedUser", "not possible: is_active of the user model (", ""},
		{"StatesUser", "ready but stricter: is_active of the user model (", `DJANGO_AUTH_USER_ACTIVE_WHERE="state" = 'new'`},
		{"InvertedUser", "ready but stricter: is_staff of a user is not known, since it is not what its column has: ", "DJANGO_AUTH_USER_STAFF_COLUMN=-"},
		{"FrozenUser", "not possible: ", ""},
		{"TenantUser", "not possible: the default manager of the user model does more than this program understands: ", ""},
		{
			"CrewUser", "ready but stricter: the manager of the groups of ", "DJANGO_AUTH_USER_USERNAME_COLUMN=-",
		},
		{"ClosedUser", "not possible: the default manager of the user model ", ""},
		{"CountedUser", "not possible: the default manager of the user model finds rows in its own way: ", ""},
		{"HourUser", "not possible: is_active of the user model (", ""},
		{"SwitchedUser", "not possible: is_active of the user model (", ""},
		{"SuffixUser", "not possible: is_active of the user model (", ""},
		{"ConvertedUser", "not possible: is_active of the user model is not what its column has: ", ""},
		{"WithheldUser", "not possible: the user model has its own from_db, which decides what Django sees of a user: ", ""},
		{"WithheldUser from_db objects", "not possible: __init__, which Django runs on the way to a user, may change attributes whose names ", ""},
		{
			"WithheldUser from_db objects __init__", "ready; accepted by you: ",
			"# Accepted with -accept oracle_app.readings.WithheldUser.objects: the default manager of the user model finds rows in its own way: ",
		},
		{"WithheldUser from_db objects __init__ __new__", "not possible: -accept oracle_app.readings.WithheldUser.__new__ names no item of ", ""},
		{"InitUser", "not possible: __init__, which Django runs on the way to a user, may change is_active: ", ""},
		{"FallbackUser", "not possible: get_session_auth_fallback_hash() of the user model may refuse sessions ", ""},
	} {
		dir := t.TempDir()
		model, names, _ := strings.Cut(row.model, " ") // of what is accepted
		var accepted []string
		for name := range strings.FieldsSeq(names) {
			accepted = append(accepted, "oracle_app.readings."+model+"."+name)
		}
		django := profile{django: "5.2", sqlite: true, settings: map[string]any{
			"AUTH_USER_MODEL": "oracle." + model, "SECRET_KEY_FALLBACKS": []string{"an older key"},
		}}.deploy(t)
		printed := runSettingsScript(t, django, dir, nil, accepted...)
		if last := lastLine(printed); !strings.HasPrefix(last, row.last) || row.last == "ready" && last != row.last {
			t.Errorf("%s: want %q\n%s", row.model, row.last, printed)
		}
		if row.written == "" {
			continue
		}
		written, err := os.ReadFile(filepath.Join(dir, "django-sidecar.env"))
		for line := range strings.SplitSeq(row.written, "\n") {
			if err != nil || !strings.Contains(string(written), line) {
				t.Errorf("%s: no line %q in\n%s, %v\n%s", row.model, line, written, err, printed)
			}
		}
		if other := "calls no "; !strings.Contains(row.written, other) && strings.Contains(string(written), other) {
			t.Errorf("%s: a login would ask nothing of the project's own, and the file says that it does\n%s", row.model, written)
		}
	}
}

// runSettingsScript runs the program in a Django with other settings, which it gets back.
func runSettingsScript(t *testing.T, django *djangotest.Django, dir string, changed map[string]any, accepted ...string) string {
	t.Helper()
	program, err := settingsscript.Program(settingsscript.Options{Format: "dotenv", Directory: dir, Accepted: accepted})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(changed)
	if err != nil {
		t.Fatal(err)
	}
	printed, _ := django.Run(fmt.Sprintf(`
import json
from django.test.utils import override_settings
with override_settings(**(json.loads(%q) or {})):
    exec(%q, {})
`, text, program))
	return printed
}

// TestSettingsScriptOfLoginPages: a login page that is another one in some language is told of, and where none can be, no language is tried.
func TestSettingsScriptOfLoginPages(t *testing.T) {
	program, err := settingsscript.Program(settingsscript.Options{Format: "env", Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.11", "6.1"} {
		django := profile{django: version, sqlite: true}.deploy(t)
		printed, code := django.Run(strings.Replace(program, "\nmain()\n", loginPages, 1))
		var pages map[string]struct{ Told, Tried bool }
		if err := json.Unmarshal([]byte(lastLine(printed)), &pages); err != nil || code != 0 {
			t.Fatalf("Django %s: %v, code %d\n%s", version, err, code, printed)
		}
		for name, want := range map[string]struct{ Told, Tried bool }{
			"/in/": {}, "https://login.example/in/": {}, "plain:in": {}, "lazy plain:in": {},
			"translated": {true, true}, "lazy translated": {true, true}, "prefixed:within": {true, true}, "text": {true, true}, "the same text": {false, true},
		} {
			if got, there := pages[name]; got != want || !there {
				t.Errorf("Django %s, LOGIN_URL %s: %+v, want %+v", version, name, got, want)
			}
		}
	}
}

// loginPages prints of each LOGIN_URL whether a note tells that it is another page in some language, and whether another language was tried.
const loginPages = `
set_up()
from django.test.utils import override_settings
from django.urls import reverse_lazy
from django.utils.functional import lazy
from oracle_app.urls import gettext_lazy
pages = dict((name, name) for name in ("/in/", "https://login.example/in/", "plain:in", "translated", "prefixed:within"))
pages.update(("lazy " + name, reverse_lazy(name)) for name in ("plain:in", "translated"))
pages.update({"text": lazy(lambda: "/%s/" % gettext_lazy("Monday"), str)(), "the same text": gettext_lazy("/of/no/catalog/")})
resolves, tried, found = login_url_in, [], {}
login_url_in = lambda language: tried.append(language) or resolves(language)
for name, page in pages.items():
    report, tried[:] = Report(), []
    with override_settings(LOGIN_URL=page):
        read_login_url(report)
    found[name] = {"Told": any("in each language" in r for r in report.remarks), "Tried": bool(tried)}
print(to_json(found))
`
