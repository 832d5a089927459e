#!/usr/bin/env bash
# HTTP/2 conformance of the core as a server: every case of h2spec, strict ones included, against h2-server.
# Wants h2spec, named by $H2SPEC (default: h2spec on the path).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

server=$(binary interop bin h2-server)
start h2-server "$server" --port 0
set +e
timeout 600 "${H2SPEC:-h2spec}" -h 127.0.0.1 -p "${address##*:}" -P / -o 2 -S >"$work/h2spec.log" 2>&1
code=$?
set -e
# When a case fails: what was expected and what came, without the list of all the others.
sed -n '/^Failures:/,$p' "$work/h2spec.log"
tail -n 1 "$work/h2spec.log"
still_there h2-server
# "146 tests, 146 passed, 0 skipped, 0 failed"
tests=$(sed -n 's/^\([0-9]*\) tests, .*/\1/p' "$work/h2spec.log")
all="$tests tests, $tests passed, 0 skipped, 0 failed"
if [ "$code" -ne 0 ] || [ "${tests:-0}" -lt 146 ] || ! grep -qxF "$all" "$work/h2spec.log"; then
    echo "h2spec: not every case passed (exit $code)" >&2
    exit 1
fi
