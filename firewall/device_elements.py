"""A device that is in has two elements: one in the map that marks its packets, one for downloads.

Not when they are put there (gate.py) and not their bytes (elements.py). Pure. The rule to keep: the
two come and go together, in one transaction.
"""

from collections.abc import Sequence

from firewall import sets
from firewall.elements import Add, Change, Delete, Element, SetName
from firewall.roster import Admission
from firewall.verbs import Counters

ADMITTED = SetName("inet", sets.TABLE, sets.ADMITTED)
DOWNLOADS = SetName("netdev", sets.TABLE, sets.DOWNLOADS)


def key_of(mac: str) -> bytes:
    """Return how a set names the device."""
    return bytes.fromhex(mac.replace(":", ""))


def counters_of(up: Element | None, down: Element | None) -> Counters:
    """Return what the two have counted; nothing where there is none."""
    sent = (up.packets, up.octets) if up else (0, 0)
    received = (down.packets, down.octets) if down else (0, 0)
    return Counters(*sent, *received)


def is_as(found: Element | None, admission: Admission) -> bool:
    """Say whether the map's element gives the mark that it should."""
    return found is not None and found.mark == admission.mark


def deletes_of(key: bytes, found: tuple[Element | None, Element | None]) -> list[Change]:
    """Return what takes away as many of the two as were found."""
    places = zip((ADMITTED, DOWNLOADS), found, strict=True)
    return [Delete(name, (key,)) for name, element in places if element is not None]


def adds_of(devices: Sequence[tuple[str, Admission]], now: float) -> list[Change]:
    """Return what puts both in place for each, with its time left and its counters going on."""
    ups: list[Element] = []
    downs: list[Element] = []
    for mac, admission in devices:
        key, timeout_ms, counted = key_of(mac), admission.timeout_ms(now), admission.counted
        sent, received = (
            (counted.up_packets, counted.up_bytes),
            (counted.down_packets, counted.down_bytes),
        )
        ups.append(Element(key, admission.mark, timeout_ms, 0, *sent))
        downs.append(Element(key, None, timeout_ms, 0, *received))
    return [Add(ADMITTED, tuple(ups), counted=True), Add(DOWNLOADS, tuple(downs), counted=True)]
