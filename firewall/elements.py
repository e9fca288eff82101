"""nf_tables messages: elements of sets and maps, the generation, and the state of chains.

Not the rules' text (ruleset.py) and not the socket (nft.py). Pure.
The rule to keep: changes travel in a batch, which the kernel carries out whole or not at all.
Source: Linux include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h.
"""

import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv6Address
from typing import Literal, NamedTuple

from firewall.netlink import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_ECHO,
    NLM_F_REQUEST,
    MalformedError,
    Message,
    decode_attributes,
    decode_integer,
    decode_text,
    encode_attribute,
    encode_message,
    encode_nested,
    iterate_attributes,
)

Family = Literal["inet", "netdev"]
FAMILY_NUMBERS: dict[Family, int] = {"inet": 1, "netdev": 5}

_SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
NEW_CHAIN, GET_CHAIN = (_SUBSYSTEM << 8 | number for number in (3, 4))
DEL_TABLE, DEL_CHAIN, NEW_RULE = (_SUBSYSTEM << 8 | number for number in (2, 5, 6))
GET_RULE, DEL_RULE, GET_SET, DEL_SET = (_SUBSYSTEM << 8 | number for number in (7, 8, 10, 11))
NEW_ELEMENT, GET_ELEMENT, DEL_ELEMENT = (_SUBSYSTEM << 8 | number for number in (12, 13, 14))
NEW_SET = _SUBSYSTEM << 8 | 9
NEW_GENERATION, GET_GENERATION = (_SUBSYSTEM << 8 | number for number in (15, 16))
_BATCH_BEGIN, _BATCH_END = 16, 17

_NFGENMSG = struct.Struct("!BBH")  # family, version, resource


@dataclass(frozen=True, slots=True)
class SetName:
    """A set or map of ours."""

    family: Family
    table: str
    name: str


