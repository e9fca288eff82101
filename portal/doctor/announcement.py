"""Is the captive portal API announced by DHCP (option 114, RFC 8910)? Asked on the wire.

Not a DHCP client: one DHCPINFORM (RFC 2131 section 4.4.3) from the guest interface's own address,
which takes no lease. A server that listens below the kernel, such as Kea, does not hear its own
machine. The rule to keep: a server's silence is a warning, a wrong announcement a failure.
"""

import asyncio
import secrets
import socket
import struct

from portal import guest_names
from portal.config import Config
from portal.doctor.finding import Finding, failure, right, warning
from portal.doctor.network import way_up
from portal.web.guest import captive_api
from portal.web.guest.settings import origin

CAPTIVE_PORTAL = 114
PORTS = 68, 67
"""Client and server."""
_MAGIC = bytes((99, 130, 83, 99))
_MESSAGE_TYPE, _WANTED, _END, _PAD = 53, 55, 255, 0
_INFORM = 8
_IP_PKTINFO = 8
"""ip(7); Python 3.11 does not name it."""
_FIXED_BYTES = 236
_ANSWER_TIMEOUT_S = 3.0
_LARGEST_PACKET = 1500
_CHECK = "announcement"


class NoAnnouncementError(Exception):
    """No server answered, or nothing that can be read."""


def uri_of(config: Config) -> str:
    """Return what must be announced, in all three ways (RFC 8910 section 2)."""
    return origin("https", config.portal.host_name, config.portal.https_port) + captive_api.PATH


async def announcement(config: Config) -> list[Finding]:
    """Check what each guest interface's DHCP server announces."""
    names = [name for site in config.sites for name in site.guest_interfaces]
    return [await _interface(config, name) for name in names]


async def _interface(config: Config, name: str) -> Finding:
    address, wanted = guest_names.ipv4_address(name), uri_of(config)
    way_out, command = "put these lines into the DHCP server", "kvar config dnsmasq"
    if address is None:
        return failure(_CHECK, f"{name} has no address", *way_up(name))
    try:
        told = await ask(name, address)
    except PermissionError:
        text = f"{name}: only root may ask as a DHCP client does"
        return warning(_CHECK, text, "ask again as root", "sudo kvar doctor")
    except (NoAnnouncementError, OSError) as problem:
        text = f"{name}: no DHCP server answers this machine ({problem})"
        way_out = "Kea does not hear its own machine: look at a phone's; dnsmasq must run"
        return warning(_CHECK, text, way_out, "journalctl -u dnsmasq -u kea-dhcp4-server")
    if told == wanted:
        return right(_CHECK, f"{name} is told {wanted}")
    text = f"{name} is told {told or 'nothing'}, not {wanted}"
    return failure(_CHECK, text, way_out, command)


async def ask(interface: str, address: str, ports: tuple[int, int] = PORTS) -> str:
    """Return the URI that the interface's server announces; empty: none.

    Raises:
        NoAnnouncementError: no answer in time, or none that can be read.
        PermissionError: the client's port is root's.
    """
    number = secrets.randbits(32)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # the answer comes over lo: only the question is bound to the interface, by its route
        asking.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        asking.bind((address, ports[0]))
        index = socket.if_nametoindex(interface)
        question = encode_inform(number, address)
        chosen = struct.pack("@i4s4s", index, socket.inet_aton(address), bytes(4))
        about = [(socket.IPPROTO_IP, _IP_PKTINFO, chosen)]
        asking.sendmsg([question], about, 0, ("255.255.255.255", ports[1]))
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                while True:
                    packet = await loop.sock_recv(asking, _LARGEST_PACKET)
                    if packet[4:8] == number.to_bytes(4, "big"):
                        return decode_announcement(packet)
        except TimeoutError as problem:
            raise NoAnnouncementError(f"none within {_ANSWER_TIMEOUT_S:.0f} s") from problem


def encode_inform(number: int, address: str) -> bytes:
    """Return a DHCPINFORM that asks for option 114 alone."""
    fixed = struct.pack("!4B2I", 1, 1, 6, 0, number, 0) + socket.inet_aton(address)
    options = bytes((_MESSAGE_TYPE, 1, _INFORM, _WANTED, 1, CAPTIVE_PORTAL, _END))
    return fixed.ljust(_FIXED_BYTES, b"\0") + _MAGIC + options.ljust(64, b"\0")


def decode_announcement(packet: bytes) -> str:
    """Return option 114 of an answer; empty: it has none.

    Raises:
        NoAnnouncementError: it is no DHCP.
    """
    if packet[_FIXED_BYTES : _FIXED_BYTES + 4] != _MAGIC:
        raise NoAnnouncementError("an answer that is no DHCP")
    rest = packet[_FIXED_BYTES + 4 :]
    while rest and rest[0] != _END:
        if rest[0] == _PAD:
            rest = rest[1:]
            continue
        length = rest[1] if len(rest) > 1 else 0
        value = rest[2 : 2 + length]
        if len(value) < length or len(rest) < 2:
            raise NoAnnouncementError("an answer that ends early")
        if rest[0] == CAPTIVE_PORTAL:
            return value.rstrip(b"\0").decode("utf-8", "replace")
        rest = rest[2 + length :]
    return ""
