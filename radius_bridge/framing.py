"""Cuts a stream into packets by their own Length (RFC 6613 section 2.6.4).

Not the packets' meaning. Pure.
The rule to keep: it holds one packet at most beside what was fed last, and a Length that cannot be
ends the stream: there is no finding the next packet after it.
"""

from radius_bridge.wire import (
    HEADER_OCTETS,
    PACKET_MAX_OCTETS,
    MalformedPacketError,
    PacketFault,
)

_BEFORE_LENGTH = 2
_UP_TO_LENGTH = 4


class Framer:
    """The octets of one direction of a connection, packet by packet."""

    def __init__(self) -> None:
        self._octets = bytearray()

    @property
    def is_between_packets(self) -> bool:
        """Whether nothing has come of a next packet."""
        return not self._octets

    def feed(self, octets: bytes) -> None:
        """Take what has come."""
        self._octets += octets

    def next_packet(self) -> bytes | None:
        """Return the next packet, None until it is whole.

        Raises:
            MalformedPacketError: its Length cannot be. Whoever asks again gets the same.
        """
        if len(self._octets) < _UP_TO_LENGTH:
            return None
        length = int.from_bytes(self._octets[_BEFORE_LENGTH:_UP_TO_LENGTH], "big")
        if not HEADER_OCTETS <= length <= PACKET_MAX_OCTETS:
            raise MalformedPacketError(PacketFault.LENGTH)
        if len(self._octets) < length:
            return None
        packet = bytes(self._octets[:length])
        del self._octets[:length]
        return packet
