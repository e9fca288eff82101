"""Keeps the kernel told which IPv4 address is leased to which device.

Not the reading of lease files (leases.py) nor the rule that uses them (chains.py). Fails with
`KernelError`; a lease that is not known leaves its address unguarded, and refuses nobody.
The rule to keep: both sets tell the same leases, because an address that is known as leased but
to nobody would be refused from everybody.
"""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from firewall import sets
from firewall.elements import Add, Change, Delete, Element, SetName
from firewall.leases import Lease, decode_leases
from firewall.nft import Nftables

LEASED = SetName("inet", sets.TABLE, sets.LEASED)
LEASES = SetName("inet", sets.TABLE, sets.LEASES)

_UNKNOWN_EXPIRY = -1  # nobody has it, so every lease still in the files is written anew
_BATCH_LEASES = 500


class LeaseGuard:
    """Follows the lease files; `change` carries out what there is to do in the kernel."""

    def __init__(
        self,
        files: Sequence[Path],
        nftables: Nftables,
        change: Callable[[Sequence[Change]], object],
    ) -> None:
        self._files = files
        self._nftables = nftables
        self._change = change
        self._known: dict[bytes, Lease] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}

    def adopt(self) -> None:
        """Take over what the kernel already knows.

        Raises:
            KernelError: the kernel refused.
        """
        _, (leases,) = self._nftables.dump(LEASES)
        self._known = {key[8:12]: Lease(key[:6], _UNKNOWN_EXPIRY) for key in leases}
        self._stamps = {}

    def check(self, wall: float) -> None:
        """Look whether the kernel still knows all; if not, the next `follow` tells it anew.

        Raises:
            KernelError: the kernel refused.
        """
        _, (leases, leased) = self._nftables.dump(LEASES, LEASED)
        for ip, lease in self._known.items():
            ended = lease.expiry and lease.expiry <= wall + 1
            if not ended and not (_key(lease.mac, ip) in leases and ip in leased):
                self.adopt()
                return

    def addresses(self) -> dict[str, IPv4Address]:
        """Return the leased address of each device, by MAC address."""
        return {lease.mac.hex(":"): IPv4Address(ip) for ip, lease in self._known.items()}

    def follow(self, wall: float) -> None:
        """Read the files if they have changed, and tell the kernel; `wall` is the wall clock.

        Raises:
            KernelError: the kernel refused; ask again.
        """
        stamps = {path: _stamp(path) for path in self._files}
        if stamps == self._stamps:
            return
        wanted: dict[bytes, Lease] = {}
        for path in self._files:
            wanted |= decode_leases(_read(path), wall)
        ips = wanted.keys() | self._known.keys()
        differing = sorted(ip for ip in ips if wanted.get(ip) != self._known.get(ip))
        for at in range(0, len(differing), _BATCH_LEASES):
            batch = differing[at : at + _BATCH_LEASES]
            changes = [c for ip in batch for c in self._changes(ip, wanted.get(ip), wall)]
            if changes:
                self._change(changes)
        self._known, self._stamps = wanted, stamps

    def _changes(self, ip: bytes, lease: Lease | None, wall: float) -> Iterator[Change]:
        """Replace what is known of an address; the kernel may have ended the old lease itself."""
        macs = {known.mac for known in (self._known.get(ip), lease) if known}
        for name, key in [(LEASED, ip), *((LEASES, _key(mac, ip)) for mac in sorted(macs))]:
            if self._nftables.get(name, key) is not None:
                yield Delete(name, (key,))
        if lease is not None:
            left_ms = max(1, int((lease.expiry - wall) * 1000)) if lease.expiry else 0
            for name, key in ((LEASES, _key(lease.mac, ip)), (LEASED, ip)):
                yield Add(name, (Element(key, timeout_ms=left_ms),))


def _key(mac: bytes, ip: bytes) -> bytes:
    return mac + b"\0\0" + ip  # nf_tables pads each part of a key to four bytes


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""  # no file, no leases, nobody refused for one
