"""Values of attributes: octets to numbers, text and addresses, and back.

Not hidden values (passwords.py): of those the octets are the value. Pure.
The rule to keep: a value has exactly its length, or `MalformedValueError` says so; text comes from
an access point, so it may hold anything that UTF-8 can, and whoever shows it escapes it.
Source: RFC 2865 section 5, RFC 2868 section 3, RFC 3162 section 2, RFC 8044.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from radius_bridge.dictionary import DataType, Definition
from radius_bridge.wire import VALUE_MAX_OCTETS, Attribute, UnsendableError, vendor_attribute

Value = int | str | bytes | IPv4Address | IPv6Address | IPv6Network

TAG_MAX = 0x1F
"""RFC 2868 section 3: a first octet above this is the first of the value."""

_WIDTHS = {
    DataType.INTEGER: 4,
    DataType.TIME: 4,
    DataType.INTEGER64: 8,
    DataType.IPV4_ADDRESS: 4,
    DataType.IPV6_ADDRESS: 16,
    DataType.INTERFACE_ID: 8,
}
_CLASSES: dict[DataType, type[Value]] = {
    DataType.TEXT: str,
    DataType.OCTETS: bytes,
    DataType.INTEGER: int,
    DataType.INTEGER64: int,
    DataType.TIME: int,
    DataType.IPV4_ADDRESS: IPv4Address,
    DataType.IPV6_ADDRESS: IPv6Address,
    DataType.IPV6_PREFIX: IPv6Network,
    DataType.INTERFACE_ID: bytes,
}
_PREFIX_HEADER_OCTETS = 2
_PREFIX_MAX_BITS = 128


class MalformedValueError(Exception):
    """The octets are no value of this attribute; the text names it, and never the octets."""


def decode_value(definition: Definition, octets: bytes) -> Value:
    """Read a value; of a tagged attribute, without the tag (`split_tag`).

    Raises:
        MalformedValueError: wrong length, not UTF-8, or no prefix.
    """
    data_type = definition.data_type
    if len(octets) != _WIDTHS.get(data_type, len(octets)):
        raise MalformedValueError(f"{definition.name} has a wrong length")
    match data_type:
        case DataType.INTEGER | DataType.TIME | DataType.INTEGER64:
            return int.from_bytes(octets, "big")
        case DataType.IPV4_ADDRESS:
            return IPv4Address(octets)
        case DataType.IPV6_ADDRESS:
            return IPv6Address(octets)
        case DataType.IPV6_PREFIX:
            return _decode_prefix(definition, octets)
        case DataType.TEXT:
            return _decode_text(definition, octets)
        case _:
            return octets


def encode_value(definition: Definition, value: Value) -> bytes:
    """Write a value.

    Raises:
        UnsendableError: of another type than the attribute's, too large or too long.
    """
    data_type = definition.data_type
    try:
        octets = _encode(data_type, value) if isinstance(value, _CLASSES[data_type]) else None
    except OverflowError:
        octets = None
    limit = _WIDTHS.get(data_type)
    if octets is None or len(octets) > VALUE_MAX_OCTETS or limit not in {None, len(octets)}:
        raise UnsendableError(f"{definition.name} cannot hold that")
    return octets


def attribute(definition: Definition, value: Value, tag: int = 0) -> Attribute:
    """Make the attribute, inside Vendor-Specific where it is a vendor's; `tag` 0: untagged.

    Raises:
        UnsendableError: as `encode_value`, or a tag where none belongs.
    """
    octets = encode_value(definition, value)
    if definition.tagged:
        octets = join_tag(definition, tag, octets)
    elif tag:
        raise UnsendableError(f"{definition.name} takes no tag")
    if definition.vendor:
        return vendor_attribute(definition.vendor, definition.kind, octets)
    return Attribute(definition.kind, octets)


def split_tag(definition: Definition, octets: bytes) -> tuple[int, bytes]:
    """Divide the octets of a tagged attribute into tag (0: none) and value.

    An integer gives its first octet to the tag, and reads on as four octets. Tunnel-Password
    always has a tag; other text has one where its first octet is at most 0x1F.
    """
    if definition.data_type is DataType.INTEGER:
        return octets[0] if octets else 0, b"\0" + octets[1:]
    if octets and (octets[0] <= TAG_MAX or definition.salted):
        return octets[0], octets[1:]
    return 0, octets


def join_tag(definition: Definition, tag: int, octets: bytes) -> bytes:
    """Put a tag before the octets of a value; text without a tag stays as it is.

    Raises:
        UnsendableError: no such tag, an integer above 24 bits, or text that would be read as one.
    """
    if not 0 <= tag <= TAG_MAX:
        raise UnsendableError("a tag is 0 to 31")
    if definition.data_type is DataType.INTEGER:
        if octets[0]:
            raise UnsendableError(f"{definition.name} has 24 bits")
        return bytes((tag,)) + octets[1:]
    if tag or definition.salted:
        return bytes((tag,)) + octets
    if octets and octets[0] <= TAG_MAX:
        raise UnsendableError(f"{definition.name} would be read as tagged")
    return octets


def _decode_text(definition: Definition, octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedValueError(f"{definition.name} is not UTF-8") from None


def _decode_prefix(definition: Definition, octets: bytes) -> IPv6Network:
    """A reserved octet, the length in bits, and as many octets of the address as it takes."""
    bits = octets[1] if len(octets) >= _PREFIX_HEADER_OCTETS else _PREFIX_MAX_BITS + 1
    address = octets[_PREFIX_HEADER_OCTETS:]
    if bits > _PREFIX_MAX_BITS or not (bits + 7) // 8 <= len(address) <= 16:
        raise MalformedValueError(f"{definition.name} is no prefix")
    padded = address + bytes(16 - len(address))
    return IPv6Network((padded, bits), strict=False)


def _encode(data_type: DataType, value: Value) -> bytes:
    match value:
        case int():
            return value.to_bytes(_WIDTHS[data_type], "big")
        case str():
            return value.encode("utf-8", "replace")
        case bytes():
            return value
        case IPv6Network():
            octets = (value.prefixlen + 7) // 8
            return bytes((0, value.prefixlen)) + value.network_address.packed[:octets]
        case _:
            return value.packed
