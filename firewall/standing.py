"""What stands in the kernel besides elements: tables, chains, the fail-closed routing rules.

Not who is in (gate.py). Fails with `KernelError`.
The rules to keep: compare, then mend only what differs, so that our own changes start no loop;
a routing rule is added when missing and never removed.
"""

import errno
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from firewall import routing, ruleset, sets
from firewall.closing import add_missing
from firewall.elements import Family
from firewall.kernel import NETLINK_ROUTE, KernelError, NetlinkSocket
from firewall.nft import Nftables, RuleText
from firewall.probes import Interface, interface_of
from firewall.routing import FailClosedRule, Neighbour
from firewall.settings import GateSettings

_TABLES: tuple[Family, ...] = ("inet", "netdev")


class Standing:
    """Our tables and routing rules: put up, looked at, mended. `anchored`: flushes end no flow."""

    def __init__(self, settings: GateSettings, nftables: Nftables) -> None:
        self._settings = settings
        self._nftables = nftables
        self._text = RuleText()
        self._routes = NetlinkSocket(NETLINK_ROUTE)
        self._shape = b""
        self._links: dict[str, int] = {}
        self.anchored = False

    def close(self) -> None:
        """Let the sockets go. Everything stays as it stands."""
        self._text.close()
        self._routes.close()

    @property
    def links(self) -> dict[str, int]:
        """Guest interfaces that exist, with their numbers, as last looked at."""
        return self._links

    def anchor(self) -> None:
        """Keep translation going through foreign flushes, where the kernel can."""
        try:
            self._text.apply(ruleset.render_anchor())
        except KernelError:
            return  # before Linux 5.12: a flush then ends connections, though no session
        self.anchored = True

    def is_new(self) -> bool:
        """Return whether nothing of ours stands in the kernel: it has just started, or been wiped.

        Raises:
            KernelError: the kernel refused.
        """
        return not any(self._nftables.chains(family, sets.TABLE) for family in _TABLES)

    def lacks(self, chain: str | None) -> bool:
        """Return whether this chain, where one is named, does not stand yet.

        Raises:
            KernelError: the kernel refused.
        """
        named = ("inet", chain)
        return chain is not None and named not in self._nftables.chains("inet", sets.TABLE)

    def put_up(self, fill: Callable[[], object]) -> None:
        """Put everything up; `fill` puts the elements in, before any chain can miss them.

        Raises:
            KernelError: the kernel refused.
        """
        self.add_routing_rules()
        self._apply_sets()
        fill()
        self._links = self._read_links()
        known = ruleset.chain_names(self._settings, self._links)
        found = {c for family in _TABLES for c in self._nftables.chains(family, sets.TABLE)}
        text = ruleset.render_chains(self._settings, self._links, sorted(found - known))
        self._text.apply(text)
        self._shape = self._nftables.shape(_TABLES, sets.TABLE)

    def stands(self) -> bool:
        """Return whether tables, chains and rules are as we left them, on the same interfaces.

        Raises:
            KernelError: the kernel refused.
        """
        return (
            self._read_links() == self._links
            and self._nftables.shape(_TABLES, sets.TABLE) == self._shape
        )

    def links_stand(self) -> bool:
        """Return whether the guest interfaces are the ones we know.

        Raises:
            KernelError: the kernel refused.
        """
        return self._read_links() == self._links

    def add_routing_rules(self) -> list[FailClosedRule]:
        """Add the fail-closed rules that are missing; return them.

        Raises:
            KernelError: the kernel refused.
        """
        interfaces = [network.interface for network in self._settings.guest_networks]
        return add_missing(self._routes, interfaces)

    def neighbour(self, index: int, address: IPv4Address | IPv6Address) -> bytes | None:
        """Return the MAC the kernel knows for an address on an interface.

        Raises:
            KernelError: the kernel refused.
        """
        encode = partial(routing.encode_get_neighbour, index, address)
        try:
            answers = self._routes.ask(encode, "read a neighbour")
        except KernelError as error:
            # EINVAL: an address that can be nobody's, such as a multicast one
            if error.number in (errno.ENOENT, errno.EINVAL, errno.ENODEV):
                return None
            raise
        found = (routing.decode_neighbour(message) for message in answers)
        return next((neighbour.mac for neighbour in found if neighbour), None)

    def neighbours(self) -> list[Neighbour]:
        """Return the neighbours the kernel knows, of both families.

        Raises:
            KernelError: the kernel refused.
        """
        answers = self._routes.ask(routing.encode_dump_neighbours, "read neighbours")
        return [n for n in map(routing.decode_neighbour, answers) if n and n.mac]

    def own_addresses(self) -> dict[str, list[Interface]]:
        """Return this machine's addresses on each guest interface.

        Raises:
            KernelError: the kernel refused.
        """
        answers = self._routes.ask(routing.encode_dump_addresses, "read addresses")
        names = {index: name for name, index in self._links.items()}
        own: dict[str, list[Interface]] = {name: [] for name in self._links}
        for one in filter(None, map(routing.decode_own_address, answers)):
            if one.index in names:
                own[names[one.index]].append(interface_of(one.packed, one.prefix))
        return own

    def _apply_sets(self) -> None:
        text = ruleset.render_sets(self._settings)
        try:
            self._text.apply(text)
        except KernelError:
            # a set of another make is in the way: only then is the table made anew
            anew = "".join(
                f"add table {family} {sets.TABLE}\ndelete table {family} {sets.TABLE}\n"
                for family in _TABLES
            )
            self._text.apply(anew + text)

    def _read_links(self) -> dict[str, int]:
        answers = self._routes.ask(routing.encode_dump_links, "read interfaces")
        links = (routing.decode_link(message) for message in answers)
        return {k.name: k.index for k in links if k and k.name in self._settings.sites}
