package charts_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"

	"django-sidecar/internal/djangotest"
)

const patience = 2 * time.Minute // on a busy machine; what is right takes a second

// kubelet runs a container of a pod with the real binary: its variables, its mounted files, its ports and its probes.
type kubelet struct {
	program   string
	pod       *corev1.PodSpec
	container corev1.Container
	sources   map[string]map[string]string // ConfigMaps and Secrets of the cluster, by their name
	volumes   string                       // a folder; the files of a Secret are in a folder of its name
}

// build compiles the program as the Dockerfile does.
func build(tb testing.TB) string {
	tb.Helper()
	program := filepath.Join(tb.TempDir(), "django-sidecar")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-C", root, "-buildvcs=false", "-o", program, "./cmd/django-sidecar")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v\n%s", err, output)
	}
	return program
}

// sidecarOf finds the sidecar in the only Deployment of a stream. Its ConfigMaps are added to the sources.
func sidecarOf(tb testing.TB, program string, o *objects, sources map[string]map[string]string) *kubelet {
	tb.Helper()
	if len(o.Deployments) != 1 {
		tb.Fatalf("%d Deployments, want one", len(o.Deployments))
	}
	for _, c := range o.ConfigMaps {
		sources[c.Name] = c.Data
	}
	k := &kubelet{program: program, pod: &o.Deployments[0].Spec.Template.Spec, sources: sources, volumes: tb.TempDir()}
	all := containers(k.pod)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == "django-sidecar" })
	if i < 0 {
		tb.Fatal("no container django-sidecar")
	}
	k.container = all[i]
	return k
}

