"""Attributes as FreeRADIUS would write them down, read by scapy and our own table of names.

scapy takes the packet apart, so that a wrong length or number is seen by somebody else.
"""

from collections.abc import Iterable

from scapy.layers.radius import Radius, RadiusAttr_Vendor_Specific

from radius_bridge.dictionary import DataType, numbered
from radius_bridge.values import decode_value, split_tag
from radius_bridge.vendors.family import DynamicMessage
from radius_bridge.wire import Attribute, Packet, encode


def lines_of(attributes: Iterable[Attribute] | DynamicMessage | None) -> list[str]:
    """Return ``Name = value`` for each attribute, in order."""
    assert attributes is not None
    if isinstance(attributes, DynamicMessage):
        attributes = attributes.attributes
    octets = encode(Packet(2, 7, bytes(16), tuple(attributes)))
    dissected = Radius(octets)
    assert dissected.len == len(octets)
    return [_line(*_number_of(one)) for one in dissected.attributes]


def _number_of(attribute: object) -> tuple[int, int, bytes]:
    if isinstance(attribute, RadiusAttr_Vendor_Specific):
        return attribute.vendor_id, attribute.vendor_type, bytes(attribute.value)
    octets = bytes(attribute)  # type: ignore[call-overload]
    return 0, octets[0], octets[2:]


def _line(vendor: int, kind: int, octets: bytes) -> str:
    definition = numbered(vendor, kind)
    assert definition is not None, (vendor, kind)
    if definition.tagged:
        tag, octets = split_tag(definition, octets)
        assert tag == 0
    value = octets if definition.name in {"User-Name", "Class"} else None
    if value is not None or definition.data_type is DataType.OCTETS:
        return f"{definition.name} = {octets.decode('latin-1')}"
    return f"{definition.name} = {decode_value(definition, octets)}"
