#!/usr/bin/env bash
# Puts Oracle's MySQL, which Debian 12 does not have, into a folder, for the tests to run beside:
#
#     oracle_mysql.sh DIR
#     PATH="DIR/bin:$PATH" ctest --preset dev -L server
#
# Nothing is installed: apt-get fetches the server of Debian unstable and the libraries it wants
# (56 packages, 60 MB), checks them by Debian's keys and has a state of its own in DIR. In
# DIR/bin are then programs of the names by which private_mariadb.sh and the tests start a MariaDB;
# they start MySQL. Of MariaDB's options they know those that the tests use. Works as root and as an
# ordinary user.
set -eu

[ $# -eq 1 ] || {
  sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}
mkdir -p "$1"
dir=$(cd "$1" && pwd -P)
root=$dir/root

if [ ! -e "$dir/complete" ]; then
  mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
  : >"$dir/state/status"
  echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' \
    'http://deb.debian.org/debian unstable main' >"$dir/sources.list"
  options=(-qq -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o "Dir::State=$dir/state" -o "Dir::State::status=$dir/state/status"
    -o "Dir::Cache=$dir/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=
    -o APT::Install-Recommends=0)
  apt-get "${options[@]}" update
  apt-get "${options[@]}" --download-only --yes install mysql-server-core
  # Paths are as one system has them, whichever of /lib and /usr/lib a package names.
  mkdir -p "$root/usr/lib"
  ln -sfn usr/lib "$root/lib"
  ln -sfn lib "$root/usr/lib64"
  for package in "$dir"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink
  done
  touch "$dir/complete"
fi

# By its own loader and libraries, for Debian 12's are too old for it.
lib=$root/usr/lib/x86_64-linux-gnu
mkdir -p "$dir/bin"
cat >"$dir/bin/mysqld" <<END
#!/usr/bin/env bash
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$root/usr/sbin/mysqld" "\$@" \\
  --basedir="$root/usr" --secure-file-priv= --mysqlx=OFF --skip-log-bin
END
cat >"$dir/bin/mariadb-install-db" <<END
#!/usr/bin/env bash
options=(--no-defaults --initialize-insecure)
for option; do
  case \$option in --user=* | --datadir=*) options+=("\$option") ;; esac
done
exec "$dir/bin/mysqld" "\${options[@]}"
END
# MySQL makes certificates for itself; a server that was given none is to be one without TLS.
cat >"$dir/bin/mariadbd" <<END
#!/usr/bin/env bash
options=()
tls=--tls-version=
for option; do
  case \$option in
    --innodb-log-file-size=*) option=--innodb-redo-log-capacity=16M ;;
    --ssl-cert=*) tls=--tls-version=TLSv1.2,TLSv1.3 ;;
  esac
  options+=("\$option")
done
exec "$dir/bin/mysqld" "\${options[@]}" "\$tls"
END
chmod +x "$dir"/bin/*
"$dir/bin/mysqld" --no-defaults --version
