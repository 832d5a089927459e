#!/usr/bin/env bash
# gRPC's negative tests of clients: ours, on each runtime, against an HTTP/2 server that misbehaves by plan. Both judge.
# Wants a Python with h2 and grpcio-tools, named by $PYTHON (default: python3). Builds what it needs, ends by itself.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
python=${PYTHON:-python3}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work

"$python" -m grpc_tools.protoc -I "$root/interop/proto" --python_out="$work" test.proto
our_client=$(binary interop bin interop-client)

# case NAME RUNTIME: the client's view, then the server's.
both() {
    timeout 60 "$our_client" --rt "$2" --test_case "$1" $(flags false) && wait "${servers[-1]}"
}

for rt in $runtimes; do
    for case in goaway rst_after_header rst_during_data rst_after_data ping max_streams; do
        start "$case-$rt" "$python" "$root/interop/negative/server.py" --test_case "$case"
        echo "--- $case, our client ($rt)"
        pairs=$((pairs + 1))
        if ! both "$case" "$rt"; then
            failed=$((failed + 1))
            cat "$work/$case-$rt.log"
        fi
    done
done
closing "negative HTTP/2"
