#!/usr/bin/env bash
# Installs what `make test-browser` needs: Chromium from Debian, unless there is one or a Chrome, and from npm the driver of the
# test and the rules of accessibility that it checks. Node is there by tools/setup.sh. What is there is left alone.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
puppeteer=24.43.1
axe=4.14.1

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Ubuntu has Chromium as a snap alone, under a second name. `command -v` would find the function below.
has_chromium() { type -P chromium || type -P chromium-browser || type -P google-chrome; }

chromium() {
	has_chromium >/dev/null && return
	say "apt-get install chromium"
	as_root apt-get update -qq >/dev/null &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null </dev/null
}

driver() {
	local dir=$cache/browser stamp="puppeteer-core $puppeteer, axe-core $axe"
	[ "$(cat "$dir/complete" 2>/dev/null)" != "$stamp" ] || return 0
	say "$stamp, from npm"
	rm -rf "$dir" && mkdir -p "$dir" &&
		(cd "$dir" && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts \
			"puppeteer-core@$puppeteer" "axe-core@$axe" </dev/null) &&
		echo "$stamp" >"$dir/complete"
}

missing=0
if ! chromium; then
	say "missing: Chromium or Chrome: apt-get install chromium, or https://www.google.com/chrome"
	missing=1
fi
if ! driver; then
	say "missing: puppeteer-core and axe-core: npm could not install them into $cache/browser"
	missing=1
fi
exit $missing
