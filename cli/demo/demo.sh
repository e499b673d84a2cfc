#!/usr/bin/env bash
# The demonstration: a private MariaDB filled with forum-like data, loaded into every layout.
#
#     demo.sh BUILD_DIRECTORY [RECORDS]
#
# Everything lives in a temporary directory that is gone afterwards, also after an interrupt; the
# server is ended by its process id.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)

if [ "${1:-}" != --beside-server ]; then
  [ $# -ge 1 ] || {
    sed -n '2,/^set -/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
  }
  echo "== starting a private MariaDB"
  exec "$here/../../tests/kit/private_mariadb.sh" run -- "$0" --beside-server "$@"
fi
build=$(cd "$2" && pwd -P)
records=${3:-200000}

find_built() {
  local path
  for path in "$build/cli/$1" "$build/cli/demo/$1" "$build/$1" "$build/bin/$1"; do
    [ -x "$path" ] && echo "$path" && return
  done
  echo "demo.sh: $build has no $1: build it first (cmake --build $build)" >&2
  return 1
}
strata=$(find_built strata)
fill=$(find_built strata-demo-fill)
socket=$STRATA_TEST_MYSQL_SOCKET
user=$STRATA_TEST_MYSQL_USER

client() {
  mariadb --no-defaults --socket="$socket" --user="$user" --default-character-set=utf8mb4 \
    --local-infile=1 "$@"
}

echo "== filling it: $records records of forum data, a row a pair"
client -e "CREATE DATABASE demo CHARACTER SET utf8mb4; CREATE TABLE demo.pairs (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  outer_key VARCHAR(255) NOT NULL, inner_key VARCHAR(255) NOT NULL, seq INT NOT NULL,
  k VARCHAR(255), v TEXT,
  updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))"
"$strata" gen forum --records "$records" | "$fill" | client demo -e "
  SET SESSION unique_checks = 0, foreign_key_checks = 0;
  LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE pairs CHARACTER SET utf8mb4
    (outer_key, inner_key, seq, k, v)"
client demo -e "ALTER TABLE pairs ADD KEY by_entry (outer_key, inner_key, seq),
  ADD KEY by_time (updated_at, id); ANALYZE TABLE pairs" >/dev/null
client demo -e "SELECT COUNT(*) AS table_rows, COUNT(DISTINCT outer_key) AS outers,
  COUNT(DISTINCT outer_key, inner_key) AS entries FROM pairs"

# The socket's path as a URL's parameter: what is not plain is escaped.
encoded=$(printf %s "$socket" | sed 's/%/%25/g; s/&/%26/g; s/+/%2B/g; s/ /%20/g; s/#/%23/g')
url="mysql://$user@localhost/demo?table=pairs&socket=$encoded"

echo "== loading it: strata load 'mysql://$user@localhost/demo?table=pairs&socket=…' --progress"
"$strata" load "$url" --progress

echo "== what it costs in each layout: strata compare 'mysql://…' --progress"
"$strata" compare "$url" --progress
echo "== done; the server is ended and its directory removed"
echo "   what costs what stands above the layers; $strata --help says what else there is"
