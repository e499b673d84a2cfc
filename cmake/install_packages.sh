#!/bin/sh
# install_packages.sh SET...: installs those packages of the named sets (cmake/packages.txt) that
# are not there yet, and nothing else. With everything there it does nothing, as any user; where
# something is missing and the caller is not root, it says in one line what to run.
set -eu

list=$(dirname "$0")/packages.txt
wanted=
for set_name in "$@"; do
  names=$(sed -n "s/^$set_name //p" "$list")
  if [ -z "$names" ]; then
    echo "deps: $list names no package of a set '$set_name'" >&2
    exit 2
  fi
  wanted="$wanted $names"
done

if ! command -v dpkg-query >/dev/null; then
  echo "deps: no dpkg here; install what corresponds to$wanted, then use cmake's presets" >&2
  exit 1
fi

missing=
for package in $wanted; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "deps: missing; run as root: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
install() {
  apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 $missing </dev/null
}

# A fresh container has no package lists, an old one stale ones: fetch them only then.
known=$(apt-cache policy $missing 2>/dev/null | grep -c '^  Candidate: [^(]' || true)
if [ "$known" -eq "$(echo $missing | wc -w)" ] && install; then
  exit 0
fi
apt-get update </dev/null
install
