"""The gate's verbs, carried out in the kernel, and the comparison that keeps it as it should be.

Not the rules (chains.py) nor the socket callers use (server.py). Fails with `KernelError`;
fails closed: a device that could not be let in is out, one that is in stays in.
The rules to keep: one writer; a missing element in a dump is mended, never taken for an end.
"""

import errno
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

from firewall import marks, ruleset, sets
from firewall.device_elements import (
    ADMITTED,
    DOWNLOADS,
    adds_of,
    counters_of,
    deletes_of,
    is_as,
    key_of,
)
from firewall.elements import (
    Change,
    Delete,
    Element,
    SetName,
    decode_device_address,
)
from firewall.kernel import KernelError
from firewall.lease_guard import LEASED, LEASES, LeaseGuard
from firewall.lookout import Lookout
from firewall.nft import Nftables
from firewall.restore import read_admitted
from firewall.roll_call import Ask, RollCall
from firewall.roster import GRACE_S, Admission, Roster
from firewall.settings import GateSettings
from firewall.standing import Standing
from firewall.verbs import (
    DEFAULT_PROFILE,
    Addresses,
    Admit,
    Changes,
    Counters,
    DeviceUsage,
    Identified,
    Identify,
    RefusedError,
    Usage,
)

USED = SetName("inet", sets.TABLE, sets.ADDRESSES)
WATCHED_SETS = {name.name for name in (ADMITTED, DOWNLOADS, LEASED, LEASES)}

_BATCH_DEVICES = 500  # keeps a transaction and its echoes well inside the socket's buffers
_RECONCILE_TOLERANCE_S = 1.0  # wall clock to monotonic and back, twice a minute
_DEVICE_MASK = marks.NUMBER_MASK | marks.PASS
_WHOLE_MARK = 0xFFFF_FFFF

_log = logging.getLogger(__name__)

_Item = TypeVar("_Item")
_Wrong = tuple[str, Admission, tuple[Element | None, Element | None]]


