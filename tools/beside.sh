#!/usr/bin/env bash
# Runs two commands side by side: beside.sh 'make a' 'make b'. What the first prints comes when both have ended; what a
# failed one has printed last comes at the very end. Fails where either fails.
set -uo pipefail
first=$(mktemp) second=$(mktemp)
trap 'rm -f "$first" "$second"' EXIT

bash -c "$1" >"$first" 2>&1 </dev/null &
running=$!
trap 'kill "$running"; exit 130' INT TERM
bash -c "$2" 2>&1 | tee "$second"
ended=$?
wait "$running"
failed=$?

cat "$first"
for_the_end() {
	printf '\n== failed: %s\n' "$1"
	tail -n 200 "$2"
}
[ "$ended" = 0 ] || for_the_end "$2" "$second"
[ "$failed" = 0 ] || for_the_end "$1" "$first"
[ "$ended" = 0 ] && [ "$failed" = 0 ]
