#!/usr/bin/env bash
# Runs fuzz targets, each for so many seconds, and says how fast they were: fuzz/run.sh SECONDS [TARGET..] (all without names).
#
# Needs cargo-fuzz (`cargo install cargo-fuzz --locked`; CARGO_FUZZ names one that is not on the path), and nightly; where there is none, the
# toolchain that there is, told to take itself for one. What is found goes to fuzz/artifacts, what is kept to fuzz/corpus. Exits non-zero when a
# target crashed, hung (TIMEOUT seconds for one input, default 10), or grew beyond its memory (RSS megabytes in all, default 1024).
set -euo pipefail
cd "$(dirname "$0")"
[ $# -ge 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
seconds=$1
shift
fuzz=${CARGO_FUZZ:-cargo-fuzz}
rss=${RSS:-1024}
# No single allocation needs more: the largest pool of loans is 16 MiB.
malloc=256

toolchain=()
if cargo +nightly --version >/dev/null 2>&1; then
    toolchain=(+nightly)
else
    export RUSTC_BOOTSTRAP=1
fi
# As `cargo fuzz` runs it, with the toolchain that cargo would choose for it.
cargo_fuzz() {
    cargo "${toolchain[@]}" fuzz "$@"
}
PATH=$(dirname "$(command -v "$fuzz")"):$PATH

(cd .. && cargo run --quiet -p fuzz-targets --bin seeds -- fuzz/corpus)
cargo_fuzz build --sanitizer "${SANITIZER:-address}"
if [ $# -eq 0 ]; then
    mapfile -t targets < <(cargo_fuzz list)
else
    targets=("$@")
fi

failed=()
for target in "${targets[@]}"; do
    options=(-max_total_time="$seconds" -max_len=4096 -timeout="${TIMEOUT:-10}" -rss_limit_mb="$rss" -malloc_limit_mb="$malloc" -print_final_stats=1)
    case $target in
        server_bytes | client_bytes | frame_reader | hpack_* | grpc_deframing | metadata_and_status) options+=(-dict=dictionaries/h2.dict) ;;
        http1 | tls_stage) options+=(-dict="dictionaries/$target.dict") ;;
    esac
    log=$(mktemp)
    if cargo_fuzz run --sanitizer "${SANITIZER:-address}" "$target" -- "${options[@]}" >"$log" 2>&1; then
        stat() { sed -n "s/^stat::$1: *//p" "$log"; }
        printf '%-20s %10s executions, %7s a second, peak %4s MB\n' \
            "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" "$(stat peak_rss_mb)"
    else
        failed+=("$target")
        printf '%-20s FAILED\n' "$target"
        tail -n 60 "$log"
    fi
    rm -f "$log"
done
[ "${#failed[@]}" -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
