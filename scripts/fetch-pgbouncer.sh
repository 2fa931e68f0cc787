#!/usr/bin/env bash
# Fetches a newer PgBouncer than this Debian's, for the tests:
# scripts/fetch-pgbouncer.sh
#
# It is Debian trixie's, with all libraries that it needs, down to the C
# library, put under $LANDLORD_CACHE/pgbouncer; nothing is installed. What is
# there already stays.
set -euo pipefail
umask 022

suite=trixie
layout=1 # another number fetches it anew

if [[ $(id -u) == 0 ]]; then
  default_cache=/var/cache/landlord
else
  default_cache=${XDG_CACHE_HOME:-$HOME/.cache}/landlord
fi
cache=${LANDLORD_CACHE:-$default_cache}
place=$cache/pgbouncer

complete() { [[ $(cat "$1/.package" 2>/dev/null) == "$suite $layout" ]]; }
# What root has fetched, everybody can use.
if complete "$place" || complete /var/cache/landlord/pgbouncer; then exit 0; fi

mkdir -p "$cache"
exec {lock}>"$place.lock" # one of us at a time
flock "$lock"
if complete "$place"; then exit 0; fi
echo "fetching a newer PgBouncer" >&2
rm -rf -- "$place" "$place.part" # what a killed one of us left
mkdir -p "$place.part/lib"
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

# download unpacks PgBouncer and what it needs under $scratch/root.
download() {
  local mirror package
  mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
  mkdir -p "$scratch"/{state/lists/partial,cache/archives/partial,root}
  : >"$scratch/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $suite main" >"$scratch/sources.list"
  local apt=(apt-get -qq -o Dir::State="$scratch/state" -o Dir::State::status="$scratch/status" -o Dir::Cache="$scratch/cache"
    -o Dir::Etc::sourcelist="$scratch/sources.list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User="$(id -un)")
  "${apt[@]}" update
  "${apt[@]}" --download-only --no-install-recommends -y install pgbouncer >&2
  for package in "$scratch"/cache/archives/*.deb; do dpkg-deb -x "$package" "$scratch/root"; done
}

# gather keeps the program, its libraries and their loader, and no more.
gather() {
  local loader libraries
  loader=$(find "$scratch/root" -type f -name 'ld-linux-*.so.*' | head -1)
  libraries=$(dirname "$loader")
  cp "$scratch/root/usr/sbin/pgbouncer" "$place.part/program"
  cp "$loader" "$place.part/lib/loader"
  "$loader" --library-path "$libraries" --list "$place.part/program" |
    awk -v root="$scratch" 'index($3, root) == 1 {print $3}' |
    while read -r library; do cp -L "$library" "$place.part/lib/"; done
  cat >"$place.part/pgbouncer" <<'RUN'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/lib/loader" --library-path "$here/lib" "$here/program" "$@"
RUN
  chmod 755 "$place.part"/{pgbouncer,program,lib/loader}
}

download
gather
"$place.part/pgbouncer" --version >/dev/null
echo "$suite $layout" >"$place.part/.package"
mv -T -- "$place.part" "$place"
