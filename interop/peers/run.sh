#!/usr/bin/env bash
# The official cases between this project and tonic, both ways, both runtimes, over loopback. Builds what it needs, ends by
# itself.
set -euo pipefail
. "$(dirname "$0")/../lib.sh"
folder=${PEERS_TARGET_DIR:-$root/interop/peers/target}
(cd "$root/interop/peers" && CARGO_TARGET_DIR=$folder cargo build --quiet)

our_server=$(binary interop bin interop-server)
our_client=$(binary interop bin interop-client)

# tonic's unary handlers cannot set trailers (custom_metadata), and the service has no load reports.
ours=empty_unary,large_unary,cacheable_unary,client_streaming,server_streaming,ping_pong,empty_stream,half_duplex
ours+=,timeout_on_sleeping_server,cancel_after_begin,cancel_after_first_response,status_code_and_message
ours+=,special_status_message,unimplemented_method,unimplemented_service,concurrent_large_unary,concurrent_unary
ours+=,concurrent_streams,pending_unary,pick_first_unary,rpc_soak,channel_soak

start tonic "$folder/debug/tonic-server"
for rt in $runtimes; do
    pair "our client ($rt), tonic's server" "$our_client" --rt "$rt" --test_case "$ours" $(flags false)
done
for rt in $runtimes; do
    start "ours-$rt" "$our_server" --rt "$rt"
    pair "tonic's client, our server ($rt)" "$folder/debug/tonic-client" $(flags false)
    still_there "ours-$rt"
done
closing tonic
