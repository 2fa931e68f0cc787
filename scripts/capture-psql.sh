#!/usr/bin/env bash
# Captures what psql prints about access, of the majors that Debian's and
# Ubuntu's suites have, for the tests of internal/paste: scripts/capture-psql.sh [MAJOR...]
#
# psql is downloaded with all that it needs, down to the C library, and
# unpacked into a scratch directory; nothing is installed. It talks to private
# servers (scripts/fetch-postgres.sh) that internal/paste/testdata/furnish.sql
# has filled. The texts go to internal/paste/testdata/psql-MAJOR/FORMAT.txt and
# are committed. Only who changes the fixtures runs this, as root.
set -euo pipefail
cd "$(dirname "$0")/.."

# psql's major: the suite, the server's major, and what is captured.
declare -A suite=([9.5]=xenial [10]=bionic [12]=focal [13]=bullseye [14]=jammy [15]=bookworm [16]=noble [17]=trixie [18]=sid)
declare -A server=([9.5]=10 [10]=10 [12]=12 [13]=14 [14]=14 [15]=14 [16]=16 [17]=14 [18]=18)
declare -A formats=(
  [9.5]="default border0 expanded unicode wrapped"
  [10]="default border2"
  [12]="default expanded wrapped"
  [14]="default expanded0"
  [16]="default border2 expanded unicode wrapped"
  [13]="default expanded wrapped"
  [15]="default border0 border2 unicode expanded expanded0 expanded2 wrapped german"
  [17]="default border0 border2 unicode expanded expanded0 expanded2 expanded-unicode wrapped wrapped-unicode"
  [18]="default border0 expanded expanded0 unicode"
)
(($#)) || set -- 9.5 10 12 13 14 15 16 17 18

testdata=$PWD/internal/paste/testdata
scratch=$(mktemp -d)
chmod 711 "$scratch"
running=()
trap 'for d in "${running[@]}"; do as_postgres "$d" stop -m fast; done; rm -rf -- "$scratch"' EXIT

# download unpacks psql of a major under $scratch/psql-MAJOR/root.
download() {
  local major=$1 dir=$scratch/psql-$1 mirror how=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources)
  mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,root}
  : >"$dir/status"
  case ${suite[$major]} in
    xenial | bionic | focal | jammy | noble) # Debian has no key of theirs: what comes of them runs as nobody
      mirror=http://archive.ubuntu.com/ubuntu how=trusted=yes ;;
  esac
  echo "deb [$how] $mirror ${suite[$major]} main" >"$dir/sources.list"
  local apt=(apt-get -qq -o Dir::State="$dir/state" -o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache"
    -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User=root)
  "${apt[@]}" update
  "${apt[@]}" --download-only --no-install-recommends -y install "postgresql-client-$major" >&2
  for package in "$dir"/cache/archives/*.deb; do dpkg-deb -x "$package" "$dir/root"; done
}

# psql runs that psql with its own libraries.
psql_of() {
  local root=$scratch/psql-$1/root major=$1
  shift
  # The loader itself: links to it may be absolute, and lead to this machine's own.
  setpriv --reuid nobody --regid nogroup --clear-groups "$(find "$root" -type f \( -name 'ld-linux-x86-64.so.2' -o -name 'ld-[0-9]*.so' \) | head -1)" \
    --library-path "$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu" "$root/usr/lib/postgresql/$major/bin/psql" -X "$@"
}

as_postgres() {
  local dir=$1
  shift
  su postgres -c "cd '$dir' && '$(cat "$dir/bin")/pg_ctl' -D '$dir/data' -s -w -l '$dir/log' -o '-k $dir -c listen_addresses= -c fsync=off' $*"
}

# start starts a furnished server of a major, once.
start() {
  local major=$1 dir=$scratch/server-$1 bin=${LANDLORD_CACHE:-/var/cache/landlord}/postgres/$1/bin
  [[ ! -d $dir ]] || return 0
  mkdir "$dir"
  echo "$bin" >"$dir/bin"
  chown -R postgres "$dir"
  su postgres -c "cd '$dir' && '$bin/initdb' -D '$dir/data' -A trust -U postgres --locale C.UTF-8 --no-sync >/dev/null"
  as_postgres "$dir" start
  running+=("$dir")
  psql_of "$2" -q -v ON_ERROR_STOP=1 -h "$dir" -U postgres -f "$testdata/furnish.sql"
}

# options are the \pset lines of a format.
options() {
  case $1 in
    border0) echo '\pset border 0' ;;
    border2) echo '\pset border 2' ;;
    unicode) printf '%s\n' '\pset linestyle unicode' '\pset border 2' ;;
    expanded) echo '\x on' ;;
    expanded0) printf '%s\n' '\x on' '\pset border 0' ;;
    expanded2) printf '%s\n' '\x on' '\pset border 2' ;;
    expanded-unicode) printf '%s\n' '\x on' '\pset linestyle unicode' ;;
    wrapped) printf '%s\n' '\pset format wrapped' '\pset columns 90' ;;
    wrapped-unicode) printf '%s\n' '\pset format wrapped' '\pset columns 90' '\pset linestyle unicode' '\pset border 2' ;;
  esac
}

for major; do
  download "$major"
  start "${server[$major]}" "$major"
  mkdir -p "$testdata/psql-$major"
  for format in ${formats[$major]}; do
    language=en
    [[ $format != german ]] || language=de
    { options "$format"; cat "$testdata/show.sql"; } |
      LC_ALL=C.UTF-8 LANGUAGE=$language psql_of "$major" -q -a -h "$scratch/server-${server[$major]}" -U postgres >"$testdata/psql-$major/$format.txt" 2>&1
  done
done
