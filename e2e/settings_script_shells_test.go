//go:build live

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"django-sidecar/internal/djangotest"
)

// scriptProject is a project that startproject makes, with the shells of its Python.
type scriptProject struct{ dir, python, sidecar string }

func newScriptProject(t *testing.T, version string) scriptProject {
	t.Helper()
	p := scriptProject{t.TempDir(), djangotest.Python(t, version), sidecarProgram(t)}
	p.shell(t, `"$PYTHON" -m django startproject shop . && "$PYTHON" manage.py migrate -v0 && "$PYTHON" manage.py createcachetable`)
	return p
}

// shell runs commands in the folder of the project, and returns what they print.
func (p scriptProject) shell(t *testing.T, commands string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euc", commands)
	cmd.Dir = p.dir
	for _, entry := range os.Environ() { // what other tests have set is not the project's
		if !strings.HasPrefix(entry, "DJANGO_") && !strings.HasPrefix(entry, "DATABASE_URL") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "PYTHON="+p.python, "SIDECAR="+p.sidecar)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", commands, err, out, problems.String())
	}
	return string(out)
}

// forget removes what the program has written.
func (p scriptProject) forget(t *testing.T) {
	t.Helper()
	p.shell(t, "rm -rf django-sidecar*")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// TestSettingsScriptInEachShell: a whole file, a file by its name, a file descriptor, a line at a time, and a pipe that is
// slower than Django. What is written is all that check needs.
func TestSettingsScriptInEachShell(t *testing.T) {
	more := map[string][]string{
		"6.1": {
			`"$SIDECAR" settings-script >program.py; "$PYTHON" manage.py shell -c "exec(open('program.py').read())"`,
			`DJANGO_SETTINGS_MODULE=shop.settings "$PYTHON" <("$SIDECAR" settings-script)`,
			`"$SIDECAR" settings-script | DJANGO_SETTINGS_MODULE=shop.settings "$PYTHON" -c 'import code, django; django.setup(); code.interact()'`,
		},
	}
	for _, version := range djangotest.Lines {
		p := newScriptProject(t, version)
		for _, shell := range append([]string{`"$SIDECAR" settings-script | "$PYTHON" manage.py shell`}, more[version]...) {
			printed := p.shell(t, shell)
			if last := lastLine(printed); last != "ready" {
				t.Errorf("Django %s, %s:\n%s", version, shell, printed)
			}
			said := p.shell(t, `set -a; . ./django-sidecar.env; set +a; "$SIDECAR" check || true`)
			if strings.Contains(said, "FAIL") || !strings.Contains(said, "ok    keys             DJANGO_SESSION_KEYS") {
				t.Errorf("Django %s, %s: check says\n%s", version, shell, said)
			}
			p.forget(t)
		}
	}
}

// TestSettingsScriptOverwritesNothing by itself; and nobody else can read what is secret.
func TestSettingsScriptOverwritesNothing(t *testing.T) {
	p := newScriptProject(t, "5.2")
	first := p.shell(t, `umask 0; "$SIDECAR" settings-script | "$PYTHON" manage.py shell`)
	for path, want := range map[string]os.FileMode{"django-sidecar-secrets": 0o700, "django-sidecar-secrets/session-keys": 0o600} {
		info, err := os.Stat(filepath.Join(p.dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v\n%s", path, info, err, want, first)
		}
	}
	if err := os.WriteFile(filepath.Join(p.dir, "django-sidecar.env"), []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := p.shell(t, `! "$SIDECAR" settings-script | "$PYTHON" manage.py shell`)
	if last := lastLine(again); !strings.HasPrefix(last, "not possible: ") || !strings.Contains(last, "exists") {
		t.Errorf("the second time:\n%s", again)
	}
	if text := p.shell(t, "cat django-sidecar.env"); text != "mine\n" {
		t.Errorf("the file is now %q", text)
	}
	if replaced := p.shell(t, `"$SIDECAR" settings-script -replace | "$PYTHON" manage.py shell; cat django-sidecar.env`); !strings.Contains(replaced, "\nDATABASE_URL=sqlite:///") {
		t.Errorf("-replace:\n%s", replaced)
	}
	// A key that each process makes for itself is nobody's to know.
	p.forget(t)
	p.shell(t, `printf 'import os\nSECRET_KEY = os.urandom(30).hex()\n' >> shop/settings.py`)
	if said := lastLine(p.shell(t, `! "$SIDECAR" settings-script | "$PYTHON" manage.py shell`)); !strings.HasPrefix(said, "not possible: SECRET_KEY is another one in each process") {
		t.Errorf("a key of each process: %s", said)
	}
}

// TestSettingsScriptTries: what is written to one database and read from another is tried where it is written, a request has a host that the
// project knows, and receivers that SIDECAR_WRITE does not call are named. Where nothing could be tried, it does not say that it is ready.
func TestSettingsScriptTries(t *testing.T) {
	p := newScriptProject(t, "5.2")
	const files = `
cat >> shop/settings.py <<'END'
DATABASES["replica"] = dict(DATABASES["default"])
DATABASE_ROUTERS = ["shop.parts.Apart"]
ALLOWED_HOSTS = ["internal.example", ".shop.example"]
MIDDLEWARE += ["shop.parts.by_host"]
SIGNING_BACKEND = "shop.parts.Signer"
MESSAGE_TAGS = {20: "hint"}
END
cat > shop/parts.py <<'END'
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.signing import TimestampSigner
from django.http import Http404

class Signer(TimestampSigner):
    pass

class Apart:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, one, other, **hints):
        return True

def by_host(get_response):
    def answer(request):
        if not request.get_host().startswith("www."):
            raise Http404
        return get_response(request)
    return answer

def greet(sender, **kwargs):
    pass

user_logged_in.connect(greet)
user_login_failed.connect(greet)
END
"$SIDECAR" settings-script | "$PYTHON" manage.py shell; cat django-sidecar.env`
	printed := p.shell(t, files)
	for _, want := range []string{
		"proved: request.user behind MIDDLEWARE is the user of the session\n", "note: users are read from the database 'replica', and were tried in 'default'",
		"\nready\n", "# SIDECAR_WRITE=login calls no receiver of user_logged_in, and the project has shop.parts.greet (" + p.dir + "/shop/parts.py:25)\n",
		"# SIDECAR_WRITE=login calls no receiver of user_login_failed, and the project has shop.parts.greet (",
		"# SIGNING_BACKEND is shop.parts.Signer, which the library does not know", "# MESSAGE_TAGS is not known to the library",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in\n%s", want, printed)
		}
	}
	if strings.Contains(printed, "user_logged_out") || strings.Contains(printed, "answers a request") {
		t.Errorf("too much:\n%s", printed)
	}
	p.forget(t)
	p.shell(t, `"$PYTHON" manage.py shell -c "
from django.contrib.auth.models import User
from django.test import Client
Client(headers={'host': 'www.shop.example'}).force_login(User.objects.create_user('ada'))"`)
	p.shell(t, `"$PYTHON" -c "import sqlite3; sqlite3.connect('db.sqlite3').execute('CREATE TRIGGER closed BEFORE INSERT ON auth_user BEGIN SELECT RAISE(ABORT, \'closed\'); END')"`)
	printed = p.shell(t, `code=0; "$SIDECAR" settings-script | "$PYTHON" manage.py shell || code=$?; echo; cat django-sidecar.env; echo "code $code"`)
	for _, want := range []string{"\nnot proved: no user could be made", "# NOT PROVED: no request could be tried (", "By what was read: ready\n", "\ncode 3"} {
		if !strings.Contains(printed, want) {
			t.Errorf("no %q in\n%s", want, printed)
		}
	}
	// What it names as next compares the session that is there.
	_, next, _ := strings.Cut(printed, "next: in the same shell, have Django judge real sessions, which only reads: django-sidecar ")
	sample, next, _ := strings.Cut(next, "\nnext: django-sidecar ")
	against, _, _ := strings.Cut(next, "\n")
	said := p.shell(t, `"$SIDECAR" `+sample+` | "$PYTHON" manage.py shell; set -a; . ./django-sidecar.env; set +a; "$SIDECAR" `+against+` 2>&1`)
	if !strings.Contains(said, "1 of 1 compared session agrees: 1 of a user") {
		t.Errorf("%q, then %q: %s", sample, against, said)
	}
}

// TestSettingsScriptFormats: each form says the same.
func TestSettingsScriptFormats(t *testing.T) {
	p := newScriptProject(t, "5.2")
	p.shell(t, `cat >> shop/settings.py <<'END'
SESSION_COOKIE_NAME = "shop-$HOME"
LOGIN_URL = "/it's/in \"here\"?a=$x&b=${x}\x60id\x60\\!%25;#top"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "kept", "KEY_PREFIX": "a b"}}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SECRET_KEY_FALLBACKS = ["an old key"]
SESSION_SAVE_EVERY_REQUEST = True
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]
END
"$PYTHON" manage.py createcachetable`)
	want := map[string]string{
		"DJANGO_SESSION_COOKIE_NAME": "shop-$HOME", "DJANGO_LOGIN_URL": "/it's/in \"here\"?a=$x&b=${x}`id`\\!%25;#top", "DJANGO_CACHE_KEY_PREFIX": "a b", "DJANGO_CACHE_URL": "db://kept",
		"DJANGO_SESSION_ENGINE": "django.contrib.sessions.backends.cache", "DJANGO_AUTHENTICATION_BACKENDS": "django.contrib.auth.backends.AllowAllUsersModelBackend",
		"DJANGO_SESSION_SAVE_EVERY_REQUEST": "true", "DATABASE_URL": "sqlite:///" + p.dir + "/db.sqlite3",
	}
	for format, read := range map[string]struct{ command, keys, folder string }{
		"env":       {`env -i bash -c 'set -a; . ./django-sidecar.env; env -0' | tr '\0' '\n'`, "cat django-sidecar-secrets/session-keys", p.dir + "/django-sidecar-secrets"},
		"systemd":   {`cat django-sidecar.env`, "cat django-sidecar-secrets/session-keys", "/run/credentials/django-sidecar.service/secret_"},
		"dotenv":    {`cat django-sidecar.env`, "cat django-sidecar-secrets/session-keys", p.dir + "/django-sidecar-secrets"},
		"compose":   {`cat django-sidecar.compose.yaml`, "cat django-sidecar-secrets/session-keys", "/run/secrets"},
		"configmap": {`cat django-sidecar-configmap.yaml`, `sed -n 's/^  session-keys: //p' django-sidecar-secret.yaml | base64 -d`, "/run/secrets/django-sidecar"},
		"secret":    {`cat django-sidecar-secret.yaml`, `sed -n 's/^  session-keys: //p' django-sidecar-secret.yaml | base64 -d`, "/run/secrets/django-sidecar"},
	} {
		printed := p.shell(t, `"$SIDECAR" settings-script -format `+format+` | "$PYTHON" manage.py shell`)
		if last := lastLine(printed); last != "ready" {
			t.Errorf("%s:\n%s", format, printed)
			continue
		}
		got := settingsIn(t, format, p.shell(t, read.command))
		if format == "systemd" {
			got = systemdEnvironment(t, p.shell(t, read.command))
		}
		if format == "env" {
			p.sameToOthers(t, got)
		}
		want["DJANGO_SESSION_KEYS_FILE"] = read.folder + "/session-keys"
		if format == "systemd" {
			want["DJANGO_SESSION_KEYS_FILE"] = read.folder + "session-keys"
			p.underSystemd(t)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: %s is %q, want %q", format, name, got[name], value)
			}
		}
		var keys []map[string]string
		if err := json.Unmarshal([]byte(p.shell(t, read.keys)), &keys); err != nil || len(keys) != 2 || len(keys[0]) == 0 {
			t.Errorf("%s: keys %v, %v", format, keys, err)
		}
		p.forget(t)
	}
}

// underSystemd has systemd read the unit with the written files, and check read them as the service would: each file of the folder is a
// credential of the name that the unit gives it (systemd.exec(5), LoadCredential= with a directory).
func (p scriptProject) underSystemd(t *testing.T) {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join(djangotest.RepositoryPath(), "deploy", "systemd", "django-sidecar.service"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(unit)
	for _, line := range [][2]string{
		{"EnvironmentFile=/etc/django-sidecar/django-sidecar.env\n", "EnvironmentFile=" + p.dir + "/django-sidecar.env\n"},
		{"LoadCredential=secret:/etc/django-sidecar/django-sidecar-secrets\n", "LoadCredential=secret:" + p.dir + "/django-sidecar-secrets\n"},
		{"ExecStart=/usr/bin/django-sidecar serve\n", "ExecStart=" + p.sidecar + " serve\n"},
	} {
		if !strings.Contains(text, line[0]) {
			t.Fatalf("the unit has no line %q", line[0])
		}
		text = strings.Replace(text, line[0], line[1], 1)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "django-sidecar.service"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := p.shell(t, `systemd-analyze verify --man=no --recursive-errors=no ./django-sidecar.service 2>&1`); said != "" {
		t.Errorf("systemd-analyze says %s", said)
	}
	credentials := t.TempDir()
	p.shell(t, `for f in django-sidecar-secrets/*; do cp "$f" "`+credentials+`/secret_${f##*/}"; done`)
	commands := ""
	for name, value := range systemdEnvironment(t, p.shell(t, "cat django-sidecar.env")) {
		value = strings.Replace(value, "/run/credentials/django-sidecar.service", credentials, 1)
		commands += "export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n"
	}
	if said := p.shell(t, commands+`"$SIDECAR" check || true`); strings.Contains(said, "FAIL") || !strings.Contains(said, "ok    keys             DJANGO_SESSION_KEYS") {
		t.Errorf("as a service, check says\n%s", said)
	}
}

// sameToOthers has a POSIX shell and systemd read the file that bash has read.
func (p scriptProject) sameToOthers(t *testing.T, want map[string]string) {
	t.Helper()
	for name, got := range map[string]map[string]string{
		"sh":      settingsIn(t, "env", p.shell(t, `env -i sh -c 'set -a; . ./django-sidecar.env; env -0' | tr '\0' '\n'`)),
		"systemd": systemdEnvironment(t, p.shell(t, "cat django-sidecar.env")),
	} {
		if !maps.Equal(got, want) {
			t.Errorf("%s reads %q, bash %q", name, got, want)
		}
	}
}

// systemdEnvironment reads a file as EnvironmentFile= does: src/basic/env-file.c of systemd 255, parse_env_file_internal.
func systemdEnvironment(t *testing.T, text string) map[string]string {
	t.Helper()
	settings := map[string]string{}
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		if line == "" || strings.ContainsAny(line[:1], "#;") {
			text = rest
			continue
		}
		name, _, found := strings.Cut(line, "=")
		if !found {
			t.Fatalf("no assignment: %q", line)
		}
		var value strings.Builder
		var quote byte // 0: none
		i := len(name) + 1
	read:
		for ; i < len(text); i++ {
			c := text[i]
			switch {
			case quote == 0 && c == '\n':
				break read
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote == c:
				quote = 0
			case c == '\\' && quote == '"':
				i++ // before one of these it is left out, elsewhere it stays
				if !strings.ContainsRune("\"\\`$", rune(text[i])) {
					value.WriteByte('\\')
				}
				value.WriteByte(text[i])
			case c == '\\' && quote == 0:
				i++
				value.WriteByte(text[i])
			default:
				value.WriteByte(c)
			}
		}
		settings[strings.TrimSpace(name)] = value.String()
		text = strings.TrimPrefix(text[min(i, len(text)):], "\n")
	}
	return settings
}

// settingsIn reads settings as those read them whom the format is for.
func settingsIn(t *testing.T, format, text string) map[string]string {
	t.Helper()
	settings := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		separator := ": "
		if format == "env" || format == "dotenv" {
			separator = "="
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), separator)
		if !strings.HasPrefix(name, "D") {
			continue
		}
		switch format {
		case "secret":
			raw, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				t.Fatal(err)
			}
			value = string(raw)
		case "configmap", "compose":
			if err := json.Unmarshal([]byte(value), &value); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if format == "compose" {
				value = strings.ReplaceAll(value, "$$", "$")
			}
		}
		settings[name] = value
	}
	return settings
}
