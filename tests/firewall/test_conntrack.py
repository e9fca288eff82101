import pytest

from firewall.conntrack import (
    decode_mark,
    encode_delete_by_mark,
    encode_delete_each,
    encode_dump_by_mark,
)
from firewall.netlink import (
    NLM_F_ACK,
    NLM_F_DUMP,
    Message,
    decode_attributes,
    decode_messages,
    encode_attribute,
)


def test_connections_are_deleted_by_mark_under_a_mask():
    (message,) = decode_messages(encode_delete_by_mark(0x50001, 0x7FFF0001, 7))
    assert (message.kind, message.sequence) == (0x102, 7)
    attributes = decode_attributes(message.payload[4:])
    assert attributes == {8: bytes.fromhex("00050001"), 21: bytes.fromhex("7fff0001")}


def test_deleting_everything_is_refused():
    with pytest.raises(ValueError, match="every connection"):
        encode_delete_by_mark(0, 0, 1)


def test_connections_are_asked_for_by_mark_under_a_mask():
    (message,) = decode_messages(encode_dump_by_mark(0x50001, 0x7FFF0001, 7))
    assert (message.kind, message.flags & NLM_F_DUMP) == (0x101, NLM_F_DUMP)
    attributes = decode_attributes(message.payload[4:])
    assert attributes == {8: bytes.fromhex("00050001"), 21: bytes.fromhex("7fff0001")}


def connection(family: int, *attributes: tuple[int, bytes]) -> Message:
    body = bytes([family, 0, 0, 0])
    return Message(0x100, 0, 1, 0, body + b"".join(encode_attribute(k, v) for k, v in attributes))


def test_a_connection_tells_its_mark():
    assert decode_mark(connection(2, (8, bytes.fromhex("80000007")))) == 0x8000_0007
    assert decode_mark(connection(2)) == 0


def test_each_connection_is_deleted_as_it_was_told():
    first = connection(2, (1, b"way!"), (2, b"back"), (12, b"id 1"))
    second = connection(10, (1, b"WAY!"), (18, b"\0\7"), (12, b"id 2"))
    data, last = encode_delete_each([first, second], 5)
    messages = list(decode_messages(data))
    assert last == 6
    assert [(m.kind, m.sequence, m.flags & NLM_F_ACK) for m in messages] == [
        (0x102, 5, 0),
        (0x102, 6, NLM_F_ACK),
    ]
    assert [m.payload[0] for m in messages] == [2, 10]
    assert [decode_attributes(m.payload[4:]) for m in messages] == [
        {1: b"way!", 12: b"id 1"},
        {1: b"WAY!", 12: b"id 2", 18: b"\0\7"},
    ]
