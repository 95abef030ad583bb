//go:build live && gateways

package charts_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/pkg/kvfile"

	"django-sidecar/internal/djangotest"
)

// composer runs the services of compose.yaml as processes of this machine, with the same commands, variables and secrets.
type composer struct {
	project *types.Project
	folder  string            // a copy of deploy/compose
	path    string            // the programs that images would have
	hosts   *strings.Replacer // the addresses of services
}

// command is a service's, or another one in its place.
func (e *composer) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	service := e.project.Services[name]
	if args == nil {
		args = service.Command
	}
	args = append([]string(nil), args...)
	for i, arg := range args {
		args[i] = e.hosts.Replace(arg)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(e.path, args[0]), args[1:]...)
	cmd.Dir = filepath.Join(e.folder, "django")
	cmd.Env = []string{"PATH=" + e.path + ":/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1"}
	for variable, value := range service.Environment {
		value := e.hosts.Replace(*value)
		for _, secret := range service.Secrets {
			if value == "/run/secrets/"+secret.Source {
				value = e.project.Secrets[secret.Source].File
			}
		}
		cmd.Env = append(cmd.Env, variable+"="+value)
	}
	return cmd
}

func (e *composer) run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
	return string(output)
}

// healthy runs a service's health check, as the engine does.
func (e *composer) healthy(t *testing.T, name string, environ ...string) func(context.Context) error {
	t.Helper()
	return func(ctx context.Context) error {
		test := e.project.Services[name].HealthCheck.Test[1:] // after CMD
		cmd := e.command(t, name, append([]string{strings.TrimPrefix(test[0], "/")}, test[1:]...)...)
		cmd.Env = append(cmd.Env, environ...)
		return cmd.Run()
	}
}

