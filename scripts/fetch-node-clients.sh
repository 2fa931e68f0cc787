#!/usr/bin/env bash
# Fetches the Node driver that the tests connect with: scripts/fetch-node-clients.sh
#
# scripts/node-clients/package-lock.json says which versions, and the hash of
# each archive; npm refuses any other. They are put under $LANDLORD_CACHE/node.
# What is there already stays, so that tests need no network.
set -euo pipefail
umask 022
cd "$(dirname "$0")/node-clients"

if [[ $(id -u) == 0 ]]; then
  default_cache=/var/cache/landlord
else
  default_cache=${XDG_CACHE_HOME:-$HOME/.cache}/landlord
fi
cache=${LANDLORD_CACHE:-$default_cache}/node
mark=.package-lock.json # a copy of ours, written when all the rest is there

complete() { cmp -s package-lock.json "$1/$mark"; }
# What root has fetched, everybody can use.
if complete "$cache" || complete /var/cache/landlord/node; then exit 0; fi

command -v npm >/dev/null || { echo "$0: npm is needed (apt-get install npm)" >&2; exit 1; }
mkdir -p "$(dirname "$cache")"
exec {lock}>"$cache.lock" # one of us at a time
flock "$lock"
if complete "$cache"; then exit 0; fi
echo "fetching Node's PostgreSQL driver" >&2
rm -rf -- "$cache" "$cache.part" # what a killed one of us left
mkdir "$cache.part"
cp package.json package-lock.json "$cache.part"
npm ci --prefix "$cache.part" --silent --omit=optional --ignore-scripts --no-audit --no-fund </dev/null
cp package-lock.json "$cache.part/$mark"
mv -T -- "$cache.part" "$cache"
