from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall import netlink
from firewall.netlink import MalformedError, Message

ATTRIBUTES = st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=6)


@given(st.integers(4, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.binary())
def test_a_message_comes_back_as_it_was_written(kind, flags, sequence, payload):
    data = netlink.encode_message(kind, flags, sequence, payload)
    assert list(netlink.decode_messages(data)) == [Message(kind, flags, sequence, 0, payload)]


@given(ATTRIBUTES)
def test_attributes_come_back_as_they_were_written(attributes):
    data = b"".join(netlink.encode_attribute(kind, value) for kind, value in attributes.items())
    assert netlink.decode_attributes(data) == attributes


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_malformed(data):
    with suppress(MalformedError):
        for message in netlink.decode_messages(data):
            assert message.error is None or isinstance(message.error, int)


@given(st.binary(max_size=200))
def test_any_bytes_are_attributes_or_malformed(data):
    with suppress(MalformedError):
        netlink.decode_attributes(data)


def test_several_messages_share_a_datagram():
    data = netlink.encode_message(16, 0, 1, b"abc") + b"\0" + netlink.encode_message(17, 0, 2, b"")
    assert [m.kind for m in netlink.decode_messages(data)] == [16, 17]


@pytest.mark.parametrize("length", range(1, 20))
def test_a_cut_message_is_malformed(length):
    data = netlink.encode_message(16, 0, 1, b"abcd")
    with pytest.raises(MalformedError):
        list(netlink.decode_messages(data[:length]))


@pytest.mark.parametrize("data", [b"\0", b"\3\0\1\0", b"\x09\0\1\0abcd"])
def test_a_wrong_attribute_length_is_malformed(data):
    with pytest.raises(MalformedError):
        netlink.decode_attributes(data)


def test_an_error_message_tells_its_number():
    assert Message(netlink.NLMSG_ERROR, 0, 1, 0, b"\xfe\xff\xff\xff").error == 2
    assert Message(netlink.NLMSG_ERROR, 0, 1, 0, b"\0\0\0\0").error == 0
    assert Message(16, 0, 1, 0, b"").error is None
    with pytest.raises(MalformedError):
        _ = Message(netlink.NLMSG_ERROR, 0, 1, 0, b"\0").error


def test_a_nested_attribute_is_marked_and_read_through_the_mark():
    data = netlink.encode_nested(3, netlink.encode_attribute(1, b"x"))
    assert data[3] == 0x80
    assert netlink.decode_attributes(netlink.decode_attributes(data)[3]) == {1: b"x"}


def test_absent_values_read_as_nothing():
    assert netlink.decode_integer(None) == 0
    assert netlink.decode_integer(b"\1\0") == 256
    assert netlink.decode_text(None) == ""
    assert netlink.decode_text(b"kvar\0\0") == "kvar"
