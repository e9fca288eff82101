"""RADIUS packets: octets to values and back, losing nothing and in the order they stand.

Not the meaning of an attribute (dictionary.py, values.py) and not the proof of who sent a packet
(authenticators.py). Pure; the time a packet takes is bounded by its length.
The rule to keep: a packet is hostile until it is verified. `decode` returns a value or raises
`MalformedPacketError`, whatever it is given; no value of an attribute shows in a repr or an error.
Source: RFC 2865 sections 3 and 5; vendor attributes 5.26; EAP-Message RFC 3579 section 3.1.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

HEADER_OCTETS = 20
PACKET_MAX_OCTETS = 4096
"""RFC 2865 section 3."""
AUTHENTICATOR_OCTETS = 16
VALUE_MAX_OCTETS = 253
"""What one octet of length leaves for a value."""

EAP_MESSAGE = 79
VENDOR_SPECIFIC = 26

_HEADER = struct.Struct("!BBH16s")
_VENDOR = struct.Struct("!I")
_OCTET_MAX = 0xFF
_ATTRIBUTE_HEADER_OCTETS = 2
_VENDOR_VALUE_MAX_OCTETS = VALUE_MAX_OCTETS - _VENDOR.size - _ATTRIBUTE_HEADER_OCTETS


class Code(IntEnum):
    """What a packet is. Others exist; they are decoded, and answered with silence."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45
    PROTOCOL_ERROR = 52


class PacketFault(StrEnum):
    """What is wrong with a packet that was received."""

    TRUNCATED = "packet_truncated"
    LENGTH = "packet_length_wrong"
    ATTRIBUTE_LENGTH = "attribute_length_wrong"


