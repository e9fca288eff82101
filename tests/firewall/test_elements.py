import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall import elements
from firewall.elements import Add, Delete, Element, SetName
from firewall.netlink import (
    MalformedError,
    Message,
    decode_attributes,
    decode_messages,
    encode_attribute,
    encode_nested,
)

ADMITTED = SetName("inet", "kvar", "admitted")
DOWNLOADS = SetName("netdev", "kvar", "downloads")
KEY = bytes.fromhex("020000000001")

ELEMENTS = st.builds(
    Element,
    key=st.binary(min_size=1, max_size=16),
    mark=st.none() | st.integers(0, 2**32 - 1),
    timeout_ms=st.integers(0, 2**40),
    remaining_ms=st.just(0),
    packets=st.integers(0, 2**64 - 1),
    octets=st.integers(0, 2**64 - 1),
)


@given(st.lists(ELEMENTS, min_size=1, max_size=5))
def test_added_elements_can_be_read_back(items):
    data, last = elements.encode_batch([Add(ADMITTED, tuple(items), counted=True)], 10)
    begin, change, end = decode_messages(data)
    assert (begin.kind, change.kind, end.kind) == (16, elements.NEW_ELEMENT, 17)
    assert (change.sequence, change.flags & 4) == (last, 4)
    assert elements.decode_place(change) == ("kvar", "admitted")
    assert list(elements.decode_elements(change)) == items


def test_a_batch_names_each_family_and_wants_one_answer():
    changes = [Delete(ADMITTED, (KEY,)), Delete(DOWNLOADS, (KEY,)), Add(ADMITTED, (Element(KEY),))]
    data, last = elements.encode_batch(changes, 1)
    messages = list(decode_messages(data))
    assert [elements.decode_family(m) for m in messages] == [0, 1, 5, 1, 0]
    assert [m.sequence for m in messages if m.flags & 4] == [last]
    assert [bool(m.flags & 8) for m in messages] == [False, True, True, False, False]


def test_an_uncounted_element_has_no_counter():
    data, _ = elements.encode_batch([Add(ADMITTED, (Element(KEY, packets=5),))], 1)
    _, change, _ = decode_messages(data)
    assert list(elements.decode_elements(change)) == [Element(KEY)]


@given(
    st.binary(min_size=1, max_size=16),
    st.none() | st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(1, 2**64 - 1)] * 3),
)
def test_the_template_writes_what_the_grammar_would(key, mark, numbers):
    timeout_ms, packets, octets = numbers
    element = Element(key, mark, timeout_ms, 0, packets, octets)
    slowly = encode_nested(1, elements._encode_parts(element, counted=True))
    assert elements.encode_element(element, counted=True) == slowly


def test_an_element_as_the_kernel_lays_it_out():
    counter = encode_attribute(1, struct.pack("!Q", 284)) + encode_attribute(
        2, struct.pack("!Q", 4)
    )
    item = (
        encode_nested(1, encode_attribute(1, KEY))
        + encode_nested(2, encode_attribute(1, struct.pack("=I", 0x10001)))
        + encode_nested(7, encode_attribute(1, b"counter\0"), encode_nested(2, counter))
        + encode_attribute(4, struct.pack("!Q", 62_000))
        + encode_attribute(5, struct.pack("!Q", 59_200))
    )
    payload = bytes(4) + encode_attribute(1, b"kvar\0") + encode_nested(3, encode_nested(1, item))
    (element,) = elements.decode_elements(Message(elements.NEW_ELEMENT, 2, 1, 0, payload))
    assert element == Element(KEY, 0x10001, 62_000, 59_200, packets=4, octets=284)


def test_a_counter_may_stand_in_a_list_of_expressions():
    counter = encode_attribute(1, struct.pack("!Q", 9)) + encode_attribute(2, struct.pack("!Q", 2))
    limit = encode_nested(1, encode_attribute(1, b"limit\0"))
    listed = encode_nested(1, encode_attribute(1, b"counter\0"), encode_nested(2, counter))
    item = encode_nested(1, encode_attribute(1, KEY)) + encode_nested(11, limit, listed)
    payload = bytes(4) + encode_nested(3, encode_nested(1, item))
    (element,) = elements.decode_elements(Message(elements.NEW_ELEMENT, 0, 1, 0, payload))
    assert (element.packets, element.octets) == (2, 9)


def test_an_element_without_a_key_is_malformed():
    payload = bytes(4) + encode_nested(3, encode_nested(1, encode_attribute(4, bytes(8))))
    with pytest.raises(MalformedError):
        list(elements.decode_elements(Message(elements.NEW_ELEMENT, 0, 1, 0, payload)))


def test_an_odd_mark_is_no_mark():
    item = encode_nested(1, encode_attribute(1, KEY)) + encode_nested(2, encode_attribute(1, b"x"))
    payload = bytes(4) + encode_nested(3, encode_nested(1, item))
    (element,) = elements.decode_elements(Message(elements.NEW_ELEMENT, 0, 1, 0, payload))
    assert element.mark is None


@given(st.binary(max_size=120))
def test_any_bytes_are_elements_or_malformed(payload):
    with suppress(MalformedError):
        list(elements.decode_elements(Message(elements.NEW_ELEMENT, 0, 1, 0, payload)))


def test_questions_name_their_set():
    for data in (elements.encode_get(ADMITTED, KEY, 3), elements.encode_dump(ADMITTED, 3)):
        (message,) = decode_messages(data)
        assert elements.decode_place(message) == ("kvar", "admitted")
        assert message.kind == elements.GET_ELEMENT


def test_the_generation_is_read():
    payload = bytes(4) + encode_attribute(1, struct.pack("!I", 4711))
    assert elements.decode_generation(Message(elements.NEW_GENERATION, 0, 1, 0, payload)) == 4711
    (question,) = decode_messages(elements.encode_get_generation(1))
    assert question.kind == elements.GET_GENERATION


def test_a_chains_shape_leaves_its_use_out():
    def chain(use: int) -> Message:
        attributes = encode_attribute(1, b"kvar\0") + encode_attribute(3, b"input\0")
        attributes += encode_attribute(6, struct.pack("!I", use))
        return Message(elements.NEW_CHAIN, 0, 1, 0, bytes(4) + attributes)

    assert elements.decode_shape(chain(1)) == elements.decode_shape(chain(2)) != b""
    assert elements.decode_place(chain(1)) == ("kvar", "input")


def test_other_messages_have_no_shape():
    assert elements.decode_shape(Message(999, 0, 1, 0, bytes(4))) == b""
    assert elements.decode_family(Message(999, 0, 1, 0, b"")) == 0
    (question,) = decode_messages(
        elements.encode_dump_objects(elements.GET_RULE, "netdev", "kvar", 1)
    )
    assert decode_attributes(question.payload[4:]) == {1: b"kvar\0"}


def test_a_device_and_its_address_are_read_from_one_key():
    key = bytes.fromhex("020000000001" + "0000" + "20010db8" + "00" * 11 + "2a")
    expected = ("02:00:00:00:00:01", "2001:db8::2a")
    assert elements.decode_device_address(key) == expected
