"""FreeRADIUS's own dictionaries, as Debian has them, agree with ours on every number and type."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from radius_bridge.dictionary import DEFINITIONS, DataType, Definition, Vendor, numbered

FOLDER = Path("/usr/share/freeradius")
TYPES = {
    "string": DataType.TEXT,
    "octets": DataType.OCTETS,
    "integer": DataType.INTEGER,
    "integer64": DataType.INTEGER64,
    "date": DataType.TIME,
    "ipaddr": DataType.IPV4_ADDRESS,
    "ipv6addr": DataType.IPV6_ADDRESS,
    "ipv6prefix": DataType.IPV6_PREFIX,
    "ifid": DataType.INTERFACE_ID,
    "signed": DataType.INTEGER,
    "vsa": DataType.OCTETS,
}
UNKNOWN_THERE = {Vendor.TP_LINK, Vendor.UBIQUITI}
"""Of a later version."""

NOT_ALWAYS_TEXT = {"User-Password", "Tunnel-Password", "MS-CHAP-Error", "MS-CHAP-Domain"}
"""Hidden, or of another character set: ours are octets, theirs strings."""


def attributes() -> Iterator[tuple[int, int, str, str]]:
    """Yield vendor, number, name and type; of numbers and names that stand twice, all."""
    for file in sorted(FOLDER.glob("dictionary*")):
        vendors: dict[str, int] = {}
        vendor = 0
        for line in file.read_text("utf-8", "replace").splitlines():
            words = line.partition("#")[0].split()
            match words:
                case ["VENDOR", name, number, *_]:
                    vendors[name] = int(number)
                case ["BEGIN-VENDOR", name, *_]:
                    vendor = vendors.get(name, -1)
                case ["END-VENDOR", *_]:
                    vendor = 0
                case ["ATTRIBUTE", name, number, kind, *_] if re.fullmatch("[0-9]+", number):
                    yield vendor, int(number), name, kind


THERE: dict[tuple[int, int], list[tuple[str, str]]] = {}
for found in attributes():
    THERE.setdefault(found[:2], []).append(found[2:])


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.name)
def test_an_attribute_is_what_freeradius_says(definition: Definition) -> None:
    theirs = THERE.get((definition.vendor, definition.kind), [])
    if not theirs:
        assert definition.vendor in {*UNKNOWN_THERE, Vendor.CHILLISPOT} or definition.kind > 190
        return
    names = {name.lower(): kind for name, kind in theirs}
    assert definition.name.lower() in names, theirs
    said = TYPES[names[definition.name.lower()].partition("[")[0]]
    assert said is definition.data_type or definition.name in NOT_ALWAYS_TEXT


def test_enough_of_them_are_there() -> None:
    known = [one for one in DEFINITIONS if (one.vendor, one.kind) in THERE]
    assert len(known) > len(DEFINITIONS) * 0.85
    assert numbered(0, 1) in known
