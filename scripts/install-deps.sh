#!/usr/bin/env bash
# Installs what landlord needs on this machine, and nothing that is there
# already: scripts/install-deps.sh demo|test
#
#   demo   a PostgreSQL server and psql, from Debian
#   test   that, npm, sudo, PHP, PgBouncer (and a newer one), and PostgreSQL of every major that landlord supports
#
# Missing packages need root; everything else works as any user.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-test}
missing=()
temporary=()

# need PACKAGE TEST...: the package is missing unless the test succeeds.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

any_server() {
  compgen -G '/usr/lib/postgresql/*/bin/postgres' || command -v postgres
}

# Debian's package makes a cluster and starts it, which landlord has no use
# for, so not this time. A configuration that is there already is respected.
prevent_main_cluster() {
  local dir=/etc/postgresql-common
  [[ ! -e $dir/createcluster.conf ]] || return 0
  mkdir -p "$dir/createcluster.d"
  leave_behind_no "$dir/createcluster.d/landlord.conf"
  echo 'create_main_cluster = false' >"$dir/createcluster.d/landlord.conf"
}

# Nor is any daemon to start: tests start their own. (invoke-rc.d and
# deb-systemd-invoke ask this program; 101 is "forbidden".)
prevent_daemons() {
  local policy=/usr/sbin/policy-rc.d
  [[ ! -e $policy ]] || return 0
  leave_behind_no "$policy"
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

# PgBouncer's unit would start with the next boot.
disable_pgbouncer() {
  [[ " ${missing[*]} " == *' pgbouncer '* && -d /run/systemd/system ]] || return 0
  quietly systemctl disable pgbouncer
}

leave_behind_no() {
  temporary+=("$1")
  trap 'rm -f "${temporary[@]}"' EXIT
}

install_missing() {
  ((${#missing[@]})) || return 0
  if [[ $(id -u) != 0 ]]; then
    echo "$0: these packages are missing, and only root can install them:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}" >&2
  prevent_main_cluster
  prevent_daemons
  quietly apt_get update
  quietly apt_get --no-install-recommends -o Dpkg::Options::=--force-confold install "${missing[@]}"
  disable_pgbouncer
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

# quietly shows what a command says only if it fails.
quietly() {
  local said
  said=$("$@" 2>&1 </dev/null) || { printf '%s\n' "$said" "$0: failed: $*" >&2; return 1; }
}

case $purpose in
  demo)
    need postgresql any_server
    need postgresql-client command -v psql
    ;;
  test)
    need postgresql-15 test -x /usr/lib/postgresql/15/bin/postgres
    need postgresql-client-15 test -x /usr/lib/postgresql/15/bin/psql
    need npm command -v npm
    # What landlord credentials prints is tried with real clients.
    need php-cli command -v php
    need php-pgsql php -r 'exit((int) !extension_loaded("pdo_pgsql"));'
    need pgbouncer test -x /usr/sbin/pgbouncer
    # Tenants' own servers are made with pg_createcluster, under a real systemd.
    need postgresql-common command -v pg_createcluster
    need systemd test -x /lib/systemd/systemd
    need iproute2 command -v ip
    # The rule of landlord sudoers is tried with the real thing, as root.
    need sudo command -v visudo
    # The page of landlord report is tried in a real browser.
    need chromium command -v chromium
    # The race detector of `go test -race` needs a C compiler.
    need gcc command -v "$(go env CC 2>/dev/null || echo gcc)"
    need libc6-dev test -e /usr/include/stdlib.h
    ;;
  *)
    echo "usage: $0 demo|test" >&2
    exit 2
    ;;
esac
install_missing
if [[ $purpose == test ]]; then
  scripts/fetch-postgres.sh
  scripts/fetch-node-clients.sh
  # Tests without it say so, loudly.
  scripts/fetch-pgbouncer.sh || echo "$0: no newer PgBouncer could be fetched: it will not be tried" >&2
fi
