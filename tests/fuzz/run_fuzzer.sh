#!/bin/sh
# run_fuzzer.sh FUZZER CORPUS: runs a libFuzzer program for STRATA_FUZZ_SECONDS (30 if unset) from
# the corpus kept in the repository. New inputs go to FUZZER.found/, where the next run finds them;
# an input that fails is left in FUZZER.crashes/ and belongs into the corpus.
set -eu

fuzzer=$1
corpus=$2
[ -d "$corpus" ] || { echo "run_fuzzer.sh: no corpus $corpus" >&2; exit 1; }
mkdir -p "$fuzzer.found" "$fuzzer.crashes"
exec "$fuzzer" -max_total_time="${STRATA_FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=4096 \
     -print_final_stats=1 -artifact_prefix="$fuzzer.crashes/" "$fuzzer.found" "$corpus"
