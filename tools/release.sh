#!/usr/bin/env bash
# Makes a release of the commit that is checked out: release.sh v1.2.3 [FOLDER]. It publishes nothing. The same commit and compiler give the
# same bytes, whatever the folder and the day are. PLATFORMS names what is built, such as "linux/amd64".
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-} out=${2:-dist}
platforms=${PLATFORMS:-linux/amd64 linux/arm64 darwin/arm64}

fail() {
	echo "release: $*" >&2
	exit 1
}

[[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || fail "a version looks like v1.2.3 or v1.2.3-rc.1, and not like \"$tag\""
[ -z "$(git status --porcelain)" ] || fail "these files are not committed: $(git status --porcelain | head -n 5)"
[ "$(git rev-parse -q --verify "refs/tags/$tag^{commit}")" = "$(git rev-parse HEAD)" ] ||
	fail "$tag is no tag of this commit: git tag -s $tag -m 'django-sidecar $tag'"
export MAINTAINER=${MAINTAINER:-} # for nfpm
address='^[^<>]+ <[^[:space:]<>@]+@[^[:space:]<>@]+>$'
[[ $MAINTAINER =~ $address ]] || fail "MAINTAINER says who answers for the packages: MAINTAINER='Name <address>', and not \"$MAINTAINER\""
grep -q "^## ${tag#v}" CHANGELOG.md || fail "CHANGELOG.md has no part \"## ${tag#v}\": give \"## Unreleased\" that name"
[ ! -e "$out" ] || [ -z "$(ls -A "$out")" ] || fail "$out is not empty"

version=${tag#v}
commit=$(git rev-parse --short=12 HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
umask 022
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # build GOOS GOARCH FILE
	CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$tag -X main.commit=$commit" -o "$3" ./cmd/django-sidecar
}

# archive packs a folder: the same names and contents give the same bytes. archive FOLDER FILE
archive() {
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=gnu -C "$(dirname "$1")" -cf - "$(basename "$1")" | gzip -6n >"$2"
}

# The tools, at the versions of tools/release/go.mod, and the same on each machine, since the list of materials has the hash of its maker.
CGO_ENABLED=0 go build -C tools/release -buildvcs=false -trimpath -o "$work/bin/" \
	github.com/goreleaser/nfpm/v2/cmd/nfpm github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
config=$PWD/tools/release/nfpm.yaml

# What is the same on all platforms is made by a program of this one.
build "$(go env GOHOSTOS)" "$(go env GOHOSTARCH)" "$work/here"
common=$work/common
mkdir -p "$common/completions"
cp LICENSE README.md CHANGELOG.md deploy/systemd/django-sidecar.service "$common"
"$work/here" man >"$common/django-sidecar.1"
"$work/here" completion bash >"$common/completions/django-sidecar.bash"
"$work/here" completion zsh >"$common/completions/_django-sidecar"
"$work/here" completion fish >"$common/completions/django-sidecar.fish"

for platform in $platforms; do
	os=${platform%/*} arch=${platform#*/}
	name=django-sidecar_${version}_${os}_$arch
	echo "== $name"
	stage=$work/$name
	cp -r "$common" "$stage"
	build "$os" "$arch" "$stage/django-sidecar"
	# What is in the program, as the compiler wrote it there. GitHub attests no list without a serial number, which is the program's own here:
	# a UUID of version 8 (RFC 9562), so that the same program has the same one.
	hash=$(sha256sum <"$stage/django-sidecar")
	serial=${hash:0:8}-${hash:8:4}-8${hash:13:3}-8${hash:17:3}-${hash:20:12}
	"$work/bin/cyclonedx-gomod" bin -json -std -serial "$serial" -notimestamp -version "$tag" -output "$stage/bom.cdx.json" "$stage/django-sidecar" 2>"$work/cyclonedx.log" ||
		fail "cyclonedx-gomod: $(cat "$work/cyclonedx.log")"
	archive "$stage" "$out/$name.tar.gz"
	cp "$stage/bom.cdx.json" "$out/bom-$os-$arch.cdx.json"
	[ "$os" = linux ] || continue
	gzip -9nk "$stage/django-sidecar.1"
	cp tools/release/after-change.sh "$stage"
	for packager in deb rpm; do
		(cd "$stage" && ARCH=$arch VERSION=$version "$work/bin/nfpm" package --config "$config" --packager "$packager" --target "$out/" >"$work/nfpm.log" 2>&1) ||
			fail "nfpm: $(cat "$work/nfpm.log")"
	done
done

echo '== the chart'
cp -r deploy/helm/django-sidecar "$work/django-sidecar"
rm -rf "$work/django-sidecar/ci" # as .helmignore says
sed -i "s/^version: .*/version: $version/; s/^appVersion: .*/appVersion: \"$version\"/" "$work/django-sidecar/Chart.yaml"
archive "$work/django-sidecar" "$out/django-sidecar-chart-$version.tgz"

(cd "$out" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
cat "$out/SHA256SUMS"
