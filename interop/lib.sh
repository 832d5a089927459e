# For the scripts beside it, to be sourced: builds programs of the workspace, starts servers, and ends them with the script.
# What is built is the profile $PROFILE, dev (the default) or release.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
servers=()

finish() {
    local pid
    for pid in "${servers[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

# binary PACKAGE KIND NAME: builds a program (KIND is bin or example) and prints its path.
binary() {
    local profile=${PROFILE:-dev} folder=${CARGO_TARGET_DIR:-$root/target}
    (cd "$root" && cargo build --quiet --profile "$profile" --package "$1" "--$2" "$3") >&2 || return
    if [ "$profile" = dev ]; then folder=$folder/debug; else folder=$folder/$profile; fi
    if [ "$2" = example ]; then folder=$folder/examples; fi
    echo "$folder/$3"
}

# start NAME COMMAND...: starts a server, waits until it prints "listening on ADDRESS", and puts that into $address.
# Its output is in $work/NAME.log.
start() {
    local name=$1 log=$work/$1.log line i
    shift
    # There before the server is: it is read at once.
    : >"$log"
    "$@" >"$log" 2>&1 &
    servers+=($!)
    for ((i = 0; i < 300; i++)); do
        line=$(sed -n 's/^listening on //p' "$log" | head -n 1)
        if [ -n "$line" ]; then
            address=$line
            return
        fi
        kill -0 "${servers[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "$name did not start listening:" >&2
    cat "$log" >&2
    return 1
}

# still_there NAME: fails, with the log, when the server that was started last has ended.
still_there() {
    kill -0 "${servers[-1]}" 2>/dev/null && return
    echo "$1 has ended:" >&2
    cat "$work/$1.log" >&2
    return 1
}

# Our runtimes, and whether TLS is used.
runtimes=${RUNTIMES:-std smol}
transports=${TLS:-false true}
failed=0
pairs=0

# pair NAME COMMAND...: runs a client's cases, which end within five minutes, and counts how it went.
pair() {
    local name=$1
    shift
    echo "--- $name"
    pairs=$((pairs + 1))
    if ! timeout 300 "$@"; then
        failed=$((failed + 1))
        echo "--- $name: FAILED"
    fi
}

# closing PEER: says how many pairs passed; fails if one did not.
closing() {
    echo "$1: $((pairs - failed)) of $pairs pairs passed"
    [ "$failed" -eq 0 ]
}

# certificates: makes those of a server for foo.test.google.fr and of who signed it, and fills $tls_server, $tls_client and
# $tls_python, by "true" and "false", with the flags that name them.
declare -A tls_server=([false]="") tls_client=([false]="") tls_python=([false]="")
certificates() {
    [[ $transports == *true* ]] || return 0
    "$(binary interop bin make-certificates)" "$work"
    tls_server[true]="--use_tls true --tls_cert_file $work/server.pem --tls_key_file $work/server.key"
    tls_client[true]="--use_tls=true --use_test_ca=true --ca_file=$work/ca.pem --server_host_override=foo.test.google.fr"
    tls_python[true]="--ca_file $work/ca.pem --server_host_override foo.test.google.fr"
}

# flags TLS: how an official client is told of the server that was started last.
flags() {
    echo "--server_host=${address%:*} --server_port=${address##*:} ${tls_client[$1]}"
}
