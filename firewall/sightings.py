"""What a frame says of who sent it, and the filter that lets only such frames reach this process.

Not the socket (listener.py) and not what follows (lookout.py). Pure.
The rule to keep: only frames that devices send to be on the network at all, a few an hour each;
whatever guests do with the network stays in the kernel.
Sources: RFC 826 (ARP), RFC 2131 (DHCP), RFC 4861 (neighbour discovery), RFC 8415 (DHCPv6), Linux
Documentation/networking/filter.rst and include/uapi/linux/filter.h.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

FRAME_MAX_BYTES = 64
"""Of a frame as the filter hands it over: as far as the IPv6 addresses, and a little more."""
MUTED_MAX = 16
"""Sources that the filter may name; each costs every frame of the network two comparisons."""

_ETHERNET = 14
_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_UDP, _ICMPV6 = 17, 58
_DHCP_SERVER, _DHCP_CLIENT, _DHCPV6_SERVER = 67, 68, 547
_ROUTER_SOLICITATION, _ROUTER_ADVERTISEMENT = 133, 134
_NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT = 135, 136
_NOBODY = (bytes(4), bytes(16))  # asks for an address, or whether somebody has it

# classic BPF: what an instruction does, and where the kernel keeps what is not in the frame
_BYTE, _HALF, _WORD, _HALF_AT_X = 0x30, 0x28, 0x20, 0x48
_AND, _IS, _HAS, _RETURN, _HEADER_TO_X = 0x54, 0x15, 0x45, 0x06, 0xB1
_PACKET_TYPE, _VLAN_TAG = 0xFFFF_F000 + 4, 0xFFFF_F000 + 44
_OUTGOING, _VLAN_NUMBER, _FRAGMENT = 4, 0x0FFF, 0x1FFF
_INSTRUCTION = struct.Struct("=HBBI")

_Test = tuple[int, int, bool]  # kind, value, and whether it must be so to go on


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device was heard; `address` is its own, None while it has none.

    `serves`: what only a server or router says: "dhcp" (an answer of DHCP) or "router" (an
    advertisement); empty for what devices say.
    """

    mac: str
    address: Address | None
    serves: str = ""


def decode_sighting(frame: bytes) -> Sighting | None:
    """Read a frame that the filter let through, None for any other."""
    source = frame[6:12]
    if len(source) < 6 or source[0] & 1 or not any(source):
        return None
    match int.from_bytes(frame[12:14], "big"):
        case 0x0806:
            packed, size = frame[28:32], 4  # the sender's protocol address
        case 0x0800:
            packed, size = frame[26:30], 4
        case 0x86DD:
            packed, size = frame[22:38], 16
        case _:
            return None
    if len(packed) < size:
        return None
    address = None if packed in _NOBODY else _address(packed)
    return Sighting(source.hex(":"), address, _service(frame))


def _service(frame: bytes) -> str:
    """Say what a frame serves that is long enough for its addresses."""
    match int.from_bytes(frame[12:14], "big"):
        case 0x0800 if _is_dhcp_answer(frame):
            return "dhcp"
        case 0x86DD if _is_router_advertisement(frame):
            return "router"
    return ""


def _is_dhcp_answer(frame: bytes) -> bool:
    ports = _ETHERNET + 4 * (frame[_ETHERNET] & 0xF)
    return frame[ports : ports + 4] == struct.pack("!HH", _DHCP_SERVER, _DHCP_CLIENT)


def _is_router_advertisement(frame: bytes) -> bool:
    kind = frame[_ETHERNET + 40 : _ETHERNET + 41]
    return frame[_ETHERNET + 6] == _ICMPV6 and kind == bytes([_ROUTER_ADVERTISEMENT])


def _address(packed: bytes) -> Address:
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def encode_filter(muted: Sequence[bytes] = ()) -> bytes:
    """Write the filter: an array of `struct sock_filter`, run for each frame of the interface.

    Args:
        muted: MAC addresses whose frames are not wanted for now.
    """
    words = [
        *_unless(_BYTE, _PACKET_TYPE, (_IS, _OUTGOING, False)),
        *_unless_masked(_VLAN_TAG, _VLAN_NUMBER),
        *_unless(_BYTE, 6, (_HAS, 1, False)),  # a group is nobody
        *[word for mac in muted[:MUTED_MAX] for word in _not_from(mac)],
    ]
    for kind, rest in ((_ARP, []), (_IPV4, _ipv4()), (_IPV6, _ipv6())):
        body = [*rest, (_RETURN, 0, 0, FRAME_MAX_BYTES)]
        words += [(_HALF, 0, 0, 12), (_IS, 0, len(body), kind), *body]
    return b"".join(_INSTRUCTION.pack(*word) for word in [*words, _NO])


_Word = tuple[int, int, int, int]  # what to do, jumps when so and when not so, value
_NO: _Word = (_RETURN, 0, 0, 0)


def _ipv4() -> list[_Word]:
    return [
        *_unless(_BYTE, _ETHERNET + 9, (_IS, _UDP, True)),
        *_unless(_HALF, _ETHERNET + 6, (_HAS, _FRAGMENT, False)),
        (_HEADER_TO_X, 0, 0, _ETHERNET),
        (_HALF_AT_X, 0, 0, _ETHERNET + 2),
        (_IS, 2, 0, _DHCP_SERVER),
        (_IS, 1, 0, _DHCP_CLIENT),
        _NO,
    ]


def _ipv6() -> list[_Word]:
    following, payload = _ETHERNET + 6, _ETHERNET + 40
    discovery = (
        *(_ROUTER_SOLICITATION, _ROUTER_ADVERTISEMENT),
        *(_NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT),
    )
    dhcp = [(_RETURN, 0, 0, FRAME_MAX_BYTES)]
    dhcp = [*_unless(_HALF, payload + 2, (_IS, _DHCPV6_SERVER, True)), *dhcp]
    kinds: list[_Word] = [(_IS, len(discovery) - at, 0, kind) for at, kind in enumerate(discovery)]
    return [
        (_BYTE, 0, 0, following),
        (_IS, 0, len(dhcp), _UDP),
        *dhcp,
        *_unless(_BYTE, following, (_IS, _ICMPV6, True)),
        (_BYTE, 0, 0, payload),
        *kinds,
        _NO,
    ]


def _unless(load: int, at: int, test: _Test) -> list[_Word]:
    """Give the frame up unless what stands there is as wished."""
    kind, value, wished = test
    return [(load, 0, 0, at), (kind, int(wished), int(not wished), value), _NO]


def _unless_masked(at: int, mask: int) -> list[_Word]:
    """Give the frame up when any of these bits is set."""
    return [(_WORD, 0, 0, at), (_AND, 0, 0, mask), (_IS, 1, 0, 0), _NO]


def _not_from(mac: bytes) -> list[_Word]:
    first, last = int.from_bytes(mac[:4], "big"), int.from_bytes(mac[4:6], "big")
    return [
        (_WORD, 0, 0, 6),
        (_IS, 0, 3, first),
        (_HALF, 0, 0, 10),
        (_IS, 0, 1, last),
        _NO,
    ]
