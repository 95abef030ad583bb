#!/usr/bin/env bash
# Gives the Go module another path, everywhere: tools/rename-module.sh example.org/django-sidecar
set -euo pipefail
new=${1:?the new path of the module, such as example.org/django-sidecar}
case $new in
*[!A-Za-z0-9._/~-]* | /* | */ | *//*) echo "$new is not the path of a module" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
# The program is called as the module is. So only a path to a folder of Go is the module's: what the program tells
# databases, web servers and traces of itself, and the folders of its caches, stay as they are.
OLD=$(go list -m -f '{{.Path}}')
FOLDERS=$(find . -mindepth 2 -name '*.go' | cut -d/ -f2 | sort -u | paste -sd'|' -)
export OLD FOLDERS NEW=$new
files() { find . \( -name .git -o -name node_modules \) -prune -o -type f -name "$1" -print0; }
# perl, since the sed of macOS has other expressions.
files '*.go' | xargs -0 perl -pi -e 's{"\Q$ENV{OLD}\E/(?=(?:(?:$ENV{FOLDERS})\b[a-z0-9_/-]*)?")}{"$ENV{NEW}/}g'
files go.mod | xargs -0 perl -pi -e 's{^(module |replace |require |\t)\Q$ENV{OLD}\E(?![\w.-])}{$1$ENV{NEW}}'
files '*.md' | xargs -0 perl -pi -e 's{(?<![\w./-])\Q$ENV{OLD}\E(?=/(?:$ENV{FOLDERS})\b)}{$ENV{NEW}}g;
	s{^(\s*(?:require|replace) )\Q$ENV{OLD}\E(?= )}{$1$ENV{NEW}}'
# Import rules, and what formats imports.
perl -pi -e 's{(?<=[ ,\[])\Q$ENV{OLD}\E/}{$ENV{NEW}/}g; s{(module-path: |\[)\Q$ENV{OLD}\E(?=\]?$)}{$1$ENV{NEW}}' .golangci.yml
echo "The module is $new. Run gofmt and make docs, say in docs/library.md where its home is, and commit."
