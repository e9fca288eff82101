import re

import pytest

from radius_bridge.dictionary import DEFINITIONS, DataType, Definition, Vendor, named, numbered


def test_numbers_and_names_are_each_of_one_attribute() -> None:
    assert len({(one.vendor, one.kind) for one in DEFINITIONS}) == len(DEFINITIONS)
    assert len({one.name for one in DEFINITIONS}) == len(DEFINITIONS)
    assert all(1 <= one.kind <= 255 for one in DEFINITIONS)
    assert {one.vendor for one in DEFINITIONS} == {0, *Vendor}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.name)
def test_every_attribute_is_found_and_makes_sense(definition: Definition) -> None:
    assert named(definition.name) is definition
    assert numbered(definition.vendor, definition.kind) is definition
    assert re.fullmatch(r"[A-Z0-9][A-Za-z0-9]*(-[A-Za-z0-9]+)+|State|Class|Prompt", definition.name)
    if definition.tagged:
        assert definition.vendor == 0
        assert definition.data_type in {DataType.INTEGER, DataType.TEXT, DataType.OCTETS}
    if definition.salted:
        assert definition.secret
        assert definition.data_type is DataType.OCTETS


def test_what_is_not_known() -> None:
    assert numbered(0, 240) is None
    assert numbered(0xFFFF_FFFF, 1) is None
    with pytest.raises(KeyError):
        named("User-Nmae")


@pytest.mark.parametrize(
    ("name", "vendor", "kind", "data_type"),
    [
        ("User-Name", 0, 1, DataType.TEXT),
        ("Session-Timeout", 0, 27, DataType.INTEGER),
        ("Chargeable-User-Identity", 0, 89, DataType.OCTETS),
        ("NAS-IPv6-Address", 0, 95, DataType.IPV6_ADDRESS),
        ("Cisco-AVPair", 9, 1, DataType.TEXT),
        ("MS-CHAP2-Response", 311, 25, DataType.OCTETS),
        ("WISPr-Bandwidth-Max-Down", 14122, 8, DataType.INTEGER),
        ("ChilliSpot-Session-State", 14559, 15, DataType.INTEGER),
        ("Aruba-User-Role", 14823, 1, DataType.TEXT),
        ("Mikrotik-Rate-Limit", 14988, 8, DataType.TEXT),
        ("Ruckus-User-Groups", 25053, 1, DataType.TEXT),
        ("Fortinet-Group-Name", 12356, 1, DataType.TEXT),
        ("UBNT-Data-Rate-DL", 41112, 1, DataType.INTEGER64),
    ],
)
def test_numbers_that_access_points_act_upon(
    name: str, vendor: int, kind: int, data_type: DataType
) -> None:
    found = named(name)
    assert (found.vendor, found.kind, found.data_type) == (vendor, kind, data_type)
