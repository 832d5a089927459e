#!/usr/bin/env bash
# HTTP/2 conformance of the core as a server: every case of h2spec, strict ones included, against h2-server,
# on both runtimes (or those named by $RUNTIMES).
# Wants h2spec, named by $H2SPEC (default: h2spec on the path).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

server=$(binary interop bin h2-server)

# spec RUNTIME: every case against h2-server on it.
spec() {
    local log=$work/h2spec-$1.log code=0 tests all
    start "h2-server-$1" "$server" --rt "$1" --port 0
    timeout 600 "${H2SPEC:-h2spec}" -h 127.0.0.1 -p "${address##*:}" -P / -o 2 -S >"$log" 2>&1 || code=$?
    # When a case fails: what was expected and what came, without the list of all the others.
    sed -n '/^Failures:/,$p' "$log"
    echo "$1: $(tail -n 1 "$log")"
    still_there "h2-server-$1"
    # "146 tests, 146 passed, 0 skipped, 0 failed"
    tests=$(sed -n 's/^\([0-9]*\) tests, .*/\1/p' "$log")
    all="$tests tests, $tests passed, 0 skipped, 0 failed"
    if [ "$code" -ne 0 ] || [ "${tests:-0}" -lt 146 ] || ! grep -qxF "$all" "$log"; then
        echo "h2spec: not every case passed on $1 (exit $code)" >&2
        return 1
    fi
}

for runtime in $runtimes; do
    spec "$runtime"
done
