package djangotest

import (
	"fmt"
	"os/exec"
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
    include django-sidecar.conf;
}
`

// Nginx starts nginx with deploy/nginx.
func Nginx(tb testing.TB, route GatewayRoute) *Gateway {
	tb.Helper()
	program := serverProgram(tb, "nginx", "nginx")
	g, port := newGateway(tb)
	g.copyFile("nginx/django-sidecar.conf", "listen 8080;", fmt.Sprintf("listen 127.0.0.1:%d;", port),
		deployedSidecar, route.Sidecar, deployedApplication, route.Application)
	g.write("nginx.conf", nginxMain)
	return g.run(func() *exec.Cmd {
		return exec.Command(program, "-p", g.dir, "-e", "stderr", "-c", g.path("nginx.conf"))
	})
}
