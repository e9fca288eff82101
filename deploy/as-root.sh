#!/bin/sh
# Runs a command from this folder as root (with sudo where needed; as it is where there is none).
# Usage: deploy/as-root.sh .venv/bin/python -m portal demo
#
# Kvar's processes run as users of their own, which must be able to read the code. A checkout that
# they cannot reach, such as one below /root, is shown to them at /run/kvar-checkout-… meanwhile.
set -eu

if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null; then
        exec sudo "$0" "$@"
    fi
    exec "$@"
fi

if setpriv --reuid=nobody --regid=nogroup --clear-groups test -r "$PWD/Makefile"; then
    exec "$@"
fi

view=/run/kvar-checkout-$(stat --format=%i .)
if ! mountpoint --quiet "$view"; then
    mkdir -p "$view"
    mount --bind "$PWD" "$view"
    trap 'cd /; umount --lazy "$view"; rmdir "$view"' EXIT
fi
cd "$view"
"$@"
