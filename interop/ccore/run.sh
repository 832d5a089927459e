#!/usr/bin/env bash
# Calls between this project and gRPC's C core, both ways, over loopback: the cases of client.py and of interop/src/cases.
# Wants a Python with grpcio and grpcio-tools, named by $PYTHON (default: python3). Builds what it needs, ends by itself.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
here=$root/interop/ccore
python=${PYTHON:-python3}
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work

"$python" -m grpc_tools.protoc -I "$root/interop/proto" --python_out="$work" --grpc_python_out="$work" \
    test.proto orca.proto orca_service.proto
our_server=$(binary interop bin interop-server)
our_client=$(binary interop bin interop-client)
certificates

# pairs TLS: everybody with everybody.
pairs() {
    local tls=$1 rt
    start "ccore-$tls" "$python" "$here/server.py" ${tls_server[$tls]}
    # The control: what fails here is wrong in the cases.
    pair "C core client, C core server, tls $tls" "$python" "$here/client.py" --target "$address" ${tls_python[$tls]}
    for rt in $runtimes; do
        pair "our client ($rt), C core server, tls $tls" "$our_client" --rt "$rt" --test_case all $(flags "$tls")
    done
    for rt in $runtimes; do
        start "ours-$rt-$tls" "$our_server" --rt "$rt" ${tls_server[$tls]}
        pair "C core client, our server ($rt), tls $tls" "$python" "$here/client.py" --target "$address" ${tls_python[$tls]}
        still_there "ours-$rt-$tls"
    done
}

for tls in $transports; do
    pairs "$tls"
done
closing "C core"
