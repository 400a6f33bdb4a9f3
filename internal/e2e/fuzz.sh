#!/usr/bin/env bash
# fuzz.sh MODULE TIME [RECORD]: runs each fuzz target of a module for that long on WORKERS (two), one after the other; FUZZ
# is a pattern of "package target" to take. A crasher becomes a seed in the package's testdata/fuzz; the script goes on
# and fails at its end. RECORD gets a row for each target.
set -euo pipefail
cd "$1"
time=$2 record=${3:-/dev/null}
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
TIMEFORMAT='%U %S'
for dir in $(go list -f '{{.Dir}}' ./...); do
  for target in $(cd "$dir" && go test -run '^$' -list '^Fuzz' . 2>/dev/null | grep '^Fuzz' || true); do
    package=${dir#"$PWD"/}
    [[ "$package $target" =~ ${FUZZ:-.} ]] || continue
    echo "== $target in $package, $time"
    result=passed
    # short minimisation: it is not what the time is for
    cpu=$( { time (cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x -parallel "${WORKERS:-2}" . >"$log" 2>&1 || echo failed >>"$log") ; } 2>&1 | tail -1)
    tail -2 "$log"
    # go test ends some runs whose time is up with this error, and no input
    if [ "$(tail -1 "$log")" = failed ] && grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; then echo ok >>"$log"; fi
    if [ "$(tail -1 "$log")" = failed ]; then result=failed failed=1; cat "$log"; fi
    execs=$(grep -o 'execs: [0-9]*' "$log" | tail -1 | cut -d' ' -f2 || true)
    echo "| $package | $target | $(awk '{printf "%.1f", ($1 + $2) / 60}' <<<"$cpu") | ${execs:-0} | $(git describe --always) | $result |" >>"$record"
  done
done
exit $failed
