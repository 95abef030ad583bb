package djangotest

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"testing"
)

// nginxMain is what Debian's nginx.conf is around conf.d, without what needs root.
const nginxMain = `daemon off;
worker_processes 2;
pid nginx.pid;
error_log stderr info;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include %s;
}
`

// Nginx starts nginx with deploy/nginx/django-sidecar.conf.
func Nginx(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	replace := []string{deployedSidecar, route.Sidecar, deployedApplication, route.Application}
	if route.Preflight {
		replace = append(replace, "/auth/nginx;", "/auth/nginx?preflight=1;")
	}
	return g.runNginx("django-sidecar.conf", port, replace...)
}

// NginxHTTP2 is Nginx, for clients that speak HTTP/2 without TLS, and nothing else.
func NginxHTTP2(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	return g.runNginx("django-sidecar.conf", port, deployedSidecar, route.Sidecar, deployedApplication,
		route.Application,
		"listen 8080;", fmt.Sprintf("listen 127.0.0.1:%d http2;", port)) // it stands before runNginx's own, and wins
}

// NginxMedia starts nginx with deploy/nginx/media.conf, and with files as the folder that has MEDIA_ROOT in it:
// "media/a.txt" is a file of MEDIA_ROOT, and "a.txt" lies outside.
func NginxMedia(tb testing.TB, route GatewayRoute, files map[string]string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	for name, text := range files {
		name = path.Join("shop", name)
		// The account must reach the files, and reads them alone.
		if err := os.MkdirAll(g.path(path.Dir(name)), 0o755); err != nil {
			tb.Fatal(err)
		}
		g.write(name, text)
	}
	return g.runNginx("media.conf", port, deployedSidecar, route.Sidecar, deployedApplication, route.Application,
		"/srv/shop/", g.path("shop")+"/")
}

// NginxGrafana starts nginx with deploy/nginx/grafana.conf, and with other names for groups: pairs of what stands
// there and what is to stand there.
func NginxGrafana(tb testing.TB, route GatewayRoute, grafana string, groups ...string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	return g.runNginx("grafana.conf", port, append(groups, deployedSidecar, route.Sidecar, deployedApplication, route.Application,
		"127.0.0.1:3000", grafana)...)
}

// NginxOf starts nginx with a file of this repository, in which pairs of texts are replaced, and "listen 8080;".
func NginxOf(tb testing.TB, name string, replace ...string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	return g.runNginxFile(name, port, replace...)
}

// runNginx starts nginx with a file of deploy/nginx.
func (g *Gateway) runNginx(name string, port int, replace ...string) *Gateway {
	g.tb.Helper()
	return g.runNginxFile("deploy/nginx/"+name, port, replace...)
}

func (g *Gateway) runNginxFile(name string, port int, replace ...string) *Gateway {
	g.tb.Helper()
	program := serverProgram(g.tb, "nginx", "nginx")
	g.copyFile(name, append(replace, "listen 8080;", fmt.Sprintf("listen 127.0.0.1:%d;", port))...)
	g.write("nginx.conf", fmt.Sprintf(nginxMain, path.Base(name)))
	return g.run(func() *exec.Cmd {
		return exec.Command(program, "-p", g.dir, "-e", "stderr", "-c", g.path("nginx.conf"))
	})
}

// NginxPlain starts an nginx that has nothing but a proxy_pass to the sidecar, and buffers requests or does not.
func NginxPlain(tb testing.TB, sidecar string, buffering bool) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	onOff := map[bool]string{true: "on", false: "off"}[buffering]
	return g.runNginxFile("testdata/gateways/nginx-plain.conf", port, deployedSidecar, sidecar,
		"proxy_request_buffering on;", "proxy_request_buffering "+onOff+";")
}

// NginxBeforeTwo starts an nginx that shares requests between two sidecars.
func NginxBeforeTwo(tb testing.TB, sidecars [2]string) *Gateway {
	tb.Helper()
	g, port := newGateway(tb)
	return g.runNginxFile("testdata/gateways/nginx-two.conf", port, deployedSidecar, sidecars[0], "127.0.0.1:8200",
		sidecars[1])
}
