"""Whom to ask for a sign of life, and at which addresses.

Not the frames (probes.py) nor their pace (prober.py). Fails with `KernelError`, and then nobody is
asked. The rule to keep: what devices themselves told counts first, then their lease; the kernel's
neighbour table, which holds no more than the machine's settings let it, only fills the gaps.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from math import inf

from firewall.lease_guard import LeaseGuard
from firewall.probes import Sources, Target, choose_targets
from firewall.roster import Heard, Roster
from firewall.standing import Standing

RECALL_EVERY_S = 10.0
"""A neighbour table of 10,000 takes some 50 ms to read."""

Ask = Callable[[Iterable[Target], Sources], None]


class RollCall:
    """Finds addresses for those of the roster who are called; `ask` does the asking."""

    def __init__(
        self,
        roster: Roster,
        standing: Standing,
        leases: LeaseGuard,
        clock: Callable[[], float],
        ask: Ask,
    ) -> None:
        self._roster = roster
        self._standing = standing
        self._leases = leases
        self._clock = clock
        self._ask = ask
        self._recalled_at = -inf

    def call(self, macs: Sequence[str]) -> int:
        """Have devices that are in asked; return how many there are to ask.

        Raises:
            KernelError: the kernel refused.
        """
        known = [(mac, self._roster.get(mac)) for mac in macs]
        called = {mac: admission.heard for mac, admission in known if admission}
        self._recall({mac for mac, heard in called.items() if not (heard.ipv4 or heard.ipv6)})
        targets = self._targets(called)
        return len({target.mac for target in targets})

    def _targets(self, called: dict[str, Heard]) -> list[Target]:
        unknown = any(heard.ipv4 is None for heard in called.values())
        leased = self._leases.addresses() if unknown else {}
        sources = Sources(self._standing.own_addresses())
        targets = [
            target
            for mac, heard in called.items()
            for target in choose_targets(
                bytes.fromhex(mac.replace(":", "")), heard, leased.get(mac), sources
            )
        ]
        self._ask(targets, sources)
        return targets

    def _recall(self, silent: Collection[str]) -> None:
        """Learn from the kernel where those are who told no address since the agent began."""
        now = self._clock()
        if not silent or now - self._recalled_at < RECALL_EVERY_S:
            return
        self._recalled_at = now
        names = {index: name for name, index in self._standing.links.items()}
        for neighbour in self._standing.neighbours():
            mac = (neighbour.mac or b"").hex(":")
            admission = self._roster.get(mac) if mac in silent else None
            if admission and neighbour.index in names:
                admission.heard.learn(names[neighbour.index], neighbour.address)
