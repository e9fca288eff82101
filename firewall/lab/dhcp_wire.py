"""PURE: DHCP messages as a client writes and reads them (RFC 2131, 2132, 3396; RFC 8415 for v6).

Not a DHCP implementation: one client's few messages, and Ethernet, IPv4 and UDP around them for a
host that has no address yet.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct

DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
SUBNET_MASK, ROUTER, DNS, HOST_NAME = 1, 3, 6, 12
REQUESTED_ADDRESS, LEASE_TIME, MESSAGE_TYPE, SERVER, PARAMETERS = 50, 51, 53, 54, 55
CLIENT_ID, CAPTIVE_PORTAL, END = 61, 114, 255
ASKED_FOR = bytes([SUBNET_MASK, ROUTER, DNS, 15, 26, 28, LEASE_TIME, 58, 59, CAPTIVE_PORTAL])
ASKED_FOR_BY_OLD_PHONES = bytes([SUBNET_MASK, ROUTER, DNS, 15, 26, 28, LEASE_TIME, 58, 59])
COOKIE = b"\x63\x82\x53\x63"
CLIENT_PORT, SERVER_PORT = 68, 67
FIXED_OCTETS = 240
UNSPECIFIED = "0.0.0.0"  # noqa: S104 - "no address yet" (RFC 2131, 2)

V6_CLIENT_PORT, V6_SERVER_PORT = 546, 547
V6_SERVERS = "ff02::1:2"
V6_INFORMATION_REQUEST, V6_REPLY = 11, 7
V6_CLIENT_ID, V6_OPTION_REQUEST, V6_ELAPSED, V6_DNS, V6_CAPTIVE_PORTAL = 1, 6, 8, 23, 103


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """A server's message: the address it gives, and every option's bytes."""

    transaction: int
    kind: int
    address: str
    options: dict[int, bytes]


def encode(  # noqa: PLR0913 - the fields that differ between a client's messages
    kind: int,
    transaction: int,
    mac: bytes,
    *,
    own: str = UNSPECIFIED,
    requested: str | None = None,
    server: str | None = None,
    asked_for: bytes = ASKED_FOR,
) -> bytes:
    """A client's message; `own` is the address it already uses (RENEWING)."""
    fixed = struct.pack(
        "!4BIHH4s4s4s4s16s64s128s",
        1,
        1,
        6,
        0,
        transaction,
        0,
        0,
        ipaddress.IPv4Address(own).packed,
        bytes(4),
        bytes(4),
        bytes(4),
        mac,
        b"",
        b"",
    )
    options = [(MESSAGE_TYPE, bytes([kind])), (CLIENT_ID, b"\x01" + mac), (PARAMETERS, asked_for)]
    if requested:
        options.append((REQUESTED_ADDRESS, ipaddress.IPv4Address(requested).packed))
    if server:
        options.append((SERVER, ipaddress.IPv4Address(server).packed))
    body = b"".join(bytes([code, len(value)]) + value for code, value in options)
    return fixed + COOKIE + body + bytes([END])


def decode(message: bytes) -> Message | None:
    """A server's message, or None when the bytes are none."""
    if len(message) < FIXED_OCTETS or message[0] != 2 or message[236:240] != COOKIE:
        return None
    options = _options(message[FIXED_OCTETS:])
    return Message(
        transaction=struct.unpack_from("!I", message, 4)[0],
        kind=int.from_bytes(options.get(MESSAGE_TYPE, b"")[:1], "big"),
        address=str(ipaddress.IPv4Address(message[16:20])),
        options=options,
    )


def _options(data: bytes) -> dict[int, bytes]:
    """Code -> value; an option sent in pieces is put together (RFC 3396)."""
    options: dict[int, bytes] = {}
    position = 0
    while position < len(data) and data[position] != END:
        code = data[position]
        if code == 0:
            position += 1
            continue
        length = data[position + 1] if position + 1 < len(data) else 0
        options[code] = options.get(code, b"") + data[position + 2 : position + 2 + length]
        position += 2 + length
    return options


def broadcast_frame(mac: bytes, payload: bytes) -> bytes:
    """The message as an Ethernet broadcast from 0.0.0.0 (RFC 2131, 4.1)."""
    udp = struct.pack("!4H", CLIENT_PORT, SERVER_PORT, 8 + len(payload), 0)  # no checksum
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4
    )
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp + payload


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def payload_of(frame: bytes) -> bytes | None:
    """The DHCP message inside an Ethernet frame to port 68, or None."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    start = 14 + (frame[14] & 0xF) * 4
    if len(frame) < start + 8:
        return None
    (port,) = struct.unpack_from("!H", frame, start + 2)
    return frame[start + 8 :] if port == CLIENT_PORT else None


def encode_information_request(transaction: int, mac: bytes, *, portal: bool = True) -> bytes:
    """DHCPv6 Information-Request for DNS servers and the captive portal (RFC 8415, 18.2.6)."""
    asked = struct.pack("!H", V6_DNS) + (struct.pack("!H", V6_CAPTIVE_PORTAL) if portal else b"")
    options = [
        (V6_CLIENT_ID, b"\x00\x03\x00\x01" + mac),
        (V6_OPTION_REQUEST, asked),
        (V6_ELAPSED, b"\0\0"),
    ]
    body = b"".join(struct.pack("!2H", code, len(value)) + value for code, value in options)
    return bytes([V6_INFORMATION_REQUEST]) + transaction.to_bytes(3, "big") + body


def decode_reply(message: bytes, transaction: int) -> dict[int, bytes] | None:
    """The options of a DHCPv6 Reply to that transaction, or None when it is something else."""
    if message[:4] != bytes([V6_REPLY]) + transaction.to_bytes(3, "big"):
        return None
    options: dict[int, bytes] = {}
    position = 4
    while position + 4 <= len(message):
        code, length = struct.unpack_from("!2H", message, position)
        options[code] = message[position + 4 : position + 4 + length]
        position += 4 + length
    return options
