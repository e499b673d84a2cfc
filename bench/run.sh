#!/usr/bin/env bash
# Runs the short benchmark table and records it.
#
#     bench/run.sh BUILD_DIR [--benchmark_…]
#
# Prints the table that README shows and writes bench/results/short-COMMIT.json, Google
# Benchmark's own form with machine, compiler, flags, allocator and commit in its context, and
# short-COMMIT.md, the table. Without a MariaDB server the loading from MySQL is left out. Takes
# about two minutes.
set -eu

build=${1:?usage: bench/run.sh BUILD_DIR [--benchmark_...]}
shift
build=$(cd "$build" && pwd -P)
cd "$(dirname "$0")/.."
# A relative path, where that is possible: what is recorded names no folder of this machine.
program=${build#"$PWD"/}/bench/suites/strata_bench
[ -x "$program" ] || {
  echo "bench: no $program: build with -DSTRATA_BUILD_BENCHMARKS=ON" >&2
  exit 1
}

commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
if [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null || true)" ]; then
  commit=$commit-dirty
fi
results=bench/results
mkdir -p "$results"
scratch=$(mktemp -d "$results/.run.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

with_server=()
if PATH="$PATH:/usr/sbin" command -v mariadbd >/dev/null; then
  with_server=(tests/kit/private_mariadb.sh run --)
else
  echo "bench: no mariadbd, so without loading from MySQL" >&2
fi

# Repeated in turn and the median taken: other work on the machine comes and goes.
${with_server[@]+"${with_server[@]}"} "$program" --table --benchmark_filter='/forum/200000/' \
  --benchmark_repetitions=3 --benchmark_report_aggregates_only=true --benchmark_min_time=0.2 \
  --benchmark_context=commit="$commit" --benchmark_out_format=json \
  --benchmark_out="$scratch/out.json" "$@" | tee "$scratch/table.md"
[ "${PIPESTATUS[0]}" -eq 0 ] || exit 1

# Which machine it was stands in the context as its processor; its name is nobody's business.
sed -e '/"host_name":/d' -e 's|"executable": ".*/|"executable": "|' "$scratch/out.json" \
  >"$scratch/named.json"
mv "$scratch/named.json" "$results/short-$commit.json"
mv "$scratch/table.md" "$results/short-$commit.md"
echo
echo "written: $results/short-$commit.json, $results/short-$commit.md" >&2
