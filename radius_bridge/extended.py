"""Extended attributes: the numbers 241 to 246, which hold further numbers, and longer values.

Not the ordinary attributes (wire.py). Pure.
The rule to keep: a packet with an odd extended attribute is still a packet; the odd one is left
out of what is read here, and stays in the packet as octets.
Source: RFC 6929 sections 2.1 to 2.4.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from radius_bridge.wire import (
    VALUE_MAX_OCTETS,
    VENDOR_SPECIFIC,
    Attribute,
    Packet,
    UnsendableError,
)

SHORT_KINDS = range(241, 245)
LONG_KINDS = range(245, 247)

_MORE = 0x80
_LONG_HEADER_OCTETS = 2
_VENDOR = struct.Struct("!IB")
_OCTET_MAX = 0xFF


class ExtendedAttribute(NamedTuple):
    """One attribute: 241.8 is `kind` 241, `extended_kind` 8. Its pieces are joined."""

    kind: int
    extended_kind: int
    value: bytes

    def __repr__(self) -> str:
        return f"ExtendedAttribute({self.kind}.{self.extended_kind}, octets={len(self.value)})"

    @property
    def vendor(self) -> tuple[int, int, bytes] | None:
        """Vendor, number and value of an Extended-Vendor-Specific attribute; None if it is none."""
        if self.extended_kind != VENDOR_SPECIFIC or len(self.value) < _VENDOR.size:
            return None
        vendor, kind = _VENDOR.unpack_from(self.value)
        return vendor, kind, self.value[_VENDOR.size :]


def read_extended(packet: Packet) -> tuple[ExtendedAttribute, ...]:
    """Return the extended attributes in order.

    Left out: what has no extended number, and a long value whose pieces do not follow one
    another or lack an end.
    """
    return tuple(_read(packet))


def extended_attributes(attribute: ExtendedAttribute) -> tuple[Attribute, ...]:
    """Write one, in as many pieces as a long one takes.

    Raises:
        UnsendableError: a number does not fit, or the value is too long for a short one.
    """
    kind, extended_kind, value = attribute
    if not 0 <= extended_kind <= _OCTET_MAX:
        raise UnsendableError("an extended number is one octet")
    if kind in SHORT_KINDS and len(value) < VALUE_MAX_OCTETS:
        return (Attribute(kind, bytes((extended_kind,)) + value),)
    if kind not in LONG_KINDS:
        raise UnsendableError(f"attribute {kind} holds no extended value of that length")
    size = VALUE_MAX_OCTETS - _LONG_HEADER_OCTETS
    pieces = [value[at : at + size] for at in range(0, len(value), size)] or [b""]
    flags = [_MORE] * (len(pieces) - 1) + [0]
    return tuple(
        Attribute(kind, bytes((extended_kind, flag)) + piece)
        for flag, piece in zip(flags, pieces, strict=True)
    )


def _read(packet: Packet) -> Iterator[ExtendedAttribute]:
    number: tuple[int, int] | None = None
    pieces: list[bytes] = []
    for kind, value in packet.attributes:
        if kind in LONG_KINDS and len(value) >= _LONG_HEADER_OCTETS:
            if number != (kind, value[0]):
                number, pieces = (kind, value[0]), []
            pieces.append(value[_LONG_HEADER_OCTETS:])
            if value[1] & _MORE:
                continue
            yield ExtendedAttribute(kind, value[0], b"".join(pieces))
        elif kind in SHORT_KINDS and value:
            yield ExtendedAttribute(kind, value[0], value[1:])
        number = None
