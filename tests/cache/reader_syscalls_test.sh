#!/usr/bin/env bash
# A reading thread makes no futex call: it waits for nobody, and wakes nobody, beside a writer that
# never stops.
#
#     reader_syscalls_test.sh PROGRAM     (tests/cache/reader_syscalls.cc)
#
# Traces the program's getppid calls, with which the reading thread marks its loop, and its futex
# calls. The same program with one futex call in that loop must be found out. Status 77, for
# skipped, where there is no strace or the system permits no tracing.
set -u

program=${1:?usage: reader_syscalls_test.sh PROGRAM}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip() {
  echo "skipped: $1"
  exit 77
}
fail() {
  echo "FAILED: $1" >&2
  exit 1
}

command -v strace >/dev/null || skip "no strace: apt-get install strace"
strace -f -o "$dir/probe" -e trace=getppid true 2>"$dir/why" ||
  skip "no tracing here: $(head -n 1 "$dir/why")"

# Runs the program with arguments $2… and writes the futex calls of its reading loop to $1.
futexes_of_loop() {
  local calls=$1 reader
  shift
  strace -f --seccomp-bpf -o "$dir/trace" -e trace=futex,getppid "$program" "$@" >"$dir/out" ||
    fail "$program $*: status $?: $(cat "$dir/out")"
  reader=$(sed -n 's/^reader \([0-9]*\)$/\1/p' "$dir/out")
  [ -n "$reader" ] || fail "the program names no reading thread"
  # A line is "PID call(…) = result"; a call that another thread's interrupts is two lines.
  awk -v reader="$reader" -v calls="$calls" '
    BEGIN { printf "" >calls }
    $1 == reader && /getppid\(/ { ++marks }
    $1 == reader && /futex\(|futex resumed/ && marks == 1 { print >calls }
    END { exit marks != 2 }' "$dir/trace" ||
    fail "the trace does not show where thread $reader begins and ends its loop"
  sed -n '2p' "$dir/out"
}

futexes_of_loop "$dir/control" --with-futex
[ -s "$dir/control" ] || fail "the one futex call that the control makes was not seen"
futexes_of_loop "$dir/calls"
if [ -s "$dir/calls" ]; then
  head -n 5 "$dir/calls" >&2
  fail "the reading thread made $(wc -l <"$dir/calls") futex calls"
fi
echo "no futex call in the reading loop"
