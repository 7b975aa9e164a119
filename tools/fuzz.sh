#!/bin/bash
# Gives every fuzz target of the module FUZZTIME (10s), one per core at a time, and one
# line each. What is found is written to testdata beside the target, as a test from then on.
set -euo pipefail

one() {
    local result
    if result=$(go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-10s}" -parallel 1 "./$1" 2>&1); then
        :
    # Before 1.27 Go may take the end of the time for a failure: https://go.dev/issue/75804.
    # It names no input then, as it does for what it found.
    elif ! grep -q '^    context deadline exceeded$' <<<"$result" || grep -qi 'failing input\|seed corpus' <<<"$result"; then
        printf '%s\n' "$result"
        return 1
    fi
    printf 'ok  %s %s: %s\n' "$1" "$2" "$(grep -o 'execs: [0-9]*' <<<"$result" | tail -n 1)"
}

if [ $# -eq 2 ]; then
    one "$@"
    exit
fi
git grep -o '^func Fuzz[[:alnum:]_]*' -- '*_test.go' | sed -E 's|/[^/]*:func | |' | xargs -P "$(nproc)" -L 1 "$0"
