#!/usr/bin/env bash
# Installs what `make test-browser` needs: Chromium from Debian, and from npm the driver of the test and the rules of
# accessibility that it checks, which want Node 20 or newer.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
puppeteer=24.43.1
axe=4.14.1

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

if ! command -v chromium >/dev/null; then
	as_root apt-get update -qq >/dev/null
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null </dev/null
fi

dir=$cache/browser stamp="puppeteer-core $puppeteer, axe-core $axe"
if [ "$(cat "$dir/complete" 2>/dev/null)" != "$stamp" ]; then
	rm -rf "$dir" && mkdir -p "$dir"
	(cd "$dir" && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts \
		"puppeteer-core@$puppeteer" "axe-core@$axe")
	echo "$stamp" >"$dir/complete"
fi
