#!/bin/sh
# Installs the Debian or Ubuntu packages that a make target needs, and says which.
# Usage: deploy/install-prerequisites.sh PACKAGE...      (as root, or with sudo)
# Installed packages are left alone; nothing is asked when nothing is missing.
set -eu

missing=""
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "kvar: these Debian packages are needed, and there is no apt-get to install them:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "kvar: run as root, or install sudo first; these packages are needed:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "kvar: installing Debian packages:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A postgresql package starts a cluster of its own unless told not to; Kvar needs its programs only.
if ! { $as_root apt-get update -q &&
       $as_root env DEBIAN_FRONTEND=noninteractive \
           apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "kvar: installing failed; the lines above say why" >&2
    exit 1
fi
