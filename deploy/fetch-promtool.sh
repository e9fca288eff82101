#!/bin/sh
# Takes promtool out of Debian's prometheus package, to check rules with. The package itself is not
# installed: nothing is to be scraped here.
# Usage: deploy/fetch-promtool.sh FILE
set -eu

file=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
as_root=""
[ "$(id -u)" -eq 0 ] || as_root=sudo

echo "kvar: fetching promtool from the distribution's prometheus package"
cd "$directory"
if ! apt-get download -q prometheus >log 2>&1; then
    $as_root apt-get update -q >>log 2>&1 || true
    apt-get download -q prometheus >>log 2>&1 || {
        tail -n 20 log >&2
        echo "kvar: fetching failed; the lines above say why" >&2
        exit 1
    }
fi
dpkg-deb --extract prometheus_*.deb package
cd - >/dev/null
mkdir -p "$(dirname "$file")"
cp "$directory/package/usr/bin/promtool" "$file"
