package djangotest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Application is a server behind a gateway. Each of its answers says in X-Place what has served the request: "admin",
// "accounts", "static" or "other".
type Application struct{ Name, Addr string }

// StartApplications starts the same application in servers that read paths in different ways: Tomcat, Jetty and
// Undertow, Express 5 and 4, and Go's ServeMux. They end with the test.
func StartApplications(tb testing.TB) []Application {
	tb.Helper()
	applications := append(javaApplications(tb), expressApplications(tb)...)
	return append(applications, Application{Name: "go", Addr: goApplication(tb)})
}

func javaApplications(tb testing.TB) []Application {
	tb.Helper()
	program := serverProgram(tb, "java", "default-jdk-headless")
	jars := installed(tb, "applications", "java")
	source := filepath.Join(RepositoryPath(), "testdata", "applications", "java", "Application.java")
	return portedApplications(tb, []string{"tomcat", "jetty", "undertow"}, func(dir string, ports []string) *exec.Cmd {
		// -Xrs: otherwise it survives the SIGQUIT by which it is to end with the tests.
		args := []string{
			"-Xrs", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=" + dir, "-cp",
			filepath.Join(jars, "*"), source,
		}
		return exec.Command(program, append(args, ports...)...)
	})
}

func expressApplications(tb testing.TB) []Application {
	tb.Helper()
	program := serverProgram(tb, "node", "nodejs")
	modules := filepath.Join(installed(tb, "applications", "express"), "node_modules")
	source := filepath.Join(RepositoryPath(), "testdata", "applications", "express", "application.js")
	return portedApplications(tb, []string{"express", "express 4"}, func(_ string, ports []string) *exec.Cmd {
		return exec.Command(program, append([]string{source, modules}, ports...)...)
	})
}

// JavaClients is a folder with the jars of testdata/clients/java.
func JavaClients(tb testing.TB) string {
	tb.Helper()
	serverProgram(tb, "java", "default-jdk-headless")
	return installed(tb, "clients", "java")
}

// installed is where tools/setup-gateways.sh puts what programs of testdata need.
func installed(tb testing.TB, kind, name string) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(cache, "django-sidecar", kind, name)
	if _, err := os.Stat(filepath.Join(dir, "complete")); err != nil {
		tb.Fatalf("no %s: run tools/setup-gateways.sh", dir)
	}
	return dir
}

// portedApplications starts a program that listens on a port for each name.
func portedApplications(tb testing.TB, names []string, command func(dir string, ports []string) *exec.Cmd) []Application {
	tb.Helper()
	var applications []Application
	var ports []string
	for _, name := range names {
		port := mustFreePort(tb)
		ports = append(ports, strconv.Itoa(port))
		applications = append(applications, Application{Name: name, Addr: loopback(port)})
	}
	s := newSmallServer(tb)
	s.account.switchTo = false // what it needs lies in our own cache
	s.command = func() *exec.Cmd { return command(s.dir, ports) }
	s.ready = func(ctx context.Context) error {
		for _, a := range applications {
			answer, err := askLine(ctx, "tcp", a.Addr, "GET / HTTP/1.0\r\n\r\n")
			if err == nil && !strings.Contains(answer, " 200") {
				err = fmt.Errorf("%s answers %q", a.Name, answer)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	s.Start()
	return applications
}

// goApplication serves with net/http's ServeMux.
func goApplication(tb testing.TB) string {
	tb.Helper()
	mux := http.NewServeMux()
	for pattern, place := range map[string]string{"/admin/": "admin", "/accounts/": "accounts", "/static/": "static", "/": "other"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Place", place) })
	}
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
