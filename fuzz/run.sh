#!/usr/bin/env bash
# Runs fuzz targets, each for so many seconds, and says how fast they were: fuzz/run.sh SECONDS [TARGET..] (all without names).
#
# Needs cargo-fuzz (`cargo install cargo-fuzz --locked`) and a nightly toolchain; where there is none, the one that there is takes itself for one.
# Makes the seeds first (fuzz/corpus). Exits non-zero when a target crashed, leaked, hung (TIMEOUT seconds for one input, default 10) or grew
# (RSS megabytes in all, default 512); the input is in fuzz/artifacts then. TOOLCHAIN names another toolchain; SANITIZER=none is
# faster, and finds no leaks.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")"
seconds=$1
shift
command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz --locked" >&2; exit 2; }

export RUSTC_BOOTSTRAP=1
toolchain=(+"${TOOLCHAIN:-nightly}")
cargo "${toolchain[@]}" --version >/dev/null 2>&1 || toolchain=()
# What was freed is kept aside for a moment, to find its late use; with little of it, growth shows as growth.
export ASAN_OPTIONS=quarantine_size_mb=16:${ASAN_OPTIONS-}

sanitizer=(--sanitizer "${SANITIZER:-address}")

(cd .. && cargo run --quiet -p fuzz-targets --bin seeds -- fuzz/corpus)
cargo "${toolchain[@]}" fuzz build "${sanitizer[@]}"
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo "${toolchain[@]}" fuzz list)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
stat() { sed -n "s/^stat::$1: *//p" "$log"; }

failed=()
for target in "${targets[@]}"; do
    # No single allocation needs 256 MB: the largest pool of loans has 16 MiB.
    options=(-max_total_time="$seconds" -max_len=4096 -timeout="${TIMEOUT:-10}"
        -rss_limit_mb="${RSS:-512}" -malloc_limit_mb=256 -print_final_stats=1)
    case $target in
        http1 | tls_stage) options+=(-dict="dictionaries/$target.dict") ;;
        *_operations | *_machine) ;;
        *) options+=(-dict=dictionaries/h2.dict) ;;
    esac
    # Per second of the processor's time as well: other work on the machine does not count in that.
    if cpu=$({ TIMEFORMAT='%U %S'; time cargo "${toolchain[@]}" fuzz run "${sanitizer[@]}" "$target" -- "${options[@]}" >"$log" 2>&1; } 2>&1); then
        executions=$(stat number_of_executed_units)
        printf '%-20s %9s executions, %6s a second (%s a second of processor time), peak %3s MB\n' "$target" "$executions" \
            "$(stat average_exec_per_sec)" "$(awk -v n="$executions" '{ printf "%d", n / ($1 + $2) }' <<<"$cpu")" "$(stat peak_rss_mb)"
    else
        failed+=("$target")
        printf '%-20s FAILED\n' "$target"
        grep -v '^ *#[0-9]' "$log" | tail -n 40
    fi
done
[ "${#failed[@]}" -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
