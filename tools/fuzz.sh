#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: fuzz.sh 20s. `go test` fuzzes one target of one package at a time.
set -euo pipefail
time=${1:?how long to run each target, such as 20s}

# As lines "FILE:func FuzzName(": no list to keep, so no target to forget.
found=$(grep -rE --include='*_test.go' --exclude-dir=.git '^func Fuzz[A-Za-z0-9_]*\(' . | sort) || {
	echo 'fuzz: there is no fuzz target' >&2
	exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# out_of_time tells the fault of go test that https://go.dev/issue/75804 describes, mended in Go 1.27: the end of the time, reported as
# a failure, without a failing input.
out_of_time() {
	grep -A1 "^--- FAIL: $1 " "$log" | tail -n 1 | grep -qx '    context deadline exceeded' && ! grep -q 'Failing input written' "$log"
}

while IFS=: read -r file declaration; do
	name=${declaration#func }
	name=${name%%(*}
	echo "-- $name in $(dirname "$file")"
	# Minimising takes a minute by default, of which nothing is left for fuzzing.
	if go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 20x "$(dirname "$file")" </dev/null >"$log"; then
		cat "$log"
	elif out_of_time "$name"; then
		grep '^fuzz:' "$log" || true
		echo 'found nothing, and was out of time'
	else
		cat "$log"
		exit 1
	fi
done <<<"$found"
