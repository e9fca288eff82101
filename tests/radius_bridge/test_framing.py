import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.framing import Framer
from radius_bridge.wire import MalformedPacketError, PacketFault

BODIES = st.lists(st.binary(max_size=60), max_size=6)


def packet(body: bytes) -> bytes:
    return b"\1\7" + (20 + len(body)).to_bytes(2, "big") + bytes(16) + body


def drain(framer: Framer) -> list[bytes]:
    found = []
    while (one := framer.next_packet()) is not None:
        found.append(one)
    return found


@given(BODIES, st.binary(max_size=19), st.lists(st.integers(1, 50), max_size=60))
def test_packets_come_out_whole_however_the_stream_is_cut(
    bodies: list[bytes], rest: bytes, cuts: list[int]
) -> None:
    packets = [packet(body) for body in bodies]
    rest = b"\4\0\0\x20" + bytes(16) if len(rest) >= 4 else rest
    stream, framer, found = b"".join(packets) + rest, Framer(), []
    for size in [*cuts, len(stream)]:
        framer.feed(stream[:size])
        stream = stream[size:]
        found += drain(framer)
    assert found == packets
    assert framer.is_between_packets == (not rest)


def test_octet_by_octet() -> None:
    framer, whole = Framer(), packet(b"\1\3x")
    for octet in whole[:-1]:
        framer.feed(bytes((octet,)))
        assert framer.next_packet() is None
        assert not framer.is_between_packets
    framer.feed(whole[-1:])
    assert framer.next_packet() == whole
    assert framer.is_between_packets


@pytest.mark.parametrize("length", [0, 19, 4097, 65535])
def test_a_length_that_cannot_be_ends_the_stream(length: int) -> None:
    framer = Framer()
    framer.feed(packet(b"") + b"\1\7" + length.to_bytes(2, "big"))
    assert framer.next_packet() == packet(b"")
    for _ in range(2):
        with pytest.raises(MalformedPacketError) as caught:
            framer.next_packet()
        assert caught.value.fault is PacketFault.LENGTH


@pytest.mark.parametrize("length", [20, 4096])
def test_the_shortest_and_the_longest(length: int) -> None:
    framer, whole = Framer(), packet(bytes(length - 20))
    framer.feed(whole)
    assert framer.next_packet() == whole
