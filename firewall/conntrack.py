"""ctnetlink messages: delete connections by their mark, or find them by it and delete each.

Not who is to lose his connections (gate.py), not when (reaper.py), not the socket (kernel.py).
Pure.
Source: Linux include/uapi/linux/netfilter/nfnetlink_conntrack.h.
"""

import struct
from collections.abc import Sequence

from firewall.netlink import (
    NESTED,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    Message,
    decode_attributes,
    decode_integer,
    encode_attribute,
    encode_message,
)

_GET, _DELETE = 1 << 8 | 1, 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET and _DELETE
_TUPLE, _MARK, _ID, _ZONE, _MARK_MASK = 1, 8, 12, 18, 21  # CTA_*
_BOTH_FAMILIES = struct.pack("!BBH", 0, 0, 0)  # struct nfgenmsg


def encode_delete_by_mark(mark: int, mask: int, sequence: int) -> bytes:
    """Delete all connections, of both families, whose mark equals `mark` under `mask`.

    Never call with a mask of 0: that would be every connection of the machine.
    """
    if not mask:
        raise ValueError("a mask of 0 would delete every connection")
    body = _BOTH_FAMILIES + _encode_filter(mark, mask)
    return encode_message(_DELETE, NLM_F_REQUEST | NLM_F_ACK, sequence, body)


def encode_dump_by_mark(mark: int, mask: int, sequence: int) -> bytes:
    """Ask for all connections, of both families, whose mark equals `mark` under `mask`."""
    body = _BOTH_FAMILIES + _encode_filter(mark, mask)
    return encode_message(_GET, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)


def decode_mark(message: Message) -> int:
    """Read the mark of a connection, 0 for one without."""
    return decode_integer(decode_attributes(message.payload[4:]).get(_MARK))


def encode_delete_each(connections: Sequence[Message], sequence: int) -> tuple[bytes, int]:
    """Delete the connections a dump has told of; return the messages and the last one's number.

    Each is answered by ENOENT when it has gone meanwhile, only the last when it was deleted. The
    identity goes along, so that a younger connection of the same addresses is left alone.
    """
    last = sequence + len(connections) - 1
    parts = []
    for number, connection in enumerate(connections, sequence):
        attributes = decode_attributes(connection.payload[4:])
        body = connection.payload[:4] + encode_attribute(_TUPLE | NESTED, attributes[_TUPLE])
        for kind in (_ID, _ZONE):
            if kind in attributes:
                body += encode_attribute(kind, attributes[kind])
        flags = NLM_F_REQUEST | (NLM_F_ACK if number == last else 0)
        parts.append(encode_message(_DELETE, flags, number, body))
    return b"".join(parts), last


def _encode_filter(mark: int, mask: int) -> bytes:
    return encode_attribute(_MARK, struct.pack("!I", mark)) + encode_attribute(
        _MARK_MASK, struct.pack("!I", mask)
    )
