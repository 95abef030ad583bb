#!/usr/bin/env bash
# Installs real applications made with Django from PyPI, for the tests that have them write their own settings: each in an environment of
# its own. uv does it, in a minute where pip takes ten. Whatever an application depends on is of the day that is named here. With
# `all`, the large ones too, which tests of every day leave out.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/django-sidecar/applications-django
uv=0.13.9
day=2026-11-27

# The folder's name in testdata/projects, the Pythons that will do, the packages.
applications='
wagtail        3.13,3.12      wagtail==8.0.1
oscar          3.13,3.12      django-oscar==4.2.1 psycopg2-binary==2.9.13 redis==8.1.0
djangocms      3.13,3.12      django-cms==5.1.3 packaging==26.3 mysqlclient==2.3.1
mezzanine      3.9,3.10       Mezzanine==6.1.1 setuptools==80.9.0
openwisp       3.13,3.12      openwisp-users==1.3.2 Django==5.2.* django-reversion==6.4.0 psycopg2-binary==2.9.13
pretalx        3.13,3.12      pretalx==2026.2.1 psycopg[binary]==3.3.9
coldfront      3.12,3.13      coldfront==1.1.10
accounts       3.13,3.12      django-allauth==65.22.1 django-two-factor-auth==1.18.1 phonenumbers==9.0.43 django-hijack==3.7.9 django-axes==8.3.1 django-guardian==3.5.2 django-user-sessions==2.0.0 django-authtools==2.1.0 djangorestframework==3.18.3 djangorestframework-simplejwt==5.5.1 psycopg2-binary==2.9.13 setuptools==80.9.0
spirit         3.13,3.12      django-spirit==0.14.3 mysqlclient==2.3.1
tenants        3.13,3.12      django-tenants==4.0.1 psycopg2-binary==2.9.13
'
large='
misago         3.12           misago==0.39.6
'

say() { printf 'setup: %s\n' "$*" >&2; }

# interpreter prints the first of some Pythons, by version, that is installed.
interpreter() {
	local version python
	for version; do
		for python in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/"python$version" \
			"$HOME/.local/share/uv/python/cpython-$version".*/bin/"python$version" \
			"$(command -v "python$version" || true)"; do
			# A shim of pyenv is there for every version, and works for some.
			if [ -x "$python" ] && "$python" -c 'import venv' 2>/dev/null; then
				echo "$python"
				return
			fi
		done
	done
	return 1
}

mkdir -p "$cache"
exec 9>"$cache/lock" && flock 9 # two at a time would spoil each other's environments
export UV_CACHE_DIR=$cache/cache # environments share files with it and with one another

installer=$cache/uv-$uv/bin/uv
if ! "$installer" --version >/dev/null 2>&1; then
	"${cache%/*}/venv/django-6.1/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: --target "$cache/uv-$uv" "uv==$uv"
fi

missing=0
while read -r name pythons packages; do
	[ -n "$name" ] || continue
	dir=$cache/$name stamp="$pythons $packages $day"
	[ "$(cat "$dir/complete" 2>/dev/null)" != "$stamp" ] || continue
	# shellcheck disable=SC2086 # a list
	if ! python=$(interpreter ${pythons//,/ }); then
		say "missing: Python $pythons for $name: pyenv install ${pythons%%,*}, or uv python install ${pythons%%,*}"
		missing=1
		continue
	fi
	say "$name under $("$python" --version)"
	"$installer" venv -q --clear -p "$python" "$dir"
	# shellcheck disable=SC2086 # a list
	if "$installer" pip install -q -p "$dir" --exclude-newer "$day" $packages; then
		echo "$stamp" >"$dir/complete"
	else
		missing=1
	fi
done <<<"$applications$([ "${1:-}" != all ] || echo "$large")"
rm -rf "$UV_CACHE_DIR"
exit $missing
