package charts_test

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"django-sidecar/internal/config"
	"django-sidecar/internal/demo/demotest"
)

const secretKey = "a-secret-key-that-only-this-test-has"

// shapes are the ways to deploy the sidecar, each as the stream of what is applied.
var shapes = map[string]func(t *testing.T) string{
	"Helm, a service":                       func(t *testing.T) string { return helm(t, chart, nil) },
	"Helm, a service with settings by hand": func(t *testing.T) string { return helm(t, chart, valueSets(t)["by-hand"]) },
	"Helm, beside Django":                   func(t *testing.T) string { return helm(t, parent, nil) },
	"Kustomize, beside Django":              func(t *testing.T) string { return built(t, "django") },
	"Helm, a service with TLS":              func(t *testing.T) string { return helm(t, chart, valueSets(t)["tls"]) },
	"Helm, a service for certified clients": func(t *testing.T) string { return helm(t, chart, valueSets(t)["exec"]) },
	"Helm, a service with gRPC and a cache": func(t *testing.T) string { return helm(t, chart, valueSets(t)["monitored"]) },
	"Helm, a service with uploads":          func(t *testing.T) string { return helm(t, chart, valueSets(t)["uploads"]) },
	"Kustomize, a service":                  func(t *testing.T) string { return built(t, "service") },
}

func helm(t *testing.T, dir string, values map[string]any) string {
	t.Helper()
	files, err := rendered(t, dir, values)
	if err != nil {
		t.Fatal(err)
	}
	return stream(files)
}

// cluster is what an operator has applied before: settings and secrets, as settings-script writes them.
func cluster(t *testing.T, program, database string) map[string]map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "keys")
	cmd.Env = []string{"DJANGO_SECRET_KEY=" + secretKey}
	keys, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"session-keys": string(keys), "database-url": "sqlite:///" + database}
	settings := map[string]string{
		"DJANGO_SESSION_KEYS_FILE": "/run/secrets/django-sidecar/session-keys", "DATABASE_URL_FILE": "/run/secrets/django-sidecar/database-url",
	}
	both := maps.Clone(settings) // the Secret and the ConfigMap, which have the same name
	maps.Copy(both, files)
	pair := certificates(t)
	return map[string]map[string]string{
		"django": files, "django-sidecar": both, "django-sidecar-settings": settings, "django-sidecar-tls": pair, "django-sidecar-admin-tls": pair,
	}
}

// TestContainersRun starts each shape's container before its database, as a pod may, gives it the database, asks it, and stops it.
func TestContainersRun(t *testing.T) {
	program := build(t)
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := filepath.Join(t.TempDir(), "db.sqlite3")
			k := sidecarOf(t, program, read(t, shape(t)), cluster(t, program, database))
			k.mount(t)
			r := k.start(t)
			if !r.probe(t, r.container.StartupProbe) {
				t.Error("not started without a database: Django could not start and make it")
			}
			if r.probe(t, r.container.ReadinessProbe) {
				t.Error("ready without a database")
			}
			if !r.probe(t, r.container.LivenessProbe) {
				t.Error("not alive without a database: it would be restarted")
			}
			visits := demotest.Database(t, database, secretKey)
			eventually(t, "ready", func() bool { return r.probe(t, r.container.ReadinessProbe) })
			ask := func() {
				for _, v := range visits {
					want := http.StatusUnauthorized
					if v.Alive {
						want = http.StatusOK
					}
					if got := r.status(t, portNamed(t, r.container, "auth"), "/authenticate", v.Cookie); got != want {
						t.Errorf("%s: got %d, want %d", v.Title, got, want)
					}
				}
			}
			ask()
			r.askOtherwise(t, visits)
			r.terminate(t)
			eventually(t, "not ready any more", func() bool { return !r.probe(t, r.container.ReadinessProbe) })
			if !r.probe(t, r.container.LivenessProbe) {
				t.Error("not alive while it drains: it would be killed")
			}
			ask() // who has not heard yet is still served
			r.wait(t)
			if log := r.variables(t)["SIDECAR_AUDIT_LOG"]; strings.HasPrefix(log, "/") {
				if text := readFile(t, r.hostPath(log)); !strings.Contains(text, `"event":"started"`) || !strings.Contains(text, `"event":"stopped"`) {
					t.Errorf("the audit log has %q", text)
				}
			}
		})
	}
}

