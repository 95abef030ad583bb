package charts_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"django-sidecar/internal/config"
)

const composed = root + "deploy/compose/"

// project is what `docker compose config` makes of files of a folder, where later ones add to earlier ones.
func project(tb testing.TB, folder string, texts ...string) (*types.Project, error) {
	tb.Helper()
	folder, err := filepath.Abs(folder)
	if err != nil {
		tb.Fatal(err)
	}
	details := types.ConfigDetails{WorkingDir: folder}
	for i, text := range texts {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join(folder, fmt.Sprintf("%d.yaml", i)), Content: []byte(text)})
	}
	return loader.LoadWithContext(tb.Context(), details, loader.WithProfiles([]string{"tools"}))
}

// composeProject is the one of compose.yaml in a folder, with what other files add.
func composeProject(tb testing.TB, folder string, files ...string) *types.Project {
	tb.Helper()
	texts := []string{readFile(tb, filepath.Join(folder, "compose.yaml"))}
	for _, file := range files {
		texts = append(texts, readFile(tb, file))
	}
	p, err := project(tb, folder, texts...)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// TestCompose: Compose takes the file, the settings in it exist, and so does what it mounts and builds.
func TestCompose(t *testing.T) {
	p := composeProject(t, composed)
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known[s.Name] = true
	}
	for _, name := range []string{"sidecar", "keys"} {
		for variable, value := range p.Services[name].Environment {
			if !known[variable] {
				t.Errorf("%s: %s is no setting", name, variable)
			}
			mounted := func(s types.ServiceSecretConfig) bool { return "/run/secrets/"+s.Source == *value }
			if strings.HasSuffix(variable, "_FILE") && !slices.ContainsFunc(p.Services[name].Secrets, mounted) {
				t.Errorf("%s: %s=%s is not mounted", name, variable, *value)
			}
		}
	}
	for name, service := range p.Services {
		for _, volume := range service.Volumes {
			if _, err := os.Stat(volume.Source); volume.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if service.Build != nil {
			if _, err := os.Stat(filepath.Join(service.Build.Context, service.Build.Dockerfile)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	made := readFile(t, composed+"make-secrets.sh")
	for name, secret := range p.Secrets {
		if !strings.Contains(made, "keep "+name+"\n") || secret.File != filepath.Join(p.WorkingDir, "secrets", name) {
			t.Errorf("make-secrets.sh does not make %s, or not there: %s", name, secret.File)
		}
	}
}

// TestBrokenCompose: what is wrong in the file is found.
func TestBrokenCompose(t *testing.T) {
	text := readFile(t, composed+"compose.yaml")
	for _, tt := range []struct{ text, wrong, fault string }{
		{"healthcheck:", "healthchecks:", ".healthchecks"},
		{"secrets: [session-keys, sidecar-database-url]", "secrets: [session-key]", "undefined secret"},
		{"sidecar: {condition: service_healthy}", "sidecars: {condition: service_healthy}", "depends on undefined service"},
		{"condition: service_healthy", "condition: healthy", "condition"},
		{"- db:/var/lib", "- data:/var/lib", "undefined volume"},
		{"read_only: true", "read_only: maybe", "read_only"},
		{"mem_limit: 128m", "mem_limit: 128 apples", "mem_limit"},
		{"127.0.0.1:8080:8080", "127.0.0.1:8080:eighty", "invalid containerPort"},
		{"stop_grace_period: 80s", "stop_grace_period: 80 s", "stop_grace_period"},
		{"<<: *django", "<<: *flask", "unknown anchor"},
	} {
		if !strings.Contains(text, tt.text) {
			t.Errorf("compose.yaml does not say %q any more", tt.text)
		}
		_, err := project(t, composed, strings.ReplaceAll(text, tt.text, tt.wrong))
		if err == nil {
			t.Errorf("%q is taken", tt.wrong)
		} else if !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: the fault is %q, want %q in it", tt.wrong, err, tt.fault)
		}
	}
}

// TestComposeNginx: the file for nginx is the one of deploy/nginx, with the addresses of the containers.
func TestComposeNginx(t *testing.T) {
	want := strings.NewReplacer("127.0.0.1:8100", "sidecar:8100", "127.0.0.1:8000", "django:8000").Replace(readFile(t, root+"deploy/nginx/django-sidecar.conf"))
	if readFile(t, composed+"django-sidecar.conf") != want {
		t.Error("deploy/compose/django-sidecar.conf is not deploy/nginx/django-sidecar.conf with the addresses sidecar:8100 and django:8000")
	}
}
