#!/usr/bin/env bash
# The official cases between this project and grpc-go, both ways, both runtimes, without TLS and with it, over loopback.
# Wants grpc-go's interop programs: $GO_CLIENT and $GO_SERVER (google.golang.org/grpc/interop/client and .../server).
# Builds what it needs, ends by itself.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

our_server=$(binary interop bin interop-server)
our_client=$(binary interop bin interop-client)
certificates

# What grpc-go's client has, but for credentials of Google's.
theirs=(empty_unary large_unary client_streaming server_streaming ping_pong empty_stream timeout_on_sleeping_server
    cancel_after_begin cancel_after_first_response status_code_and_message special_status_message custom_metadata
    unimplemented_method unimplemented_service pick_first_unary rpc_soak channel_soak orca_per_rpc orca_oob)
# What its server answers: it does not name itself (pick_first_unary), and has no CacheableUnaryCall.
ours=empty_unary,large_unary,client_streaming,server_streaming,ping_pong,empty_stream,timeout_on_sleeping_server
ours+=,cancel_after_begin,cancel_after_first_response,status_code_and_message,special_status_message,custom_metadata
ours+=,unimplemented_method,unimplemented_service,concurrent_large_unary,orca_per_rpc,orca_oob,rpc_soak,channel_soak

# Its client runs one case a process, and says so at length on its log. What hears of load reports there is a balancer.
balancer='{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'
their_client() {
    local case more
    for case in "${theirs[@]}"; do
        more=()
        [[ $case == orca_* ]] && more=(--service_config_json="$balancer")
        if timeout 60 "$GO_CLIENT" --test_case="$case" "${more[@]}" "$@" 2>"$work/go-client.log"; then
            echo "ok      $case"
        else
            echo "FAILED  $case"
            tail -n 3 "$work/go-client.log"
            return 1
        fi
    done
}

# their_server TLS: starts grpc-go's server, and puts its address into $address. It does not say which free port it took, so it is
# told one; where that is taken it ends, and is told another.
their_server() {
    local tls=$1 log=$work/go-server-$1.log port attempt i
    for attempt in 1 2 3; do
        port=$((20000 + RANDOM % 10000))
        "$GO_SERVER" --port="$port" --use_tls="$tls" ${tls_server[$tls]:+--tls_cert_file=$work/server.pem --tls_key_file=$work/server.key} \
            2>"$log" &
        servers+=($!)
        address=localhost:$port
        for ((i = 0; i < 100; i++)); do
            sleep 0.1
            kill -0 "${servers[-1]}" 2>/dev/null || break
            if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        done
    done
    echo "grpc-go's server did not start listening:" >&2
    cat "$log" >&2
    return 1
}

pairs() {
    local tls=$1 rt
    their_server "$tls"
    for rt in $runtimes; do
        pair "our client ($rt), grpc-go's server, tls $tls" "$our_client" --rt "$rt" --test_case "$ours" $(flags "$tls")
    done
    for rt in $runtimes; do
        start "ours-$rt-$tls" "$our_server" --rt "$rt" ${tls_server[$tls]}
        echo "--- grpc-go's client, our server ($rt), tls $tls"
        pairs=$((pairs + 1))
        their_client $(flags "$tls") || failed=$((failed + 1))
        still_there "ours-$rt-$tls"
    done
}

for tls in $transports; do
    pairs "$tls"
done
closing "grpc-go"
