//go:build live

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// sampleOf has Django say what it says of its sessions, and returns the file. It proves that the program changes
// nothing, and that nothing secret is in the file.
func sampleOf(t *testing.T, django *djangotest.Django, cookies []djangotest.Cookie) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "django-sidecar-sample.json")
	code, program := command(t, "", "settings-script", "-sample", "1000", "-directory", filepath.Dir(path))
	if code != exitYes {
		t.Fatalf("settings-script: exit code %d, %s", code, program)
	}
	before := stored(t, django)
	if said, code := django.Run(program); code != exitYes {
		t.Fatalf("the program ends with %d: %s", code, said)
	}
	if others := differences(before, stored(t, django)); others != nil {
		t.Errorf("the program has changed what is stored: %q", others)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
	sample, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{oracleSecret, "_auth_user_hash", "pbkdf2", "argon2"} {
		if bytes.Contains(sample, []byte(secret)) {
			t.Errorf("%q is in the sample", secret)
		}
	}
	for _, c := range cookies {
		if _, key, ok := bytes.Cut(c.Raw, []byte("=")); ok && len(key) >= 8 && bytes.Contains(sample, bytes.TrimSpace(key)) {
			t.Errorf("the session key of %s is in the sample", c.Note)
		}
	}
	return path
}

// stored is what a deployment has stored, by name: rows of all tables, where sequences are, entries of caches, files of sessions.
func stored(t *testing.T, django *djangotest.Django) map[string]string {
	t.Helper()
	printed, code := django.Run(storedProgram)
	var found map[string]string
	if err := json.Unmarshal([]byte(lastLine(printed)), &found); err != nil || code != exitYes || len(found) == 0 {
		t.Fatalf("what is stored: %v, code %d\n%.2000s", err, code, printed)
	}
	return found
}

// differences are the names whose contents are others.
func differences(before, after map[string]string) []string {
	var names []string
	for name := range maps.Keys(after) {
		if after[name] != before[name] {
			names = append(names, fmt.Sprintf("%s: %s, then %s", name, before[name], after[name]))
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			names = append(names, name+" is gone")
		}
	}
	slices.Sort(names)
	return names
}

// storedProgram prints it, as numbers and hashes.
const storedProgram = `
import hashlib, io, json, os
from django.conf import settings
from django.db import connections
found = {}
def add(name, rows):
    rows = sorted(repr(row) for row in rows)
    found[name] = "%d, %s" % (len(rows), hashlib.sha256("\n".join(rows).encode("utf-8")).hexdigest()[:12])
def add_folder(path):
    files = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    add(path, [(name, io.open(name, "rb").read()) for name in files])
counters = {
    "postgresql": "SELECT c.relname, pg_sequence_last_value(c.oid) FROM pg_class c WHERE c.relkind = 'S'",
    "mysql": "SELECT table_name, auto_increment FROM information_schema.tables WHERE table_schema = DATABASE()",
}
for alias in connections:
    connection = connections[alias]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute("SELECT * FROM " + connection.ops.quote_name(table))
            add(alias + "." + table, cursor.fetchall())
        if connection.vendor in counters:
            cursor.execute(counters[connection.vendor])
            add(alias + " counts", cursor.fetchall())
for cache in settings.CACHES.values():
    location = cache.get("LOCATION")
    if str(location).startswith("redis://"):
        import redis
        client = redis.from_url(location)
        add("Redis", [(key, client.dump(key)) for key in client.keys()])
    elif str(location).startswith("/"):
        add_folder(location)
if settings.SESSION_FILE_PATH:
    add_folder(settings.SESSION_FILE_PATH)
print(json.dumps(found))
`

// proofProfiles are the engines that can be sampled, on several databases.
func proofProfiles() []profile {
	return []profile{
		{name: "postgres", django: "1.11"},
		{name: "postgres", django: "6.1"},
		{name: "cached_db, Redis", django: "6.1", engine: "cached_db", cache: "redis"},
		{name: "cached_db, files", django: "1.11", engine: "cached_db", cache: "file", sqlite: true},
		{name: "cached_db, a table", django: "3.2", engine: "cached_db", cache: "db"},
		{name: "files", django: "1.11", engine: "file", sqlite: true},
		{name: "files, local time", django: "5.2", engine: "file", sqlite: true, settings: map[string]any{"USE_TZ": false, "TIME_ZONE": "Europe/Paris"}},
		{name: "mysql, local time", django: "5.2", mysql: true, settings: map[string]any{"USE_TZ": false, "TIME_ZONE": "Europe/Paris"}},
		{name: "UUID keys", django: "6.1", settings: map[string]any{"AUTH_USER_MODEL": "oracle.UUIDUser"}},
		{name: "text keys", django: "5.2", settings: map[string]any{"AUTH_USER_MODEL": "oracle.TextUser"}, env: map[string]string{
			"DJANGO_AUTH_USER_TABLE": "people", "DJANGO_AUTH_USER_ID_COLUMN": "login_id", "DJANGO_AUTH_USER_PASSWORD_COLUMN": "pw",
		}},
		{name: "fallbacks", django: "5.2", settings: map[string]any{"SECRET_KEY_FALLBACKS": []string{"an older key, with a comma", "the oldest key"}}},
		{name: "a store of its own", django: "6.1", store: "Nested.CustomStore", env: map[string]string{"DJANGO_SESSION_TABLE": "oracle_customsession"}, sqlite: true},
		{name: "sessions in another database", django: "5.2", apart: true},
		{name: "django-user-sessions", django: "5.2", engine: "user_sessions.backends.db", apps: []string{"user_sessions"}, sqlite: true},
		{name: "django-qsessions, cached", django: "5.2", engine: "qsessions.backends.cached_db", cache: "redis", apps: []string{"qsessions"}, sqlite: true},
	}
}