// TestStopFitsItsTime adds up what a stop may take: the kubelet ends with SIGKILL what is left then.
func TestStopFitsItsTime(t *testing.T) {
	for name, shape := range shapes {
		k := sidecarOf(t, "", read(t, shape(t)), map[string]map[string]string{"django-sidecar": {}, "django-sidecar-settings": {}})
		drain, err := time.ParseDuration(k.variables(t)["SIDECAR_DRAIN_DELAY"])
		if err != nil {
			t.Fatal(err)
		}
		uploads, err := time.ParseDuration(cmp.Or(k.variables(t)["SIDECAR_UPLOAD_DRAIN"], "60s")) // its default
		if err != nil {
			t.Fatal(err)
		}
		asleep := seconds(k.container.Lifecycle.PreStop.Sleep.Seconds)
		for what, d := range map[string]time.Duration{"preStop": asleep, "SIDECAR_DRAIN_DELAY": drain} {
			if d < 2*time.Second {
				t.Errorf("%s: %s is %v: gateways take longer to hear of a pod's end", name, what, d)
			}
		}
		if len(k.pod.InitContainers) > 0 { // both sleep at once, and the sidecar stops when Django has
			const gunicorn = 30 * time.Second // graceful_timeout
			asleep = max(asleep, seconds(k.pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds)+gunicorn)
		}
		if needs, has := asleep+drain+uploads, seconds(*k.pod.TerminationGracePeriodSeconds); has < needs {
			t.Errorf("%s: the pod has %v to stop, and may need %v", name, has, needs)
		}
	}
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// TestListeners: each listener of the environment is a port of the container and no other is, and the kubelet reaches the admin port.
func TestListeners(t *testing.T) {
	sets := valueSets(t)
	shapes := map[string]func(*testing.T) string{"Helm, beside Django": shapes["Helm, beside Django"]}
	for name, values := range sets {
		shapes["Helm, "+name] = func(t *testing.T) string { return helm(t, chart, values) }
	}
	for name, shape := range shapes {
		k := sidecarOf(t, "", read(t, shape(t)), map[string]map[string]string{"django-sidecar": {}, "django-sidecar-settings": {}})
		listen := 0
		for variable, value := range k.variables(t) {
			port, isListener := map[string]string{"SIDECAR_LISTEN": "auth", "SIDECAR_ADMIN_LISTEN": "auth-admin", "SIDECAR_GRPC_LISTEN": "auth-grpc"}[variable]
			if !isListener {
				continue
			}
			listen++
			host := ""
			if port == "auth-admin" && k.container.ReadinessProbe.Exec != nil { // the kubelet does not come to it
				host = "127.0.0.1"
			}
			if got, want := portIn(t, value), portNamed(t, k.container, port); got != want || !strings.HasPrefix(value, host+":") {
				t.Errorf("%s: %s=%s, and port %s is %d", name, variable, value, port, want)
			}
		}
		if listen != len(k.container.Ports) {
			t.Errorf("%s: %d listeners and %d ports", name, listen, len(k.container.Ports))
		}
	}
}

// TestVariables: each variable of the container is a setting, and arrives as it was written.
func TestVariables(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known[s.Name] = true
	}
	for name, values := range valueSets(t) {
		k := sidecarOf(t, "", read(t, helm(t, chart, values)), map[string]map[string]string{"django-sidecar": {}, "django-sidecar-settings": {}})
		for variable := range k.variables(t) {
			if !known[variable] && variable != "SSL_CERT_FILE" {
				t.Errorf("%s: %s is no setting", name, variable)
			}
		}
	}
	for text, want := range map[string]string{
		`2000000`: "2000000", `1048576000`: "1048576000", `true`: "true", `[a, "b c"]`: `["a","b c"]`, `{"x.Y": any}`: `{"x.Y":"any"}`,
		`"a \"b\" $(HOME) $$(HOME) 'c': d # e\n\té\u2028 "`: "a \"b\" $(HOME) $$(HOME) 'c': d # e\n\té\u2028 ", `'1e6'`: "1e6", `'007'`: "007", `'{{ .Values }}'`: "{{ .Values }}",
		`""`: "", `"yes"`: "yes", `"null"`: "null", `'C:\x'`: `C:\x`,
	} {
		setting := "DJANGO_AUTH_HASH_SEPARATOR"
		switch text[0] {
		case '[':
			setting = "DJANGO_AUTHENTICATION_BACKENDS"
		case '{':
			setting = "DJANGO_BACKEND_RULES"
		case 't':
			setting = "DJANGO_USE_TZ"
		case '1', '2':
			setting = "SIDECAR_UPLOAD_MAX_BYTES"
		}
		v := values(t, "settings: {"+setting+": "+text+"}")
		k := sidecarOf(t, "", read(t, helm(t, chart, v)), map[string]map[string]string{"django-sidecar": {}})
		if got := k.variables(t)[setting]; got != want {
			t.Errorf("%s arrives as %q, want %q", text, got, want)
		}
	}
}

// TestMisspeltSettingIsRefused: one that comes by a ConfigMap, which no schema sees.
func TestMisspeltSettingIsRefused(t *testing.T) {
	program := build(t)
	sources := cluster(t, program, "/nowhere")
	sources["django-sidecar"]["SIDECAR_ADMIN_LISTENS"] = ":1"
	k := sidecarOf(t, program, read(t, helm(t, chart, nil)), sources)
	k.mount(t)
	cmd := k.command(t, k.container.Args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(stderr.String(), "SIDECAR_ADMIN_LISTENS") {
		t.Errorf("got %v and %q, want exit code 2 and the name", err, &stderr)
	}
}

func portNamed(tb testing.TB, c corev1.Container, name string) int32 {
	tb.Helper()
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	tb.Fatalf("no port %s", name)
	return 0
}
