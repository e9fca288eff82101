"""Netlink's grammar: messages and attributes, encoded and decoded.

Not a socket (nft.py, routes.py open them) and not what the messages mean. Pure.
The rule to keep: lengths from outside are checked here; `MalformedError` is all it raises.
Source: Linux include/uapi/linux/netlink.h; headers in the machine's byte order.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

NLM_F_REQUEST = 0x001
NLM_F_ACK = 0x004
NLM_F_ECHO = 0x008
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_DUMP = 0x300

NLMSG_NOOP = 1
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSG_OVERRUN = 4

NESTED = 0x8000
_TYPE_MASK = 0x3FFF
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")


class MalformedError(Exception):
    """The bytes are not netlink."""


@dataclass(frozen=True, slots=True)
class Message:
    """One netlink message: header fields, and what follows the header."""

    kind: int
    flags: int
    sequence: int
    port: int
    payload: bytes

    @property
    def error(self) -> int | None:
        """The errno of an error message (0: acknowledged), None for any other message.

        Raises:
            MalformedError: an error message without its number.
        """
        if self.kind != NLMSG_ERROR:
            return None
        if len(self.payload) < _ERROR.size:
            raise MalformedError("error message cut short")
        return -int(_ERROR.unpack_from(self.payload)[0])


def encode_message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    """Write a message; the kernel fills in the sender."""
    return _HEADER.pack(_HEADER.size + len(payload), kind, flags, sequence, 0) + payload


def encode_attribute(kind: int, value: bytes) -> bytes:
    """Write one attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def encode_nested(kind: int, *attributes: bytes) -> bytes:
    """Write an attribute that holds attributes."""
    return encode_attribute(kind | NESTED, b"".join(attributes))


def decode_messages(data: bytes) -> Iterator[Message]:
    """Take a datagram from the kernel apart.

    Raises:
        MalformedError: a length does not fit.
    """
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise MalformedError("header cut short")
        length, kind, flags, sequence, port = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            raise MalformedError("message longer than its datagram")
        yield Message(kind, flags, sequence, port, data[at + _HEADER.size : at + length])
        at += length + -length % 4


def decode_attributes(data: bytes) -> dict[int, bytes]:
    """Take a run of attributes apart; of a repeated kind, the last counts.

    Raises:
        MalformedError: a length does not fit.
    """
    return dict(iterate_attributes(data))


def iterate_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (kind, value) of a run of attributes, for lists whose items share a kind.

    Raises:
        MalformedError: a length does not fit.
    """
    at = 0
    while at < len(data):
        if len(data) - at < _ATTRIBUTE.size:
            raise MalformedError("attribute cut short")
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if not _ATTRIBUTE.size <= length <= len(data) - at:
            raise MalformedError("attribute longer than its message")
        yield kind & _TYPE_MASK, data[at + _ATTRIBUTE.size : at + length]
        at += length + -length % 4


def decode_integer(value: bytes | None) -> int:
    """Read a big-endian integer of any width, 0 for an absent attribute."""
    return int.from_bytes(value or b"", "big")


def decode_text(value: bytes | None) -> str:
    """Read a NUL-terminated name, empty for an absent attribute."""
    return (value or b"").split(b"\0", 1)[0].decode("ascii", "replace")
