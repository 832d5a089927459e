#!/usr/bin/env bash
# Calls between this project and gRPC's C core, both ways, over loopback: the cases of client.py and of interop/src/cases.
# Wants a Python with grpcio and grpcio-tools, named by $PYTHON (default: python3). Builds what it needs, ends by itself.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
here=$root/interop/ccore
python=${PYTHON:-python3}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work

"$python" -m grpc_tools.protoc -I "$root/interop/proto" --python_out="$work" --grpc_python_out="$work" test.proto
our_server=$(binary interop bin ccore-server)
our_client=$(binary interop bin ccore-client)

failed=0
# pair NAME CLIENT...: runs the cases against the server that was started last.
pair() {
    local name=$1
    shift
    echo "--- $name"
    timeout 300 "$@" --target "$address" || failed=$((failed + 1))
}

start ccore "$python" "$here/server.py"
# The control: what fails here is wrong in the cases.
pair "C core client, C core server" "$python" "$here/client.py"
pair "our client, C core server" "$our_client"
start ours "$our_server"
pair "C core client, our server" "$python" "$here/client.py"
pair "our client, our server" "$our_client"
still_there ours

echo "C core interop: $((4 - failed)) of 4 pairs passed"
[ "$failed" -eq 0 ]
