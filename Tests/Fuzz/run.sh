#!/usr/bin/env bash
# Builds the coverage-guided fuzzers and runs each for FUZZ_SECONDS (default 60) on its seeds.
# A crash leaves its input in .build/fuzz-findings/ and ends the run with its status.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${FUZZ_SECONDS:-60}
findings=.build/fuzz-findings
mapfile -t targets < <(find Tests/Fuzz -name main.swift -printf '%h\n' | xargs -n1 basename | sort)

for target in "${targets[@]}"; do
    FUZZ=1 swift build -c release --scratch-path .build/fuzz \
        -Xswiftc -sanitize=fuzzer,address --product "$target"
    mkdir -p "$findings/$target" ".build/fuzz-corpus/$target"
    seeds=(".build/fuzz-corpus/$target")
    [ -d "Tests/Fuzz/Seeds/$target" ] && seeds+=("Tests/Fuzz/Seeds/$target")
    echo "== $target for $seconds s"
    # The backtracer would start a second program for each crash that the fuzzer means to catch.
    SWIFT_BACKTRACE=enable=no ".build/fuzz/release/$target" -max_total_time="$seconds" \
        -timeout=10 -rss_limit_mb=4096 -artifact_prefix="$findings/$target/" -print_final_stats=1 \
        "${seeds[@]}" 2>&1 | grep -E 'stat::number_of_executed_units|ERROR|SUMMARY|Done'
done
