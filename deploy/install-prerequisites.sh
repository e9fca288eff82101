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
policy=/usr/sbin/policy-rc.d
ours=""
clean_up() {
    rm -f "$log"
    [ -z "$ours" ] || $as_root rm -f "$policy"
}
trap clean_up EXIT
# Kvar needs the programs only: servers that start by themselves would take its ports and run a
# second PostgreSQL. Debian's way to say so, while this installs; a policy of the owner's stays.
if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi
if ! { $as_root apt-get update -q &&
       $as_root env DEBIAN_FRONTEND=noninteractive \
           apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "kvar: installing failed; the lines above say why" >&2
    exit 1
fi
# Nor when the machine starts the next time: these listen where Kvar's RADIUS server does.
for package in $missing; do
    case "$package" in
    freeradius | radsecproxy)
        if command -v systemctl >/dev/null; then
            $as_root systemctl disable --quiet "$package" || true
        fi
        ;;
    esac
done
