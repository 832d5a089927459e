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
