import pytest

from firewall.conntrack import encode_delete_by_mark
from firewall.netlink import decode_attributes, decode_messages


def test_connections_are_deleted_by_mark_under_a_mask():
    (message,) = decode_messages(encode_delete_by_mark(0x50001, 0x7FFF0001, 7))
    assert (message.kind, message.sequence) == (0x102, 7)
    attributes = decode_attributes(message.payload[4:])
    assert attributes == {8: bytes.fromhex("00050001"), 21: bytes.fromhex("7fff0001")}


def test_deleting_everything_is_refused():
    with pytest.raises(ValueError, match="every connection"):
        encode_delete_by_mark(0, 0, 1)