// mount makes the folders that the container mounts, with the files of Secrets, where hostPath finds them.
func (k *kubelet) mount(tb testing.TB) {
	tb.Helper()
	if media := k.variables(tb)["DJANGO_MEDIA_ROOT"]; media != "" { // Django has made it
		if err := os.MkdirAll(k.hostPath(media), 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	for _, m := range k.container.VolumeMounts {
		i := slices.IndexFunc(k.pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			tb.Fatalf("no volume %s", m.Name)
		}
		if k.pod.Volumes[i].EmptyDir != nil {
			if err := os.MkdirAll(k.hostPath(m.MountPath), 0o700); err != nil {
				tb.Fatal(err)
			}
		}
		if k.pod.Volumes[i].Secret == nil {
			continue
		}
		files, ok := k.sources[k.pod.Volumes[i].Secret.SecretName]
		if !ok {
			tb.Fatalf("there is no Secret %s", k.pod.Volumes[i].Secret.SecretName)
		}
		if items := k.pod.Volumes[i].Secret.Items; items != nil {
			chosen := map[string]string{}
			for _, item := range items {
				content, ok := files[item.Key]
				if !ok {
					tb.Fatalf("the Secret has no key %s", item.Key)
				}
				chosen[item.Path] = content
			}
			files = chosen
		}
		for name, content := range files {
			path := filepath.Join(k.hostPath(m.MountPath), name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				tb.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o400); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// hostPath is where a file of the container is on this machine.
func (k *kubelet) hostPath(path string) string {
	for _, m := range k.container.VolumeMounts {
		if rest, inside := strings.CutPrefix(path, m.MountPath); inside && (rest == "" || rest[0] == '/') {
			return filepath.Join(k.volumes, m.Name, rest)
		}
	}
	return path
}

// variables are the container's, as the kubelet makes them: k8s.io/kubernetes v1.37.2, pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables.
func (k *kubelet) variables(tb testing.TB) map[string]string {
	tb.Helper()
	all := map[string]string{}
	for _, from := range k.container.EnvFrom {
		name := ""
		if from.ConfigMapRef != nil {
			name = from.ConfigMapRef.Name
		} else {
			name = from.SecretRef.Name
		}
		source, ok := k.sources[name]
		if !ok {
			tb.Fatalf("envFrom names %s, which is not there", name)
		}
		for variable, value := range source {
			all[from.Prefix+variable] = value
		}
	}
	for _, variable := range k.container.Env {
		all[variable.Name] = expansion.Expand(variable.Value, expansion.MappingFuncFor(all))
	}
	return all
}

// environment is what the process gets here: files where they are on this machine, and listeners on free ports of the loopback.
func (k *kubelet) environment(tb testing.TB) []string {
	tb.Helper()
	var environ []string
	for name, value := range k.variables(tb) {
		if strings.HasSuffix(name, "_LISTEN") {
			value = "127.0.0.1:0"
		} else {
			value = k.hostPath(value)
		}
		environ = append(environ, name+"="+value)
	}
	return environ
}

func (k *kubelet) command(tb testing.TB, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), k.program, args...)
	cmd.Env = k.environment(tb)
	return cmd
}

// running is the started container.
type running struct {
	*kubelet
	cmd       *exec.Cmd
	addresses map[int32]string // of each port of the container, on this machine
	logged    chan struct{}    // closed once its log has ended
}

// start runs the container until the end of the test, and learns from its log where it listens.
func (k *kubelet) start(tb testing.TB) *running {
	tb.Helper()
	r := &running{kubelet: k, cmd: k.command(tb, k.container.Args...), addresses: map[int32]string{}, logged: make(chan struct{})}
	log, err := r.cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var lines []string // until it serves
	serving := make(chan map[string]string, 1)
	go func() {
		defer close(r.logged)
		defer close(serving)
		for scanner := bufio.NewScanner(log); scanner.Scan(); {
			var event map[string]any
			if lines = append(lines, scanner.Text()); json.Unmarshal(scanner.Bytes(), &event) == nil && event["msg"] == "serving" {
				serving <- textsOf(event)
				break
			}
		}
		_, _ = io.Copy(io.Discard, log) // so that it never waits for us
	}()
	select {
	case event, ok := <-serving:
		if !ok {
			tb.Fatalf("it ended: %v\n%q", r.cmd.Wait(), lines)
		}
		for name, key := range map[string]string{"SIDECAR_LISTEN": "listen", "SIDECAR_ADMIN_LISTEN": "admin_listen", "SIDECAR_GRPC_LISTEN": "grpc_listen"} {
			if address := k.variables(tb)[name]; address != "" {
				r.addresses[portIn(tb, address)] = event[key]
			}
		}
	case <-time.After(patience):
		tb.Fatal("it neither serves nor ends")
	}
	return r
}

func textsOf(event map[string]any) map[string]string {
	texts := map[string]string{}
	for name, value := range event {
		texts[name], _ = value.(string)
	}
	return texts
}

func portIn(tb testing.TB, address string) int32 {
	tb.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		tb.Fatal(err)
	}
	number, err := net.DefaultResolver.LookupPort(tb.Context(), "tcp", port)
	if err != nil {
		tb.Fatal(err)
	}
	return int32(number)
}

// probe asks as the kubelet does, and tells whether the probe has succeeded.
func (r *running) probe(tb testing.TB, p *corev1.Probe) bool {
	tb.Helper()
	if p.Exec != nil {
		return r.exec(tb, p.Exec.Command)
	}
	port := portOf(r.pod, p.HTTPGet.Port)
	if r.addresses[port] == "" {
		tb.Fatalf("a probe asks port %s, where nobody listens", p.HTTPGet.Port.String())
	}
	scheme := "http"
	if p.HTTPGet.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	// The kubelet checks no certificate and has none: k8s.io/kubernetes v1.37.2, pkg/probe/http/http.go, New.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	got := status(tb, &client, scheme+"://"+r.addresses[port]+p.HTTPGet.Path, "")
	return got >= 200 && got < 400
}

// exec runs a command of the image in the container, and tells whether it has succeeded.
func (r *running) exec(tb testing.TB, command []string) bool {
	tb.Helper()
	if command[0] != "/django-sidecar" {
		tb.Fatalf("the image has no %s", command[0])
	}
	cmd := r.command(tb, command[1:]...)
	cmd.Env = append(cmd.Env, "SIDECAR_ADMIN_LISTEN="+r.addresses[portNamed(tb, r.container, "auth-admin")]) // the last one counts
	output, err := cmd.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) || cmd.ProcessState.ExitCode() == 2 {
		tb.Fatalf("%q: %v\n%s", command, err, output)
	}
	return err == nil
}

// certificates are a Secret of the type kubernetes.io/tls, and with it a client's pair.
func certificates(tb testing.TB) map[string]string {
	tb.Helper()
	authority := djangotest.NewAuthority(tb)
	secret := map[string]string{"ca.crt": authority.PEM}
	secret["tls.crt"], secret["tls.key"] = authority.Issue(tb, x509.ExtKeyUsageServerAuth, time.Hour)
	secret["client.crt"], secret["client.key"] = authority.Issue(tb, x509.ExtKeyUsageClientAuth, time.Hour)
	return secret
}

// terminate is what the kubelet does after preStop.
func (r *running) terminate(tb testing.TB) {
	tb.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
}

func (r *running) wait(tb testing.TB) {
	tb.Helper()
	<-r.logged
	if err := r.cmd.Wait(); err != nil {
		tb.Errorf("it stopped with %v, want exit code 0", err)
	}
}

// status is the status of an answer.
func status(tb testing.TB, client *http.Client, url, cookie string) int {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	response, err := client.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode
}

// eventually polls until something is so.
func eventually(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("not %s within %s", what, patience)
		}
	}
}
