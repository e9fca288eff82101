"""Lets the machine forward packets, as a gateway must: only behind the rule that closes networks.

Not that rule (closing.py), and not what is let through (gate.py). Fails with `KernelError`.
The rule to keep: no setting of the kernel is touched while a guest network is open in routing.
"""

import errno
from collections.abc import Iterable
from pathlib import Path

from firewall.closing import close_networks, missing_rules
from firewall.kernel import KernelError
from firewall.routing import FailClosedRule

SETTINGS = Path("/proc/sys/net")

FORWARD = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
"""First: the kernel sets other settings anew when one of these changes (ip-sysctl, ip_forward)."""

BESIDES = {
    # The kernel's check of an answer's source meets the rule that closes guest networks, and would
    # drop every answer. The larger value of "all" and the interface's own counts.
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/accept_redirects": "0",
    "ipv6/conf/all/accept_redirects": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/all/arp_ignore": "1",
    "ipv4/tcp_syncookies": "1",
}


def close_and_forward(
    guests: Iterable[str], uplinks: Iterable[str], settings: Path = SETTINGS
) -> list[FailClosedRule]:
    """Close the guest networks, then let the machine forward; what has no such setting is left.

    Returns the rules that were missing. Needs CAP_NET_ADMIN and the user root, whose the settings
    are.

    Raises:
        KernelError: the kernel refused. While a network is open, nothing is forwarded.
    """
    interfaces = list(guests)
    added = close_networks(interfaces)
    if missing_rules(interfaces):
        raise KernelError(errno.EAGAIN, "close guest networks, which somebody opens again")
    own = {f"ipv4/conf/{name}/rp_filter": "0" for name in uplinks}
    for name, value in (dict.fromkeys(FORWARD, "1") | BESIDES | own).items():
        _set(settings / name, value)
    return added


def _set(setting: Path, value: str) -> None:
    try:
        if setting.read_text("ascii").strip() != value:
            setting.write_text(f"{value}\n", "ascii")
    except FileNotFoundError:
        pass  # no such family, or the interface is not there yet: "default" is for those
    except OSError as problem:
        raise KernelError(problem.errno or 0, f"write {setting}") from problem
