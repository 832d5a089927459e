#!/usr/bin/env bash
# Load on the blocking server (the example hello-server): every call of h2load must be answered with 2xx and a whole reply.
#   interop/h2load.sh [CALLS]     calls for each message size, default 100000
# Wants h2load (Debian: nghttp2-client).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
calls=${1:-100000}

# A thousand connections are more descriptors than a shell allows by default.
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 4096 ] || ulimit -n 4096
server=$(binary examples example hello-server)
start hello-server "$server" --listen 127.0.0.1:0

# request SIZE HEX FILL: a length-prefixed HelloRequest of SIZE bytes: HEX is its field header, FILL bytes follow.
request() {
    printf '\x00'
    printf "$(printf '%08x' "$1" | sed 's/../\\x&/g')$2"
    printf 'x%.0s' $(seq "$3")
}

# load SIZE CONNECTIONS STREAMS: with the request in $work/SIZE.
load() {
    local log=$work/load.log data
    echo "--- $calls calls of $1 bytes, $3 at a time on each of $2 connections"
    timeout 300 h2load -n "$calls" -c "$2" -m "$3" -d "$work/$1" -H 'content-type: application/grpc' -H 'te: trailers' \
        "http://$address/hello.v1.HelloService/SayHello" >"$log" 2>&1 || true
    grep -E '^(finished|requests|status codes|traffic)' "$log" || cat "$log"
    still_there hello-server
    grep -qF "$calls succeeded, 0 failed, 0 errored, 0 timeout" "$log"
    grep -qE "^status codes: $calls 2xx, 0 3xx, 0 4xx, 0 5xx" "$log"
    # A refused call is a 200 without a message; each reply is longer than its request.
    data=$(sed -n 's/^traffic: .*(\([0-9]*\)) data$/\1/p' "$log")
    if [ "${data:-0}" -le $((calls * (5 + $1))) ]; then
        echo "h2load: $data bytes of messages came back: not every call had its reply" >&2
        return 1
    fi
}

request 16 '\x0a\x0e' 14 >"$work/16"
request 1024 '\x0a\xfd\x07' 1021 >"$work/1024"
for size in 16 1024; do
    load "$size" 1 100
    load "$size" 50 10
    load "$size" 1000 10
done
