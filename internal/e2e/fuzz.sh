#!/usr/bin/env bash
# fuzz.sh MODULE TIME: runs each fuzz target of a module for that long, one after the other. A crasher becomes a seed in
# the package's testdata/fuzz, and the script goes on and fails at its end.
set -euo pipefail
cd "$1"
failed=0
for dir in $(go list -f '{{.Dir}}' ./...); do
  for target in $(cd "$dir" && go test -run '^$' -list '^Fuzz' . 2>/dev/null | grep '^Fuzz' || true); do
    echo "== $target in ${dir#"$PWD"/}, $2"
    (cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$2" -parallel 2 .) || failed=1
  done
done
exit $failed
