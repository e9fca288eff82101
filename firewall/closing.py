"""Closes guest networks in routing: packets without the gate's mark go nowhere, rules or no rules.

Not the gate (gate.py): this is done before the guest interfaces come up, and again by the gate when
something is missing. Fails with `KernelError`.
The rule to keep: a routing rule is added when missing and never removed.
"""

import errno
from collections.abc import Iterable
from functools import partial

from firewall import routing
from firewall.kernel import NETLINK_ROUTE, KernelError, NetlinkSocket
from firewall.marks import MAY_LEAVE
from firewall.routing import FailClosedRule


def close_networks(interfaces: Iterable[str]) -> list[FailClosedRule]:
    """Close networks by the names of their interfaces, which need not exist yet.

    Returns the rules that were missing. Needs CAP_NET_ADMIN.

    Raises:
        KernelError: the kernel refused.
    """
    routes = NetlinkSocket(NETLINK_ROUTE)
    try:
        return add_missing(routes, interfaces)
    finally:
        routes.close()


def missing_rules(interfaces: Iterable[str]) -> list[FailClosedRule]:
    """Return which rules are missing; needs no privilege.

    Raises:
        KernelError: the kernel refused.
    """
    routes = NetlinkSocket(NETLINK_ROUTE)
    try:
        return _missing(routes, interfaces)
    finally:
        routes.close()


def add_missing(routes: NetlinkSocket, interfaces: Iterable[str]) -> list[FailClosedRule]:
    """Add the rules of these interfaces that are missing; return them.

    Raises:
        KernelError: the kernel refused.
    """
    missing = _missing(routes, interfaces)
    for rule in missing:
        _add(routes, rule)
    return missing


def _missing(routes: NetlinkSocket, interfaces: Iterable[str]) -> list[FailClosedRule]:
    answers = routes.ask(routing.encode_dump_rules, "read routing rules")
    found = {routing.decode_rule(message) for message in answers}
    wanted = (
        FailClosedRule(family, interface, MAY_LEAVE)
        for interface in interfaces
        for family in routing.FAMILIES
    )
    return [rule for rule in wanted if rule not in found]


def _add(routes: NetlinkSocket, rule: FailClosedRule) -> None:
    try:
        routes.ask(partial(routing.encode_add_rule, rule), "add a routing rule")
    except KernelError as error:
        if error.number != errno.EEXIST:
            raise
