#!/bin/sh
# Makes the folder secrets, which compose.yaml mounts. What is there already stays.
set -eu
cd "$(dirname "$0")"
# The folder is its owner's alone. The files in it are readable by all, since each container has a user of its own.
mkdir -p -m 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # standard input, unless there is such a file
	[ -s "secrets/$1" ] || { cat >"secrets/$1.new" && chmod 444 "secrets/$1.new" && mv "secrets/$1.new" "secrets/$1"; }
}

random | keep secret-key
random | keep django-password
printf 'postgres://django:%s@db:5432/django' "$(cat secrets/django-password)" | keep django-database-url
printf 'postgres://sidecar:%s@db:5432/django' "$(random)" | keep sidecar-database-url
if [ ! -s secrets/session-keys ]; then
	keys=$(docker compose run --build --rm -T keys)
	printf '%s\n' "$keys" | keep session-keys
fi
