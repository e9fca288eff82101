#!/bin/sh
# Called by keepalived with the kind, the name and the new state of this gateway.
conntrackd="/usr/sbin/conntrackd -C /etc/conntrackd/conntrackd.conf"

case "$3" in
MASTER)
    $conntrackd -c # what the other one tracked, into this kernel
    $conntrackd -f
    $conntrackd -R
    $conntrackd -B
    ;;
BACKUP | FAULT)
    $conntrackd -t
    $conntrackd -n
    ;;
esac
exit 0