class MalformedPacketError(Exception):
    """Not a packet: discard it in silence, and count it. Over TCP, close the connection."""

    def __init__(self, fault: PacketFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UnsendableError(Exception):
    """A packet or an attribute that cannot be written; the text never holds its value."""


class Attribute(NamedTuple):
    """One attribute as it stands: its number, and what follows type and length.

    A tuple, because a dozen are made for every packet that anybody sends.
    """

    kind: int
    value: bytes

    def __repr__(self) -> str:
        return f"Attribute(kind={self.kind}, octets={len(self.value)})"


class VendorAttribute(NamedTuple):
    """One attribute of a vendor, out of a Vendor-Specific attribute."""

    vendor: int
    kind: int
    value: bytes

    def __repr__(self) -> str:
        return f"VendorAttribute({self.vendor}, kind={self.kind}, octets={len(self.value)})"


@dataclass(slots=True, unsafe_hash=True)
class Packet:
    """A packet: `code` may be none of `Code`, `attributes` stand in the order of the wire.

    Nobody changes one; it is not frozen because to fill in a frozen one takes four times as long.
    """

    code: int
    identifier: int
    authenticator: bytes = field(repr=False)
    attributes: tuple[Attribute, ...] = ()

    @property
    def firsts(self) -> Mapping[int, bytes]:
        """The value of the first attribute of each number."""
        # In a dict the last one counts. `dict` itself takes twice as long with named tuples.
        return {kind: value for kind, value in self.attributes[::-1]}  # noqa: C416

    def every(self, kind: int) -> tuple[bytes, ...]:
        """Return the values of all attributes of this number, in order."""
        return tuple(value for number, value in self.attributes if number == kind)

    def first(self, kind: int) -> bytes | None:
        """Return the value of the first attribute of this number, None where there is none."""
        return self.firsts.get(kind)

    def vendor(self, vendor: int, kind: int) -> tuple[bytes, ...]:
        """Return the values of all attributes of this number of this vendor, in order.

        A Vendor-Specific attribute that does not divide up counts as none.
        """
        values = self.every(VENDOR_SPECIFIC)
        if not values:
            return ()
        return tuple(
            inner.value
            for value in values
            for inner in split_vendor(value) or ()
            if (inner.vendor, inner.kind) == (vendor, kind)
        )

    @property
    def eap_message(self) -> bytes | None:
        """The EAP packet, joined from its pieces; None without any."""
        pieces = self.every(EAP_MESSAGE)
        return b"".join(pieces) if pieces else None


class Request(Packet):
    """A packet as a server gets it: checked as a whole, taken apart as far as somebody asks.

    Most questions are about the first attribute of a number, so only these are cut out as it
    comes: one object for each attribute took as long as all the cryptography. ``octets`` are the
    packet's own, without padding.
    """

    __slots__ = ("_all", "firsts", "octets", "repeats")

    firsts: Mapping[int, bytes]
    octets: bytes
    repeats: bool
    """Whether any number stands in it twice."""
    _all: tuple[Attribute, ...] | None

    def __init__(self, datagram: bytes) -> None:
        """Take a datagram.

        Raises:
            MalformedPacketError: a length does not fit.
        """
        self.octets = octets = cut(datagram)
        self.code, self.identifier = octets[0], octets[1]
        self.authenticator = octets[4:HEADER_OCTETS]
        self.firsts, self.repeats = _cut_firsts(octets)
        self._all = None

    # A property, not `__getattr__`: beside one of those every look at an attribute is a slow one.
    @property
    def attributes(self) -> tuple[Attribute, ...]:  # type: ignore[override]
        """All attributes, taken apart when they are asked for the first time."""
        if self._all is None:
            self._all = _decode_attributes(self.octets)
        return self._all

    def every(self, kind: int) -> tuple[bytes, ...]:
        """Return the values of all attributes of this number, in order."""
        if self.repeats:
            return super().every(kind)
        first = self.firsts.get(kind)
        return () if first is None else (first,)


def cut(datagram: bytes) -> bytes:
    """Return the octets of the packet, without the padding that may follow it.

    Raises:
        MalformedPacketError: the datagram is shorter than it says, or says what cannot be.
    """
    if len(datagram) < HEADER_OCTETS:
        raise MalformedPacketError(PacketFault.TRUNCATED)
    length = datagram[2] << 8 | datagram[3]
    if not HEADER_OCTETS <= length <= PACKET_MAX_OCTETS:
        raise MalformedPacketError(PacketFault.LENGTH)
    if length > len(datagram):
        raise MalformedPacketError(PacketFault.TRUNCATED)
    return datagram[:length]


def decode(datagram: bytes) -> Packet:
    """Take a packet apart. Unknown codes and attributes are kept; padding is not.

    Raises:
        MalformedPacketError: a length does not fit.
    """
    octets = cut(datagram)
    code, identifier, _, authenticator = _HEADER.unpack_from(octets)
    return Packet(code, identifier, authenticator, _decode_attributes(octets))


def _cut_firsts(octets: bytes) -> tuple[Mapping[int, bytes], bool]:
    """Return the first value of each number, and whether any number stands there twice."""
    firsts: dict[int, bytes] = {}
    repeats = False
    at, end = HEADER_OCTETS, len(octets)
    try:
        while at < end:
            kind, length = octets[at], octets[at + 1]
            after = at + length
            # Checked before moving on: a length of 0 or 1 would never move on.
            if length < 2 or after > end:
                raise MalformedPacketError(PacketFault.ATTRIBUTE_LENGTH)
            if kind in firsts:
                repeats = True
            else:
                firsts[kind] = octets[at + 2 : after]
            at = after
    except IndexError:  # it ends behind a number
        raise MalformedPacketError(PacketFault.ATTRIBUTE_LENGTH) from None
    return firsts, repeats


def _decode_attributes(octets: bytes) -> tuple[Attribute, ...]:
    attributes: list[Attribute] = []
    at, end, add = HEADER_OCTETS, len(octets), attributes.append
    # Not Attribute(...), whose own function takes a third of the time of this loop.
    make, kind_of_tuple = tuple.__new__, Attribute
    while at < end:
        length = octets[at + 1] if at + 1 < end else 0
        after = at + length
        # Checked before moving on: a length of 0 or 1 would never move on.
        if length < _ATTRIBUTE_HEADER_OCTETS or after > end:
            raise MalformedPacketError(PacketFault.ATTRIBUTE_LENGTH)
        add(make(kind_of_tuple, (octets[at], octets[at + 2 : after])))
        at = after
    return tuple(attributes)


def encode(packet: Packet) -> bytes:
    """Write a packet as it is, authenticator included.

    Raises:
        UnsendableError: a number or a length does not fit.
    """
    body = encode_attributes(packet.attributes)
    return frame(packet.code, packet.identifier, packet.authenticator, body)


def frame(code: int, identifier: int, authenticator: bytes, body: bytes) -> bytes:
    """Put the header before attributes that are written already.

    Raises:
        UnsendableError: a number or a length does not fit.
    """
    length = HEADER_OCTETS + len(body)
    if len(authenticator) != AUTHENTICATOR_OCTETS:
        raise UnsendableError("an authenticator has 16 octets")
    if length > PACKET_MAX_OCTETS:
        raise UnsendableError("a packet has at most 4096 octets")
    try:
        return _HEADER.pack(code, identifier, length, authenticator) + body
    except struct.error:
        raise UnsendableError("code and identifier are one octet each") from None


def encode_attributes(attributes: Iterable[Attribute]) -> bytes:
    """Write attributes one after the other.

    Raises:
        UnsendableError: a number is not one octet, or a value longer than 253 octets.
    """
    body = bytearray()
    try:
        for kind, value in attributes:
            body.append(kind)
            body.append(len(value) + _ATTRIBUTE_HEADER_OCTETS)
            body += value
    except ValueError:
        raise UnsendableError("an attribute's number is one octet, its value at most 253") from None
    return bytes(body)


def split_vendor(value: bytes) -> tuple[VendorAttribute, ...] | None:
    """Divide the value of a Vendor-Specific attribute; None when it does not divide up.

    Most vendors follow the recommended form: number, length, value, and so on. What follows
    another form is not malformed, only opaque.
    """
    if len(value) <= _VENDOR.size:
        return None
    vendor: int = _VENDOR.unpack_from(value)[0]
    inner, at, end = [], _VENDOR.size, len(value)
    while at < end:
        length = value[at + 1] if at + 1 < end else 0
        if length < _ATTRIBUTE_HEADER_OCTETS or at + length > end:
            return None
        inner.append(VendorAttribute(vendor, value[at], value[at + 2 : at + length]))
        at += length
    return tuple(inner)


def vendor_attribute(vendor: int, kind: int, value: bytes) -> Attribute:
    """Wrap one attribute of a vendor: one in each, because some access points read only the first.

    Raises:
        UnsendableError: a number does not fit, or the value is longer than 247 octets.
    """
    if not (0 <= vendor <= 0xFFFF_FFFF and 0 <= kind <= _OCTET_MAX):
        raise UnsendableError("a vendor is four octets, the number of its attribute one")
    if len(value) > _VENDOR_VALUE_MAX_OCTETS:
        raise UnsendableError(f"attribute {kind} of vendor {vendor} is longer than 247 octets")
    inner = bytes((kind, len(value) + _ATTRIBUTE_HEADER_OCTETS)) + value
    return Attribute(VENDOR_SPECIFIC, _VENDOR.pack(vendor) + inner)


def eap_attributes(message: bytes) -> tuple[Attribute, ...]:
    """Cut an EAP packet into as many EAP-Message attributes as it takes."""
    starts = range(0, len(message), VALUE_MAX_OCTETS)
    return tuple(Attribute(EAP_MESSAGE, message[at : at + VALUE_MAX_OCTETS]) for at in starts)
