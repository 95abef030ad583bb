#!/usr/bin/env bash
# Installs what `make bench` needs beyond `make setup`: wrk from Debian, and gunicorn from PyPI. pgbench comes with PostgreSQL.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
gunicorn=27.0.1

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

if ! command -v wrk >/dev/null; then
	as_root apt-get update -qq >/dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk >/dev/null </dev/null
fi

dir=$cache/bench/gunicorn
if [ "$(cat "$dir/complete" 2>/dev/null)" != "$gunicorn" ]; then
	rm -rf "$dir" && mkdir -p "$dir"
	"$cache/venv/django-6.1/bin/python" -m pip install -q --disable-pip-version-check --target "$dir" "gunicorn==$gunicorn"
	echo "$gunicorn" >"$dir/complete"
fi