// program puts a script into the folder of programs.
func (e *composer) program(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(e.path, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestGatewaysCompose brings up what compose.yaml describes, in its order, logs in through nginx, and stops the sidecar.
func TestGatewaysCompose(t *testing.T) {
	database := djangotest.Postgres(t)
	sidecar, django, admin := djangotest.FreeAddr(t), djangotest.FreeAddr(t), "SIDECAR_ADMIN_LISTEN="+djangotest.FreeAddr(t)
	e := &composer{folder: filepath.Join(t.TempDir(), "compose"), path: t.TempDir()}
	e.hosts = strings.NewReplacer("0.0.0.0:8000", django, "127.0.0.1:8000", django, ":8100", sidecar)
	if err := os.CopyFS(e.folder, os.DirFS(composed)); err != nil {
		t.Fatal(err)
	}
	e.project = composeProject(t, e.folder)
	python := djangotest.Python(t, "5.2")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	e.program(t, "python", fmt.Sprintf("exec %q \"$@\"", python))
	e.program(t, "gunicorn", fmt.Sprintf("PYTHONPATH=%q exec %q -m gunicorn \"$@\"", filepath.Join(cache, "django-sidecar/bench/gunicorn"), python))
	e.program(t, "sh", `exec /bin/sh "$@"`)
	if err := os.Symlink(build(t), filepath.Join(e.path, "django-sidecar")); err != nil {
		t.Fatal(err)
	}

	// make-secrets.sh, for which docker compose run keys is the service keys.
	keys := e.command(t, "keys", "django-sidecar", "keys")
	e.program(t, "docker", fmt.Sprintf("[ \"$*\" = 'compose run --build --rm -T keys' ] || exit 9\nexec env %s %q keys", strings.Join(keys.Env[2:], " "), keys.Path))
	secrets := exec.CommandContext(t.Context(), filepath.Join(e.folder, "make-secrets.sh"))
	secrets.Env = e.command(t, "keys").Env
	e.run(t, secrets)
	if info, err := os.Stat(filepath.Join(e.folder, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of secrets: %v, %v", info.Mode(), err)
	}

	// db, whose image makes the role and the database.
	password := readFile(t, filepath.Join(e.folder, "secrets/django-password"))
	any := database.Database(t)
	any.ExecAsSuperuser(t, "ALTER ROLE django SUPERUSER PASSWORD '"+password+"'")
	any.ExecAsSuperuser(t, "CREATE DATABASE django OWNER django")
	t.Cleanup(func() { any.ExecAsSuperuser(t, "DROP DATABASE django WITH (FORCE)") })
	for _, name := range []string{"django-database-url", "sidecar-database-url"} {
		file := filepath.Join(e.folder, "secrets", name)
		text := strings.Replace(readFile(t, file), "@db:5432/", "@"+database.Addr()+"/", 1)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	e.run(t, e.command(t, "tables"))
	e.run(t, e.command(t, "tables")) // as after each `docker compose up`
	djangotest.StartProcess(t.Context(), t, e.command(t, "django"), e.healthy(t, "django"))
	serve := e.command(t, "sidecar", "django-sidecar", "serve") // the image's own command
	serve.Env = append(serve.Env, admin)
	process := djangotest.StartProcess(t.Context(), t, serve, e.healthy(t, "sidecar", admin))
	nginx := djangotest.NginxOf(t, "deploy/compose/django-sidecar.conf", "sidecar:8100", sidecar, "django:8000", django)

	create := e.command(t, "django", "python", "manage.py", "createsuperuser", "--no-input", "--username", "ada", "--email", "ada@example.com")
	create.Env = append(create.Env, "DJANGO_SUPERUSER_PASSWORD=correct horse")
	e.run(t, create)
	b := newBrowser(t, "http://"+nginx.Addr)
	if page := b.get("/"); !strings.Contains(page, "<title>Log in</title>") || strings.Contains(page, "ada") {
		t.Fatalf("nobody is logged in, and the page is\n%s", page)
	}
	page := b.post("/accounts/login/?next=/", url.Values{"username": {"ada"}, "password": {"correct horse"}})
	if !strings.Contains(page, `<b id="told">ada</b>`) || !strings.Contains(page, `<b id="user">ada</b>`) {
		t.Fatalf("ada is logged in, and the page is\n%s", page)
	}
	check := e.command(t, "sidecar", "django-sidecar", "check")
	check.Env = append(check.Env, admin)
	checkOnThePages(t, e.run(t, check))
	e.settingsAsTheyAre(t)
	if page := b.post("/accounts/logout/", nil); !strings.Contains(page, "<title>Log in</title>") {
		t.Errorf("ada has logged out, and the page is\n%s", page)
	}
	if page := b.get("/"); !strings.Contains(page, "<title>Log in</title>") {
		t.Errorf("ada has logged out, and the page is\n%s", page)
	}
	if err := process.Stop(syscall.SIGTERM); err != nil || process.ExitCode() != 0 {
		t.Errorf("the sidecar ended with %v and %d", err, process.ExitCode())
	}
}

// written is the folder of what settings-script writes in a format, in a shell of the project.
func (e *composer) written(t *testing.T, format string) string {
	t.Helper()
	folder := t.TempDir()
	shell := e.command(t, "django", "python", "manage.py", "shell")
	shell.Stdin = strings.NewReader(e.run(t, e.command(t, "keys", "django-sidecar", "settings-script", "-format", format, "-directory", folder)))
	if printed := e.run(t, shell); !strings.HasSuffix(printed, "\nready\n") {
		t.Fatalf("%s: settings-script says\n%s", format, printed)
	}
	return folder
}

// checks has check look at a deployment with the settings of a format.
func (e *composer) checks(t *testing.T, format string, check *exec.Cmd) {
	t.Helper()
	if printed := e.run(t, check); !strings.Contains(printed, "1 of 1 leads to a user") {
		t.Errorf("with the format %s, check prints\n%s", format, printed)
	}
}

// settingsAsTheyAre deploys what settings-script writes with the chart's own values, with Compose, and as a file of variables. Nothing is
// typed by hand, and whoever reads the files is the one that they are for.
func (e *composer) settingsAsTheyAre(t *testing.T) {
	t.Helper()
	program := filepath.Join(e.path, "django-sidecar")
	for format, from := range map[string]string{"configmap": "{}", "secret": "settingsFrom: [{secretRef: {name: django-sidecar-settings}}]"} {
		sources := map[string]map[string]string{} // a ConfigMap and a Secret may have the same name
		add := func(name string, pairs map[string]string) {
			if sources[name] == nil {
				sources[name] = map[string]string{}
			}
			maps.Copy(sources[name], pairs)
		}
		files, err := filepath.Glob(e.written(t, format) + "/*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			made := read(t, readFile(t, file))
			for _, c := range made.ConfigMaps {
				add(c.Name, c.Data)
			}
			for _, s := range made.Secrets {
				texts := map[string]string{}
				for key, content := range s.Data {
					texts[key] = string(content)
				}
				add(s.Name, texts)
			}
		}
		k := sidecarOf(t, program, read(t, helm(t, chart, values(t, from))), sources)
		k.mount(t)
		e.checks(t, format, k.command(t, "check"))
	}

	added := *e
	added.project = composeProject(t, e.folder, e.written(t, "compose")+"/django-sidecar.compose.yaml")
	e.checks(t, "compose", added.command(t, "django-sidecar", "django-sidecar", "check"))

	folder := e.written(t, "dotenv")
	// Kustomize reads such a file as kubectl and Docker do: no quotes, no variables.
	generator := "configMapGenerator: [{name: settings, envs: [django-sidecar.env]}]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
	if err := os.WriteFile(folder+"/kustomization.yaml", []byte(generator), 0o600); err != nil {
		t.Fatal(err)
	}
	check := exec.CommandContext(t.Context(), program, "check")
	for name, value := range read(t, kustomized(t, folder)).ConfigMaps[0].Data {
		check.Env = append(check.Env, name+"="+value)
	}
	// docker run --env-file reads it by this package.
	docker, err := kvfile.Parse(folder+"/django-sidecar.env", func(name string) (string, bool) {
		t.Errorf("docker run takes %s from its own environment", name)
		return "", false
	})
	slices.Sort(docker)
	slices.Sort(check.Env)
	if err != nil || len(docker) == 0 || !slices.Equal(docker, check.Env) {
		t.Errorf("docker run --env-file: %v, %q; kubectl: %q", err, docker, check.Env)
	}
	e.checks(t, "dotenv", check)
}

// checkOnThePages: docs/kubernetes.md shows what `check` prints, with other numbers.
func checkOnThePages(t *testing.T, printed string) {
	t.Helper()
	numbers := regexp.MustCompile(`[0-9a-f]{12}|[a-z0-9.]*:[0-9]+|[0-9][0-9.]*`) // fingerprints, addresses, and so on
	page := numbers.ReplaceAllString(readFile(t, root+"docs/kubernetes.md"), "N")
	for line := range strings.Lines(printed) {
		if !strings.Contains(page, numbers.ReplaceAllString(line, "N")) {
			t.Errorf("docs/kubernetes.md does not show what check prints: %s", line)
		}
	}
	if strings.Count(printed, "\n") < 5 {
		t.Errorf("check prints %q", printed)
	}
}

// browser keeps cookies and follows redirects.
type browser struct {
	t    *testing.T
	site string
	http.Client
}

func newBrowser(t *testing.T, site string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, site, http.Client{Jar: jar}}
}

func (b *browser) do(method, path, body string) string {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(page)
}

func (b *browser) get(path string) string {
	b.t.Helper()
	return b.do(http.MethodGet, path, "")
}

var csrfInput = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)

// post sends the form of the page at a path, or of the first page where that one has no form of its own.
func (b *browser) post(path string, form url.Values) string {
	b.t.Helper()
	token := csrfInput.FindStringSubmatch(b.get(strings.Replace(path, "/accounts/logout/", "/", 1)))
	if token == nil {
		b.t.Fatalf("%s has no form", path)
	}
	if form == nil {
		form = url.Values{}
	}
	form.Set("csrfmiddlewaretoken", token[1])
	return b.do(http.MethodPost, path, form.Encode())
}
