#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: scripts/fuzz.sh [TIME]
set -euo pipefail
cd "$(dirname "$0")/.."

duration=${1:-20s}
grep --recursive --include='*_test.go' --only-matching --with-filename --no-messages -E '^func Fuzz\w+' . |
  sort |
  while IFS=: read -r file func; do
    target=${func#func }
    echo "fuzzing $target in $(dirname "$file") for $duration" >&2
    go test -run='^$' -fuzz="^$target\$" -fuzztime="$duration" "$(dirname "$file")" </dev/null
  done
