#!/usr/bin/env bash
# Runs one command beside a MariaDB server of its own, and leaves nothing behind.
#
#     private_mariadb.sh run [--server-option=VALUE …] -- COMMAND [ARGUMENT …]
#
# The server listens on a Unix socket in a fresh temporary directory and on no network; options
# before the -- go to mariadbd as they are. COMMAND finds it through
#     STRATA_TEST_MYSQL_SOCKET   the socket's path
#     STRATA_TEST_MYSQL_USER     a user with all rights and no password
#     STRATA_TEST_MYSQL_DIR      the temporary directory: a place for more files, removed with it
# The status is COMMAND's. On the end of COMMAND and on INT, TERM and HUP, the command and the
# server are ended by their process ids and the directory is removed. Works as root and as an
# ordinary user; needs Debian's mariadb-server-core and mariadb-client-core.
set -u

usage() {
  sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

server_options=()
[ "${1:-}" = run ] || usage
shift
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  server_options+=("$1")
  shift
done
[ "${1:-}" = -- ] && [ $# -ge 2 ] || usage
shift

fail() {
  echo "private_mariadb.sh: $1" >&2
  exit 1
}

find_program() {
  local name
  for name in "$@"; do
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$name" && return 0
  done
  return 1
}
server_program=$(find_program mariadbd mysqld) ||
  fail "no mariadbd: apt-get install mariadb-server-core mariadb-client-core"
install_program=$(find_program mariadb-install-db mysql_install_db) ||
  fail "no mariadb-install-db: apt-get install mariadb-server-core mariadb-client-core"

dir=
server_pid=
command_pid=

# Waits up to $2 tenths of a second for process $1, a child of ours, to end.
wait_for_end() {
  local tries=$2
  while kill -0 "$1" 2>/dev/null; do
    [ "$tries" -gt 0 ] || return 1
    tries=$((tries - 1))
    sleep 0.1
  done
}

# Ends the command and what it started, which are a process group of their own: politely, then for
# certain.
end_command() {
  [ -n "$command_pid" ] || return 0
  kill -TERM -- "-$command_pid" 2>/dev/null
  wait_for_end "$command_pid" 100
  kill -KILL -- "-$command_pid" 2>/dev/null
  wait "$command_pid" 2>/dev/null
}

cleanup() {
  trap '' INT TERM HUP
  end_command
  # Nothing of the server is kept: no need to let it flush its pages.
  if [ -n "$server_pid" ]; then
    kill -KILL "$server_pid" 2>/dev/null
    wait "$server_pid" 2>/dev/null
  fi
  [ -z "$dir" ] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# A socket's path holds at most 107 bytes: where TMPDIR is deep, /tmp serves.
base=${TMPDIR:-/tmp}
[ ${#base} -le 70 ] || base=/tmp
dir=$(mktemp -d "$base/strata-mariadb.XXXXXX") || fail "cannot make a directory in $base"
dir=$(cd "$dir" && pwd -P)

as_user=()
[ "$(id -u)" -ne 0 ] || as_user=(--user=root)
# A server that starts removes the temporary tables that it finds, another's too: each has a
# directory of its own for them.
set -m # each background command gets a process group
"$install_program" --no-defaults ${as_user[@]+"${as_user[@]}"} --datadir="$dir/data" \
  --tmpdir="$dir" --auth-root-authentication-method=normal --skip-test-db \
  --innodb-log-file-size=8M \
  >"$dir/install.log" 2>&1 &
command_pid=$!
wait "$command_pid" || {
  head -n 20 "$dir/install.log" >&2
  fail "mariadb-install-db failed (its first lines are above)"
}
command_pid=

# Where this script is killed for certain, the kernel takes the server along.
die_with_us=()
! find_program setpriv >/dev/null || die_with_us=(setpriv --pdeathsig KILL)

# Durability costs time and nothing here outlives the run.
${die_with_us[@]+"${die_with_us[@]}"} "$server_program" --no-defaults \
  ${as_user[@]+"${as_user[@]}"} --datadir="$dir/data" \
  --socket="$dir/sock" --pid-file="$dir/pid" --skip-networking --innodb-log-file-size=8M \
  --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --innodb-buffer-pool-size=128M \
  --tmpdir="$dir" --max-allowed-packet=64M --local-infile=1 \
  ${server_options[@]+"${server_options[@]}"} >"$dir/server.log" 2>&1 &
server_pid=$!
tries=300
until grep -q 'ready for connections' "$dir/server.log" 2>/dev/null; do
  if [ "$tries" -eq 0 ] || ! kill -0 "$server_pid" 2>/dev/null; then
    tail -n 20 "$dir/server.log" >&2
    fail "the server did not start (its last lines are above)"
  fi
  tries=$((tries - 1))
  sleep 0.1
done

export STRATA_TEST_MYSQL_SOCKET="$dir/sock" STRATA_TEST_MYSQL_USER=root
export STRATA_TEST_MYSQL_DIR="$dir"
# In the background, so that a signal to this shell is acted on at once.
"$@" <&0 &
command_pid=$!
set +m # or the shell would report the job's end
wait "$command_pid"
status=$?
command_pid=
exit "$status"
