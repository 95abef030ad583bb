#!/usr/bin/env bash
# Gives the Go module another path, everywhere: tools/rename-module.sh example.org/django-sidecar
set -euo pipefail
new=${1:?the new path of the module, such as example.org/django-sidecar}
case $new in
*[!A-Za-z0-9._/~-]* | /* | */ | *//*) echo "$new is not the path of a module" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
old=$(go list -m -f '{{.Path}}')
old_re=${old//./\\.}
# Imports and paths in quotes; the modules' own files; import rules, and what a linker sets.
find . -name .git -prune -o -type f -name '*.go' -print0 | xargs -0 sed -i "s#\"$old_re\(/[a-z0-9_/-]*\)\?\"#\"$new\1\"#g"
find . -name .git -prune -o -type f -name go.mod -print0 |
	xargs -0 sed -i "s#^\(module \|replace \|require \|\t\)$old_re\b#\1$new#"
sed -i "s#\([ ,[]\)$old_re/#\1$new/#g; s#module-path: $old_re\$#module-path: $new#; s#\[$old_re\]#[$new]#" .golangci.yml
echo "The module is $new. Run gofmt and make docs, and commit."