// TestProofFindsNothingWhereSettingsAreRight compares samples of real Djangos with the sidecar, on each engine that can
// be sampled.
func TestProofFindsNothingWhereSettingsAreRight(t *testing.T) {
	seed := djangotest.Seed(t)
	for i, p := range proofProfiles() {
		t.Run("Django "+p.django+" "+p.name, func(t *testing.T) {
			django := p.deploy(t)
			django.Users(20, seed+uint64(i))
			cookies := django.Sessions(60, seed+uint64(i))
			giveRights(django)
			file := sampleOf(t, django, cookies)
			code, said := command(t, "", "check", "-against", file)
			if code != exitYes || strings.Contains(said, "differ") || strings.Contains(said, "ended since") || !strings.Contains(said, "compared sessions agree") {
				t.Errorf("exit code %d:\n%s", code, said)
			}
		})
	}
}

// giveRights puts users of auth.User into groups, and gives them permissions.
func giveRights(django *djangotest.Django) {
	if django.UserTable != "auth_user" {
		return
	}
	for _, statement := range []string{
		"INSERT INTO auth_group (name) VALUES ('editors')",
		"INSERT INTO auth_group (name) VALUES ('Ärzte, and others')",
		"INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user u, auth_group g WHERE u.id % 2 = g.id % 2",
		"INSERT INTO auth_user_user_permissions (user_id, permission_id) SELECT u.id, p.id FROM auth_user u, auth_permission p WHERE u.id % 3 = p.id % 3",
		"INSERT INTO auth_group_permissions (group_id, permission_id) SELECT g.id, p.id FROM auth_group g, auth_permission p WHERE g.id % 5 = p.id % 5",
	} {
		django.Execute(statement)
	}
}

// TestProofOnEveryDjango runs the program as users do, in manage.py shell and in plain Python, and compares; and it
// compares live answers with the view of docs/proof.md.
func TestProofOnEveryDjango(t *testing.T) {
	_, program := command(t, "", "settings-script", "-sample", "100")
	for _, version := range djangotest.Lines {
		t.Run("Django "+version, func(t *testing.T) {
			site := djangotest.NewSite(t, version)
			settings := siteSettings(site, version)
			for name, value := range settings {
				t.Setenv(name, value)
			}
			compareInShell(t, site, program, site.Shell)
			if version == "1.11" || version == "6.1" {
				compareInShell(t, site, program, site.Python)
			}
			shadowNothing(t, site, settings)
		})
	}
}

// compareInShell has a shell run the program, and compares.
func compareInShell(t *testing.T, site *djangotest.Site, program string, run func(program, folder string) string) {
	t.Helper()
	folder, sessions := t.TempDir(), len(site.Keys)
	said := run(program, folder)
	if want := fmt.Sprintf("%d sessions, %d of them of a user", sessions, sessions-3); !strings.Contains(said, want) {
		t.Errorf("it says %q, want %q", said, want)
	}
	code, found := command(t, "", "check", "-against", filepath.Join(folder, "django-sidecar-sample.json"))
	want := fmt.Sprintf("%d of %d compared sessions agree: %d of a user, 3 nobody's", sessions, sessions, sessions-3)
	if code != exitYes || !strings.Contains(found, want) {
		t.Errorf("exit code %d, want %d with %q:\n%s", code, exitYes, want, found)
	}
}

// siteSettings are the sidecar's settings for a site.
func siteSettings(site *djangotest.Site, version string) map[string]string {
	return map[string]string{
		"DATABASE_URL": "sqlite:///" + site.Database, "DJANGO_SECRET_KEY": djangotest.SiteSecretKey,
		"DJANGO_SECRET_KEY_FALLBACKS": djangotest.SiteFallbackKey, "DJANGO_VERSION": version,
	}
}

// TestProofToStdout: a file that a redirect makes is made by the shell. What others can read gets nothing.
func TestProofToStdout(t *testing.T) {
	p := newScriptProject(t, "5.2")
	p.shell(t, `echo 'from django.contrib.sessions.backends.db import SessionStore; SessionStore().save()' | "$PYTHON" manage.py shell`)
	const sample = `"$SIDECAR" settings-script -sample 20 -directory - | "$PYTHON" manage.py shell -v0 >sample.json`
	said := p.shell(t, `umask 022; ! { `+sample+`; } 2>&1; wc -c <sample.json`)
	if !strings.Contains(said, "stdout is a file that others can read") || !strings.HasSuffix(said, "\n0\n") {
		t.Errorf("to a file for all: %s", said)
	}
	said = p.shell(t, `umask 077; rm sample.json; `+sample+`; stat -c %a sample.json; grep -c '"format": "django-sidecar sample"' sample.json`)
	if said != "600\n1\n" {
		t.Errorf("to a file of one's own: %q", said)
	}
}
