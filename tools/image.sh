#!/usr/bin/env bash
# Builds the Dockerfile without a Docker engine and without a registry, and runs what came out as a container runtime would:
# read-only, as the image's user. It stands in for golang:1.26 with this machine's Go toolchain, under the same name. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
	echo 'image: must be run by root: it builds without a daemon, and mounts what it built' >&2
	exit 1
fi
packages=()
for program in buildah:buildah busybox:busybox-static unshare:util-linux ip:iproute2 qemu-aarch64-static:qemu-user-static; do
	command -v "${program%:*}" >/dev/null || packages+=("${program#*:}")
done
[ -f /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
if [ ${#packages[@]} -gt 0 ]; then
	apt-get update -qq >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null </dev/null
fi

work=$(mktemp -d)
cleanup() {
	buildah umount --all >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
# A store of our own: nothing is left over, and nobody else's images are touched.
buildah() { command buildah --root "$work/store" --runroot "$work/run" --storage-driver vfs "$@"; }

fail() {
	echo "image: $*" >&2
	exit 1
}

# stand_in makes golang:1.26 from the toolchain, a shell, and the modules that go.mod names, in the layout of a module proxy.
stand_in() {
	local container root
	container=$(buildah from scratch)
	root=$(buildah mount "$container")
	mkdir -p "$root"/{bin,tmp,etc/ssl/certs,usr/local} && chmod 1777 "$root/tmp"
	cp "$(command -v busybox)" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
	cp -r "$(go env GOROOT)" "$root/usr/local/go"
	GOMODCACHE=$work/modules GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" GOFLAGS=-modcacherw go mod download
	cp -r "$work/modules/cache/download" "$root/modules"
	buildah config --env PATH=/usr/local/go/bin:/bin --env GOPROXY=file:///modules --env GOTOOLCHAIN=local "$container"
	buildah commit -q --rm "$container" golang:1.26 >/dev/null
}

# expect compares a field of the image's configuration with what it must be.
expect() {
	local got
	got=$(buildah inspect --type image --format "{{.Docker.Config.$1}}" django-sidecar)
	[ "$got" = "$2" ] || fail "$1 is $got, not $2"
	echo "$1 = $got"
}

echo '== a stand-in for golang:1.26'
stand_in
echo '== the Dockerfile'
# bud builds for a platform, under a name. In Docker's format: OCI's has no HEALTHCHECK. Debian's buildah does not know by
# itself which platform it runs on.
bud() {
	buildah bud --isolation chroot --format docker --pull-never --no-cache --timestamp 0 --platform "$1" \
		--build-arg BUILDPLATFORM="linux/$(go env GOARCH)" \
		--build-arg VERSION=proof --build-arg COMMIT=0123456789ab --tag "$2" . </dev/null
}
bud "linux/$(go env GOARCH)" django-sidecar

echo '== what it made'
expect User 65532:65532
expect Entrypoint '[/django-sidecar]'
expect Cmd '[serve]'
expect Healthcheck.Test '[CMD /django-sidecar healthcheck]'
expect ExposedPorts 'map[8100/tcp:{} 8101/tcp:{}]'

root=$(buildah mount "$(buildah from --pull-never django-sidecar)")
files=$(cd "$root" && find . -type f | sort | tr '\n' ' ')
[ "$files" = './django-sidecar ./etc/ssl/certs/ca-certificates.crt ' ] || fail "it holds $files"
size=$(du -sb "$root" | cut -f1)
[ "$size" -le $((25 * 1024 * 1024)) ] || fail "it has $size bytes, which is more than 25 MB"
echo "size = $size bytes: $files"

echo '== running it: read-only, as 65532, without capabilities, in a network of its own'
tools/image_run.sh "$root"
echo '== once more: the same bytes'
bud "linux/$(go env GOARCH)" again >/dev/null
# The layers: the configuration of Docker's format names the container that it was made in.
layers() { buildah inspect --type image --format '{{.OCIv1.RootFS.DiffIDs}}' "$1"; }
[ "$(layers django-sidecar)" = "$(layers again)" ] || fail "two builds have the layers $(layers django-sidecar) and $(layers again)"
echo "layers = $(layers again)"

echo '== for arm64, started by an emulator'
bud linux/arm64 django-sidecar-arm64 >/dev/null
arm=$(buildah mount "$(buildah from --pull-never --platform linux/arm64 django-sidecar-arm64)")
[ "$(buildah inspect --type image --format '{{.OCIv1.Architecture}}' django-sidecar-arm64)" = arm64 ] || fail 'the image does not say arm64'
[ "$(od -An -tx1 -j18 -N2 "$arm/django-sidecar" | tr -d ' ')" = b700 ] || fail 'the program is none of arm64'
# A user-mode emulator knows the program's own system calls alone, so that this is a start and no proof.
said=$(env -i qemu-aarch64-static "$arm/django-sidecar" version)
[[ $said == 'django-sidecar proof (commit 0123456789ab,'* ]] || fail "version says $said"
echo "$said"
env -i TMPDIR="$work" SIDECAR_LISTEN=127.0.0.1:0 SIDECAR_ADMIN_LISTEN=127.0.0.1:0 timeout --signal=TERM 20 \
	qemu-aarch64-static "$arm/django-sidecar" demo >"$work/demo" 2>&1 || true
grep -q sessionid= "$work/demo" || fail "the demo says $(cat "$work/demo")"
echo 'demo makes its database and serves'
echo 'image: ok'