class Element(NamedTuple):
    """An element: its key, the mark it maps to, what is left of its time, what it has counted.

    `timeout_ms` of 0 is for ever. `remaining_ms` is only read, never written.
    """

    key: bytes
    mark: int | None = None
    timeout_ms: int = 0
    remaining_ms: int = 0
    packets: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Add:
    """Add elements; the kernel refuses one that exists with another mark."""

    to: SetName
    elements: tuple[Element, ...]
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete elements by key, and tell their last state. The kernel refuses an absent one."""

    of: SetName
    keys: tuple[bytes, ...]


Change = Add | Delete


def encode_batch(changes: Sequence[Change], sequence: int) -> tuple[bytes, int]:
    """Write changes as one transaction; return it and the sequence number of its answer.

    The answer is an error message: number 0 when all was done, else nothing was.
    """
    parts = [_encode_frame(_BATCH_BEGIN, sequence)]
    last = sequence + len(changes)
    for number, change in enumerate(changes, sequence + 1):
        flags = NLM_F_REQUEST | (NLM_F_ACK if number == last else 0)
        match change:
            case Add(to, elements, counted):
                items = [encode_element(element, counted=counted) for element in elements]
                kind, flags, where = NEW_ELEMENT, flags | NLM_F_CREATE, to
            case Delete(of, keys):  # pragma: no branch - the last there is
                items = [encode_nested(1, _encode_key(key)) for key in keys]
                kind, flags, where = DEL_ELEMENT, flags | NLM_F_ECHO, of
        parts.append(encode_message(kind, flags, number, _encode_list(where, items)))
    parts.append(_encode_frame(_BATCH_END, last + 1))
    return b"".join(parts), last


def encode_get(of: SetName, key: bytes, sequence: int) -> bytes:
    """Ask for one element; answered by it, or by ENOENT."""
    return encode_message(
        GET_ELEMENT, NLM_F_REQUEST, sequence, _encode_list(of, [encode_nested(1, _encode_key(key))])
    )


def encode_dump(of: SetName, sequence: int) -> bytes:
    """Ask for all elements of a set. Torn if somebody writes meanwhile: compare generations."""
    return encode_message(GET_ELEMENT, NLM_F_REQUEST | NLM_F_DUMP, sequence, _encode_list(of, []))


def encode_get_generation(sequence: int) -> bytes:
    """Ask for the number of transactions this network namespace has seen."""
    return encode_message(GET_GENERATION, NLM_F_REQUEST, sequence, _NFGENMSG.pack(0, 0, 0))


def encode_dump_objects(kind: int, family: Family, table: str, sequence: int) -> bytes:
    """Ask for all chains, sets or rules (`GET_CHAIN`, `GET_SET`, `GET_RULE`) of a table."""
    header = _NFGENMSG.pack(FAMILY_NUMBERS[family], 0, 0)
    body = header + _encode_name(1, table)  # NFTA_CHAIN_TABLE, NFTA_SET_TABLE, NFTA_RULE_TABLE
    return encode_message(kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)


def decode_device_address(key: bytes) -> tuple[str, str]:
    """Read a key `ether_addr . ipv6_addr`: each part begins on a word."""
    return key[:6].hex(":"), str(IPv6Address(key[8:24]))


def decode_generation(message: Message) -> int:
    """Read the generation number."""
    return decode_integer(decode_attributes(message.payload[4:]).get(1))


def decode_elements(message: Message) -> Iterator[Element]:
    """Yield the elements a message (answer, dump part or event) carries.

    Raises:
        MalformedError: the message is not one about elements.
    """
    attributes = decode_attributes(message.payload[4:])
    for _, item in iterate_attributes(attributes.get(3, b"")):
        yield decode_element(item)


def decode_place(message: Message) -> tuple[str, str]:
    """Read the table and, for elements, the set a message is about.

    For chains and sets the second is their own name, for rules their chain.
    """
    attributes = decode_attributes(message.payload[4:])
    name = 3 if message.kind in (NEW_CHAIN, DEL_CHAIN) else 2
    return decode_text(attributes.get(1)), decode_text(attributes.get(name))


def decode_family(message: Message) -> int:
    """Read the protocol family a message is about."""
    return message.payload[0] if message.payload else 0


def decode_shape(message: Message) -> bytes:
    """Return the part of a chain, set or rule that only a change of ours or a foreigner's alters.

    Counts of references and of elements are left out: they change by use.
    """
    attributes = decode_attributes(message.payload[4:])
    kept = _SHAPES.get(message.kind, ())
    return b"".join(encode_attribute(kind, attributes[kind]) for kind in kept if kind in attributes)


_SHAPES: dict[int, tuple[int, ...]] = {
    NEW_CHAIN: (1, 2, 3, 4, 5, 7, 10),  # table, handle, name, hook, policy, type, flags
    NEW_SET: (1, 2, 3, 4, 5, 6, 7, 16),  # table, name, flags, key, data, handle
    NEW_RULE: (1, 2, 3, 4),  # table, chain, handle, expressions
}


def _encode_frame(kind: int, sequence: int) -> bytes:
    return encode_message(kind, NLM_F_REQUEST, sequence, _NFGENMSG.pack(0, 0, _SUBSYSTEM))


def _encode_list(where: SetName, items: Sequence[bytes]) -> bytes:
    header = _NFGENMSG.pack(FAMILY_NUMBERS[where.family], 0, 0)
    names = _encode_name(1, where.table) + _encode_name(2, where.name)
    if not items:
        return header + names
    return header + names + encode_nested(3, *items)


def _encode_key(key: bytes) -> bytes:
    return encode_nested(1, encode_attribute(1, key))


def _encode_parts(element: Element, counted: bool) -> bytes:
    parts = [_encode_key(element.key)]
    if element.mark is not None:
        parts.append(_MARK_HEAD + struct.pack("=I", element.mark))
    if element.timeout_ms:
        parts.append(_TIMEOUT_HEAD + struct.pack("!Q", element.timeout_ms))
    if counted:
        parts += (_COUNTER_HEAD, struct.pack("!Q", element.octets))
        parts += (_COUNTER_MIDDLE, struct.pack("!Q", element.packets))
    return b"".join(parts)


def encode_element(element: Element, *, counted: bool) -> bytes:
    """Write an item of a list of elements: by a template the kind that comes by ten thousands."""
    if not counted or not element.timeout_ms:
        return encode_nested(1, _encode_parts(element, counted))
    marked = element.mark is not None
    layout, head = _layout(len(element.key), marked)
    return layout.pack(
        head,
        element.key,
        _MARK_HEAD if marked else b"",
        (element.mark or 0).to_bytes(4, sys.byteorder) if marked else b"",
        _TIMEOUT_HEAD,
        element.timeout_ms,
        _COUNTER_HEAD,
        element.octets,
        _COUNTER_MIDDLE,
        element.packets,
    )


@cache
def _layout(key_bytes: int, marked: bool) -> tuple[struct.Struct, bytes]:
    """Return how a counted element with a time-out is laid out, and what stands before its key."""
    exemplar = Element(bytes(key_bytes), mark=0 if marked else None, timeout_ms=1)
    whole = encode_nested(1, _encode_parts(exemplar, counted=True))
    rest = key_bytes + -key_bytes % 4 + (len(_MARK_HEAD) + 4) * marked
    head = whole[: len(whole) - rest - len(_TIMEOUT_HEAD) - 8 - len(_COUNTER)]
    mark = f"{len(_MARK_HEAD)}s4s" if marked else "0s0s"
    counter = f"{len(_COUNTER_HEAD)}sQ{len(_COUNTER_MIDDLE)}sQ"
    before = f">{len(head)}s{key_bytes}s{-key_bytes % 4}x"
    return struct.Struct(f"{before}{mark}{len(_TIMEOUT_HEAD)}sQ{counter}"), head


def _encode_name(kind: int, name: str) -> bytes:
    return encode_attribute(kind, name.encode("ascii") + b"\0")


def decode_element(data: bytes) -> Element:
    """Read the attributes of one element.

    Raises:
        MalformedError: it has no key.
    """
    attributes = decode_attributes(data)
    key = decode_attributes(attributes.get(1, b"")).get(1)
    if key is None:
        raise MalformedError("element without a key")
    packets, octets = _decode_counter(attributes)
    return Element(
        key=key,
        mark=_decode_mark(attributes.get(2)),
        timeout_ms=decode_integer(attributes.get(4)),
        remaining_ms=decode_integer(attributes.get(5)),
        packets=packets,
        octets=octets,
    )


# The parts of an element that are always the same, made once: ten thousand are written at a time.
_MARK_HEAD = encode_nested(2, encode_attribute(1, bytes(4)))[:-4]
_TIMEOUT_HEAD = encode_attribute(4, bytes(8))[:-8]
_COUNTER = encode_nested(
    7,
    _encode_name(1, "counter"),
    encode_nested(2, encode_attribute(1, bytes(8)), encode_attribute(2, bytes(8))),
)
_COUNTER_HEAD, _COUNTER_MIDDLE = _COUNTER[:-20], _COUNTER[-12:-8]


def _decode_mark(data: bytes | None) -> int | None:
    value = decode_attributes(data or b"").get(1)
    return struct.unpack("=I", value)[0] if value is not None and len(value) == 4 else None


def _decode_counter(attributes: dict[int, bytes]) -> tuple[int, int]:
    """Return packets and octets, wherever the kernel puts them: one expression or a list."""
    expressions = [attributes[7]] if 7 in attributes else []
    expressions += [value for _, value in iterate_attributes(attributes.get(11, b""))]
    for expression in map(decode_attributes, expressions):
        if decode_text(expression.get(1)) == "counter":
            values = decode_attributes(expression.get(2, b""))
            return decode_integer(values.get(2)), decode_integer(values.get(1))
    return 0, 0
