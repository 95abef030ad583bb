#!/usr/bin/env bash
# Runs the image's file system as a container runtime does, read-only and as the image's user: image_run.sh ROOT. Needs root.
set -euo pipefail
root=${1:?the file system}
if [ "${2:-}" != inside ]; then
	# Mounts, ports and processes of our own: all of them end with this script.
	exec unshare --mount --net --pid --fork --kill-child "$0" "$root" inside
fi

fail() {
	echo "image: $*" >&2
	exit 1
}

# contained runs the image's program with no environment but these variables: contained [NAME=VALUE]... COMMAND
contained() { exec env -i "${@:1:$#-1}" "$chroot" --userspec=65532:65532 --groups= "$root" /django-sidecar "${@: -1}"; }
chroot=$(command -v chroot)

# ready waits until the image's own health check is content.
ready() {
	local _
	for _ in {1..100}; do
		(contained "$@" healthcheck) >/dev/null 2>&1 && return
		sleep 0.1
	done
	fail "not ready: $( (contained "$@" healthcheck) 2>&1)"
}

# stop ends the program as a runtime does, and wants it to end well.
stop() {
	kill -TERM "$1"
	wait "$1" || fail "stopped with $?"
}

ip link set lo up
mkdir -p "$root/tmp" "$root/data" # mount points, which a runtime makes
echo '127.0.0.1 localhost' >"$root/etc/hosts" # a runtime writes this one too
mount --bind "$root" "$root"
mount -t tmpfs -o size=16m,mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o size=16m,mode=755 tmpfs "$root/data"
mount -o remount,bind,ro "$root"
touch "$root/x" 2>/dev/null && fail 'the root can be written to'

[[ $( (contained version) ) == 'django-sidecar proof (commit 0123456789ab,'* ]] || fail 'version does not say what was built'
[[ $( (contained serve) 2>&1) == *DJANGO_SECRET_KEY*DATABASE_URL* ]] || fail 'serve without settings does not name them'
(contained healthcheck) 2>/dev/null && fail 'healthy without a server'
echo 'version, settings and healthcheck answer'

# demo, with the one thing that it needs: a /tmp.
(contained demo) >"$root/data/demo.out" 2>"$root/data/demo.err" &
demo=$!
ready
cookie=$(sed -n "s/.*-H '\(Cookie: [^']*\)'.*/\1/p" "$root/data/demo.out" | head -n 1)
answer=$(busybox wget -q -O - --header "$cookie" http://127.0.0.1:8100/authenticate)
[[ $answer == *'"result":true'* ]] || fail "the demo answers $answer"
cp "$root"/tmp/django-sidecar-demo-*/db.sqlite3 "$root/data/"
chmod 644 "$root/data/db.sqlite3"
stop "$demo"
[ -z "$(ls -A "$root/tmp")" ] || fail 'the demo left something behind'
echo 'demo serves, answers, stops and cleans up'

# serve, with nowhere at all to write.
umount "$root/tmp"
mount -o remount,ro "$root/data"
settings=(DJANGO_SECRET_KEY=a-secret-key-of-the-proof DATABASE_URL=sqlite:////data/db.sqlite3
	SIDECAR_LISTEN=0.0.0.0:8100 SIDECAR_ADMIN_LISTEN=0.0.0.0:8101 DJANGO_TIME_ZONE=Europe/Berlin)
(contained "${settings[@]}" serve) 2>/dev/null &
serve=$!
ready "${settings[@]}"
answer=$(busybox wget -q -O - http://127.0.0.1:8100/authenticate 2>&1 || true)
[[ $answer == *401* ]] || fail "serve answers $answer"
stop "$serve"
echo 'serve serves without a writable file system, and stops'
