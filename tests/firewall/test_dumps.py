import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall import elements
from firewall.dumps import decode_dump
from firewall.elements import Add, Element, SetName
from firewall.netlink import (
    MalformedError,
    Message,
    decode_messages,
    encode_attribute,
    encode_nested,
)

ADMITTED = SetName("inet", "kvar", "admitted")
MAKES = [  # every make of ours: admitted, downloads, leases, for ever
    {"mark": 1, "timeout_ms": 1, "counted": True},
    {"timeout_ms": 1, "counted": True},
    {"timeout_ms": 1},
    {},
]
BIG = st.integers(1, 2**63)


@pytest.mark.parametrize("make", MAKES)
@given(values=st.lists(st.tuples(st.binary(min_size=6, max_size=6), BIG, BIG, BIG), max_size=6))
def test_many_of_one_make_are_read_like_one(make, values):
    counted = "counted" in make
    items = [
        Element(
            key,
            mark=a & 0xFFFF_FFFF if "mark" in make else None,
            timeout_ms=a if "timeout_ms" in make else 0,
            packets=b if counted else 0,
            octets=c if counted else 0,
        )
        for key, a, b, c in values
    ]
    data, _ = elements.encode_batch([Add(ADMITTED, tuple(items), counted=counted)], 1)
    _, message, _ = decode_messages(data)
    assert decode_dump([message]) == {item.key: item for item in items}


def dump(*items: bytes) -> Message:
    listed = encode_nested(3, *(encode_nested(1, item) for item in items))
    return Message(elements.NEW_ELEMENT, 2, 1, 0, bytes(4) + listed)


def key(number: int) -> bytes:
    return encode_nested(1, encode_attribute(1, bytes([2, 0, 0, 0, 0, number])))


def test_what_does_not_fit_the_pattern_is_read_anyway():
    time = struct.pack("!Q", 60_000)
    first = key(1) + encode_attribute(4, time) + encode_attribute(5, time)
    other_order = key(2) + encode_attribute(5, time) + encode_attribute(4, time)
    found = decode_dump([dump(first, other_order), dump(key(3))])
    assert [element.key[-1] for element in found.values()] == [1, 2, 3]
    assert [element.remaining_ms for element in found.values()] == [60_000, 60_000, 0]


@pytest.mark.parametrize("item", [b"", b"\1", b"\x09\0\1\0abcd", encode_attribute(4, bytes(8))])
def test_what_is_no_element_is_malformed(item):
    with pytest.raises(MalformedError):
        decode_dump([dump(item)])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_malformed(item):
    try:
        decode_dump([dump(item)])
    except MalformedError:
        return