class KernelGate:
    """The gate of this machine. Every method returns when the kernel has done it.

    Only connections end later: `doom` (mark, mask) has them deleted; and `ask` has devices asked
    for a sign of life. No packet gets past because
    of that: an element that is gone stops both directions, and what was captured before the login
    no longer reaches the portal.
    """

    def __init__(
        self,
        settings: GateSettings,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        doom: Callable[[int, int], None],
        ask: Ask = lambda *_: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._wall_clock = wall_clock
        self._nftables = Nftables()
        self._standing = Standing(settings, self._nftables)
        blocks = settings.port_blocks
        self._roster = Roster(settings.devices_max, blocks.count if blocks else 0)
        self._profiles = {number: name for name, number in settings.profiles.items()}
        self.lookout = Lookout(self._roster, settings.sites)
        self._doom = doom
        self._leases = LeaseGuard(settings.lease_files, self._nftables, self._change)
        self._roll_call = RollCall(self._roster, self._standing, self._leases, clock, ask)
        self._generation = 0
        self._healed = 0

    @property
    def port(self) -> int:
        """The netlink port our element changes come from, to know our own events by."""
        return self._nftables.port

    @property
    def links(self) -> dict[str, int]:
        """Guest interfaces that exist, with their numbers."""
        return self._standing.links

    def own_addresses(self) -> dict[str, frozenset[IPv4Address | IPv6Address]]:
        """Return this machine's addresses on each guest interface.

        Raises:
            KernelError: the kernel refused.
        """
        own = self._standing.own_addresses()
        return {name: frozenset(one.ip for one in held) for name, held in own.items()}

    def site(self, interface: str) -> str:
        """Return the site of a guest interface."""
        return self._settings.sites[interface]

    def open(self) -> None:
        """Put everything up, and take over whoever is in, or was before a power cut.

        Raises:
            KernelError: the kernel refused.
        """
        after_a_power_cut = self._standing.is_new()
        self._standing.anchor()
        anew = self._standing.lacks(ruleset.blocks_chain(self._settings))
        self._standing.put_up(self._readmit if after_a_power_cut else self._adopt)
        self._generation = self._nftables.generation()
        if anew:
            # What was translated by no block, or by others, may stand in somebody else's ports:
            # those connections end, once, so that no answer names the wrong device.
            self._doom(marks.PASS, marks.PASS)

    def close(self) -> None:
        """Let the sockets go. Everything stays as it stands, and whoever is in stays in."""
        self._standing.close()
        self._nftables.close()

    def admit(self, device: Admit) -> None:
        """Let the device in, or change its time or profile; its counters go on.

        Raises:
            RefusedError: no such profile, or the gate is full.
            KernelError: nothing was changed.
        """
        now = self._clock()
        profile, deadline = self._profile(device.profile), now + device.remaining_s
        known = self._roster.get(device.mac)
        if known is None:
            self._let_in([(device.mac, profile, deadline)])
            self._doom_captured(device.mac)
        elif not known.is_as(profile, deadline):
            self._exchange([(device.mac, profile, deadline)])
        self._admission(device.mac).asked_at = now

    def expel(self, mac: str) -> Counters | None:
        """Put the device out and have its connections end; return its final counters.

        Raises:
            KernelError: the device may still be in.
        """
        if mac not in self._roster:
            return self._roster.take_end(mac)
        return self._put_out([mac])[mac]

    def reconcile(self, devices: Sequence[Admit]) -> Changes:
        """Make exactly these devices admitted, and spare whom `admit` has just let in.

        Raises:
            RefusedError: no such profile, or more devices than the gate takes; nothing is done.
            KernelError: done in part; ask again.
        """
        now = self._clock()
        if len(devices) > self._settings.devices_max:
            raise RefusedError("busy", "more devices than the gate takes")
        wanted = {d.mac: (d.mac, self._profile(d.profile), now + d.remaining_s) for d in devices}
        surplus = self._roster.surplus(wanted, now)
        new = [wish for mac, wish in wanted.items() if mac not in self._roster]
        changed = [wish for wish in wanted.values() if self._differs(*wish)]
        expelled = self._put_out(surplus)
        self._exchange(changed)
        self._let_in(new)
        for mac, _, _ in new:
            self._doom_captured(mac)
        return Changes(tuple(w[0] for w in new), tuple(w[0] for w in changed), expelled)

    def usage(self) -> Usage:
        """Return the counters of all devices that are in.

        Raises:
            KernelError: the kernel refused.
        """
        generation, (up, down) = self._nftables.dump(ADMITTED, DOWNLOADS)
        now = self._clock()
        devices: dict[str, DeviceUsage] = {}
        for mac, admission in self._roster.items():
            key = key_of(mac)
            if key in up or key in down:
                admission.counted = counters_of(up.get(key), down.get(key))
            devices[mac] = DeviceUsage(
                admission.counted + admission.uncounted,
                max(0.0, admission.deadline - now),
                self._profiles[admission.profile],
                admission.heard_s_ago(now),
            )
        return Usage(generation, devices)

    def addresses(self) -> Addresses:
        """Return which ports and IPv6 addresses devices that are in have.

        Raises:
            KernelError: the kernel refused.
        """
        blocks = self._settings.port_blocks
        if blocks is None:
            return Addresses()
        _, (used,) = self._nftables.dump(USED)
        pairs = (decode_device_address(key) for key in used)
        known = tuple((mac, text) for mac, text in pairs if mac in self._roster)
        return Addresses(self._roster.own_ports(blocks, self._clock()), known)

    def identify(self, query: Identify) -> Identified | None:
        """Return the device behind an address, None when no guest network has it.

        Raises:
            KernelError: the kernel refused.
        """
        address = ip_address(query.ip)
        for interface, index in self._standing.links.items():
            if query.interface not in (None, interface):
                continue
            mac = self._standing.neighbour(index, address)
            if mac is not None:
                return Identified(mac.hex(":"), interface, self._settings.sites[interface])
        return None

    def probe(self, macs: Sequence[str]) -> int:
        """Have devices that are in asked for a sign of life; return how many there are to ask.

        Raises:
            KernelError: the kernel refused.
        """
        return self._roll_call.call(macs)

    def health(self) -> dict[str, Any]:
        """Return generation, number of devices, how often foreign changes were mended.

        Raises:
            KernelError: the kernel refused.
        """
        missing = sorted(set(self._settings.sites) - set(self._standing.links))
        return {
            "generation": self._nftables.generation(),
            "devices": len(self._roster),
            "devices_max": self._settings.devices_max,
            "healed": self._healed,
            "missing_interfaces": missing,
            "anchored": self._standing.anchored,
            "simulated": False,
        }

    def tick(self) -> None:
        """Do what time brings: end who is due, follow the leases.

        Raises:
            KernelError: the kernel refused; the next tick does the rest.
        """
        for mac in self._roster.due(self._clock()):
            for gone, counters in self._put_out([mac]).items():
                self._roster.note_end(gone, counters)
        self._leases.follow(self._wall_clock())

    def heal(self, *, thoroughly: bool) -> list[str]:
        """Compare what is with what should be, and mend it; return what was not right.

        Args:
            thoroughly: compare the elements too, even if only others' sets seem to have changed.

        Raises:
            KernelError: the kernel refused; try again.
        """
        repaired = ["routing rule"] if self._standing.add_routing_rules() else []
        quiet = self._nftables.generation() == self._generation
        if quiet and self._standing.links_stand():
            return self._note(repaired)  # nobody else has written: reading all would find nothing
        if not self._standing.stands():
            self._standing.put_up(self._restore)
            repaired.append("rules")
        elif thoroughly and self._restore():
            repaired.append("elements")
        if thoroughly or repaired:
            self._generation = self._nftables.generation()
        return self._note(repaired)

    def _note(self, repaired: list[str]) -> list[str]:
        self._healed += bool(repaired)
        return repaired

    def _readmit(self) -> None:
        """Let in who was in before a power cut; the keeper mends what the list does not know."""
        now = self._clock()
        left = read_admitted(self._settings.snapshot_path, self._wall_clock())
        default = self._profile(DEFAULT_PROFILE)
        room = self._roster.room
        for mac, remaining_s in left[:room]:
            self._roster.enter(mac, default, now + remaining_s, now)
        if left:
            _log.warning(
                "let in again after a power cut: %d of %d devices", len(self._roster), len(left)
            )
        self._adopt()

    def _adopt(self) -> None:
        """Take over who is in, from the kernel, with numbers, time left and counters."""
        now = self._clock()
        _, (up, down) = self._nftables.dump(ADMITTED, DOWNLOADS)
        for key, element in up.items():
            mark = element.mark or 0
            deadline = now + element.remaining_ms / 1000 - GRACE_S
            admission = Admission(marks.number_of(mark), marks.profile_of(mark), deadline)
            admission.counted = counters_of(element, down.get(key))
            if admission.number and admission.profile in self._profiles:
                self._roster.adopt(key.hex(":"), admission)
        self._leases.adopt()
        self._restore()

    def _restore(self) -> bool:
        """Make the elements what the roster says; return whether they were not."""
        _, (up, down) = self._nftables.dump(ADMITTED, DOWNLOADS)
        now = self._clock()
        wrong: list[_Wrong] = []
        for mac, admission in self._roster.items():
            key = key_of(mac)
            found = up.pop(key, None), down.pop(key, None)
            if not is_as(found[0], admission) or found[1] is None:
                wrong.append((mac, admission, found))
        for batch in _batches(wrong):
            deletes = [d for mac, _, found in batch for d in deletes_of(key_of(mac), found)]
            self._change(
                [*deletes, *adds_of([(mac, admission) for mac, admission, _ in batch], now)]
            )
        for name, surplus in ((ADMITTED, up), (DOWNLOADS, down)):
            for keys in _batches(list(surplus)):
                self._change([Delete(name, tuple(keys))])
        self._leases.check(self._wall_clock())
        return bool(wrong or up or down)

    def _let_in(self, wishes: Sequence[tuple[str, int, float]]) -> None:
        if len(wishes) > self._roster.room:
            raise RefusedError("busy", "the gate is full")
        now = self._clock()
        entered = [
            (mac, self._roster.enter(mac, profile, end, now)) for mac, profile, end in wishes
        ]
        try:
            for batch in _batches(entered):
                self._change(adds_of(batch, now))
        except KernelError:
            for mac, _ in entered:
                self._roster.leave(mac)
            raise

    def _exchange(self, wishes: Iterable[tuple[str, int, float]]) -> None:
        """Delete and add in one transaction: no packet falls between, and no counter is lost."""
        now = self._clock()
        for mac, profile, deadline in wishes:
            key, admission = key_of(mac), self._admission(mac)
            found = self._nftables.get(ADMITTED, key), self._nftables.get(DOWNLOADS, key)
            counted = counters_of(*found)
            new = replace(admission, profile=profile, deadline=deadline, counted=counted)
            last = self._change([*deletes_of(key, found), *adds_of([(mac, new)], now)])
            final = counters_of(last.get((ADMITTED, key)), last.get((DOWNLOADS, key)))
            admission.profile, admission.deadline, admission.counted = profile, deadline, counted
            admission.uncounted += final - counted

    def _put_out(self, macs: Sequence[str]) -> dict[str, Counters]:
        finals: dict[str, Counters] = {}
        for batch in _batches(macs):
            last = self._delete_elements([key_of(mac) for mac in batch])
            for mac in batch:
                key, admission = key_of(mac), self._admission(mac)
                up, down = last.get((ADMITTED, key)), last.get((DOWNLOADS, key))
                counted = counters_of(up, down) if up or down else admission.counted
                self._roster.leave(mac)
                self._doom(marks.device_mark(admission.number, 0), _DEVICE_MASK)
                finals[mac] = counted + admission.uncounted
        return finals

    def _delete_elements(self, keys: Sequence[bytes]) -> dict[tuple[SetName, bytes], Element]:
        try:
            return self._change([Delete(ADMITTED, tuple(keys)), Delete(DOWNLOADS, tuple(keys))])
        except KernelError as error:
            if error.number != errno.ENOENT:
                raise
        # somebody else was here first, or the kernel's own end: delete what is left, one by one
        last: dict[tuple[SetName, bytes], Element] = {}
        for key in keys:
            left = deletes_of(
                key, (self._nftables.get(ADMITTED, key), self._nftables.get(DOWNLOADS, key))
            )
            last |= self._change(left) if left else {}
        return last

    def _change(self, changes: Sequence[Change]) -> dict[tuple[SetName, bytes], Element]:
        last = self._nftables.change(changes)
        self._generation += 1  # ours; any other step of the generation was somebody else's
        return last

    def _doom_captured(self, mac: str) -> None:
        self._doom(marks.captured_mark(key_of(mac)), _WHOLE_MARK)

    def _profile(self, name: str) -> int:
        number = self._settings.profiles.get(name)
        if number is None:
            raise RefusedError("bad_request", "no such profile")
        return number

    def _differs(self, mac: str, profile: int, deadline: float) -> bool:
        known = self._roster.get(mac)
        return known is not None and not known.is_as(profile, deadline, _RECONCILE_TOLERANCE_S)

    def _admission(self, mac: str) -> Admission:
        admission = self._roster.get(mac)
        if admission is None:
            raise LookupError(mac)
        return admission


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Cut into as many as fit into one transaction."""
    for at in range(0, len(items), _BATCH_DEVICES):
        yield items[at : at + _BATCH_DEVICES]
