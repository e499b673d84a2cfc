#!/usr/bin/env bash
# Runs PROGRAM beside a private MariaDB that speaks TLS, with certificates made for the occasion.
#
#     mysql_tls_test.sh PROGRAM [ARGUMENT …]
#
# PROGRAM finds the server as private_mariadb.sh says, and in STRATA_TEST_TLS_DIR
#     ca.pem        the authority that signed the server's certificate, which is for `localhost`
#     foreign.pem   another authority of the same name
set -eu

[ $# -ge 1 ] || {
  sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}
kit=$(cd "$(dirname "$0")/../kit" && pwd -P)
dir=$(mktemp -d "${TMPDIR:-/tmp}/strata-tls.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

authority() {
  openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 2 -subj '/CN=strata test authority' \
    -addext 'basicConstraints=critical,CA:TRUE' -keyout "$dir/$1-key.pem" -out "$dir/$1.pem" \
    2>>"$dir/log"
}
{
  authority ca && authority foreign &&
    openssl req -newkey rsa:2048 -nodes -sha256 -subj '/CN=localhost' \
      -keyout "$dir/server-key.pem" -out "$dir/server.csr" 2>>"$dir/log" &&
    printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$dir/extensions" &&
    openssl x509 -req -sha256 -days 2 -in "$dir/server.csr" -CA "$dir/ca.pem" \
      -CAkey "$dir/ca-key.pem" -CAcreateserial -extfile "$dir/extensions" \
      -out "$dir/server.pem" 2>>"$dir/log"
} || {
  cat "$dir/log" >&2
  echo "mysql_tls_test.sh: openssl made no certificates (its words are above)" >&2
  exit 1
}

status=0
STRATA_TEST_TLS_DIR=$dir "$kit/private_mariadb.sh" run --ssl-ca="$dir/ca.pem" \
  --ssl-cert="$dir/server.pem" --ssl-key="$dir/server-key.pem" -- "$@" || status=$?
exit "$status"
