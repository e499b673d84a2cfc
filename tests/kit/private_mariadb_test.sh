#!/usr/bin/env bash
# private_mariadb.sh keeps its promises: the status is the command's, and after it, or after a
# signal, there is no process and no directory of it left.
set -u
script=$(dirname "$0")/private_mariadb.sh
TMPDIR=$(mktemp -d /tmp/strata-kit.XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

fail() {
  echo "FAILED: $1" >&2
  exit 1
}

nothing_left() { # after WHAT
  [ -z "$(ls -A "$TMPDIR")" ] || fail "$1: files are left: $(ls -A "$TMPDIR")"
  # (The brackets keep grep from finding itself.)
  ! grep -sla "$TMPDIR/[s]trata-mariadb" /proc/[0-9]*/cmdline 2>/dev/null | grep -q . ||
    fail "$1: a process is left"
}

"$script" run -- sh -c 'test -S "$STRATA_TEST_MYSQL_SOCKET" && exit 7'
[ $? -eq 7 ] || fail "the command's status is not handed on"
nothing_left "a command that ended"

[ "$(echo hello | "$script" run -- cat)" = hello ] || fail "standard input does not arrive"
nothing_left "a command that read"

"$script" run --no-such-option=1 -- true 2>/dev/null && fail "a server that cannot start is success"
nothing_left "a server that did not start"

for signal in INT TERM HUP; do
  # A shell without job control starts background commands with SIGINT ignored, which no shell
  # script can undo; set -m is how a script starts one as a terminal would.
  set -m
  "$script" run -- bash -c 'echo $$ >"$TMPDIR/started"; sleep 1000 & wait' &
  pid=$!
  set +m
  tries=600
  until [ -s "$TMPDIR/started" ]; do
    [ "$tries" -gt 0 ] || fail "the command did not start"
    tries=$((tries - 1))
    sleep 0.1
  done
  kill -s "$signal" "$pid"
  wait "$pid"
  [ $? -ge 128 ] || fail "$signal: the status does not tell of the signal"
  ! kill -0 "$(cat "$TMPDIR/started")" 2>/dev/null || fail "$signal: the command is left"
  rm "$TMPDIR/started"
  nothing_left "$signal"
done
echo "all promises kept"
