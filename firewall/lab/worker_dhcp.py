"""A phone's DHCP client, and how it learns its IPv6 surroundings.

Not a daemon: a lease is taken, renewed or confirmed when asked, so that tests decide about time.
"""

from __future__ import annotations

import base64
import ipaddress
import pathlib
import random
import socket
import struct
import subprocess
import time
from typing import TYPE_CHECKING, Any

from firewall.lab import addressing, dhcp_wire
from firewall.lab import router_advertisement as advertisement
from firewall.lab.worker_sockets import RESOLVER_FILE, VerbError, packet_socket

if TYPE_CHECKING:
    from collections.abc import Callable

ETH_P_IP = 0x0800
RESEND_S = 1.0
POLL_S = 0.02
_numbers = random.SystemRandom()
_held: dict[str, str] = {}  # "address" and "server" of the lease in use


def join(timeout_s: float, portal: bool = True) -> dict[str, Any]:
    """DISCOVER, OFFER, REQUEST, ACK by broadcast; then set everything up."""
    give_up = time.monotonic() + timeout_s
    asked_for = dhcp_wire.ASKED_FOR if portal else dhcp_wire.ASKED_FOR_BY_OLD_PHONES
    with packet_socket(ETH_P_IP) as link:
        offer = _converse(link, dhcp_wire.DISCOVER, give_up, asked_for=asked_for)
        server = str(ipaddress.IPv4Address(offer.options[dhcp_wire.SERVER]))
        accepted = _converse(
            link,
            dhcp_wire.REQUEST,
            give_up,
            requested=offer.address,
            server=server,
            asked_for=asked_for,
        )
    return _use(accepted)


def init_reboot(timeout_s: float) -> dict[str, Any]:
    """REQUEST for the address held before, by broadcast, naming no server."""
    if not _held:
        raise VerbError("no lease to confirm")
    with packet_socket(ETH_P_IP) as link:
        give_up = time.monotonic() + timeout_s
        return _use(_converse(link, dhcp_wire.REQUEST, give_up, requested=_held["address"]))


def renew(timeout_s: float) -> dict[str, Any]:
    """REQUEST by unicast from the address held."""
    if not _held:
        raise VerbError("no lease to renew")
    transaction = _numbers.getrandbits(32)
    message = dhcp_wire.encode(dhcp_wire.REQUEST, transaction, _mac(), own=_held["address"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
        flow.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        flow.bind((_held["address"], dhcp_wire.CLIENT_PORT))
        flow.connect((_held["server"], dhcp_wire.SERVER_PORT))
        give_up = time.monotonic() + timeout_s
        return _use(_exchange(flow, lambda: flow.send(message), bytes, transaction, give_up))


def _converse(
    link: socket.socket,
    kind: int,
    give_up: float,
    **terms: Any,
) -> dhcp_wire.Message:
    """Broadcast one message, sent again each second, and wait for the answer to it."""
    mac, transaction = _mac(), _numbers.getrandbits(32)
    message = dhcp_wire.encode(kind, transaction, mac, **terms)
    frame = dhcp_wire.broadcast_frame(mac, message)
    return _exchange(link, lambda: link.send(frame), dhcp_wire.payload_of, transaction, give_up)


def _exchange(
    wire: socket.socket,
    send: Callable[[], int],
    unpack: Callable[[bytes], bytes | None],
    transaction: int,
    give_up: float,
) -> dhcp_wire.Message:
    resend = time.monotonic()
    while (now := time.monotonic()) < give_up:
        if now >= resend:
            send()
            resend = now + RESEND_S
        wire.settimeout(max(0.001, min(resend, give_up) - now))
        try:
            payload = unpack(wire.recv(65536))
        except TimeoutError:
            continue
        message = dhcp_wire.decode(payload) if payload else None
        if message is not None and message.transaction == transaction:
            if message.kind == dhcp_wire.NAK:
                raise VerbError("the DHCP server says no (NAK)")
            return message
    raise VerbError("no answer from a DHCP server")


def _use(message: dhcp_wire.Message) -> dict[str, Any]:
    """Set address, route and resolver as the ACK says; report the lease."""
    options = message.options
    mask = ipaddress.IPv4Address(options[dhcp_wire.SUBNET_MASK])
    length = ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen
    router = _addresses(options[dhcp_wire.ROUTER])[0]
    resolvers = _addresses(options.get(dhcp_wire.DNS, b""))
    server = _addresses(options[dhcp_wire.SERVER])[0]
    _set_address(f"{message.address}/{length}", router)
    _set_resolvers("".join(f"nameserver {address}\n" for address in resolvers))
    _held.update(address=message.address, server=server)
    uri = options.get(dhcp_wire.CAPTIVE_PORTAL)
    return {
        "address": message.address,
        "prefix_length": length,
        "router": router,
        "dns": resolvers,
        "lease_s": int.from_bytes(options[dhcp_wire.LEASE_TIME], "big"),
        "server": server,
        "captive_portal_uri": uri.decode("latin-1") if uri is not None else None,
        "options": {str(code): _text(value) for code, value in options.items()},
    }


def _set_address(address: str, router: str) -> None:
    """Only what differs changes: a renewal must not disturb running connections."""
    link = addressing.PHONE_INTERFACE
    shown = subprocess.run(
        ["ip", "-4", "-o", "addr", "show", "dev", link], capture_output=True, text=True, check=True
    ).stdout
    lines = [] if f"inet {address} " in shown else [f"addr flush dev {link}"]
    lines += [f"addr replace {address} dev {link}", f"route replace default via {router}"]
    text = "\n".join(lines) + "\n"
    subprocess.run(
        ["ip", "-4", "-batch", "-"], input=text, text=True, check=True, capture_output=True
    )


def _set_resolvers(text: str) -> None:
    """Only what differs changes: who looks up a name meanwhile must not find an empty file."""
    if RESOLVER_FILE.read_text() != text:
        RESOLVER_FILE.write_text(text)


def _addresses(packed: bytes) -> list[str]:
    return [str(ipaddress.IPv4Address(packed[at : at + 4])) for at in range(0, len(packed), 4)]


def _mac() -> bytes:
    with packet_socket(0) as link:
        return bytes(link.getsockname()[4])


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def ipv6_addresses(timeout_s: float) -> dict[str, Any]:
    """Global addresses, waiting for the first."""
    give_up = time.monotonic() + timeout_s
    while not (found := _global_addresses()):
        if time.monotonic() > give_up:
            raise VerbError("no IPv6 address by SLAAC")
        time.sleep(POLL_S)
    return {"addresses": found}


def _global_addresses() -> list[str]:
    """From /proc/net/if_inet6: address, index, prefix, scope (00 = global), flags, interface."""
    text = pathlib.Path("/proc/self/net/if_inet6").read_text()
    rows = [line.split() for line in text.splitlines()]
    return [
        str(ipaddress.IPv6Address(bytes.fromhex(row[0])))
        for row in rows
        if row[3] == "00" and row[5] == addressing.PHONE_INTERFACE
    ]


def router_advertisement(timeout_s: float) -> dict[str, Any]:
    """Solicit and return the options of the first advertisement heard."""
    index = socket.if_nametoindex(addressing.PHONE_INTERFACE)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        raw.settimeout(timeout_s)
        solicitation = struct.pack("!BBHI", advertisement.ROUTER_SOLICITATION, 0, 0, 0)
        raw.sendto(solicitation, ("ff02::2", 0, 0, index))
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            message = raw.recv(2048)
            if message[0] == advertisement.ROUTER_ADVERTISEMENT:
                options = advertisement.decode_options(message)
                return {"options": [(kind, _text(value)) for kind, value in options]}
    raise VerbError("no router advertisement")


def information(timeout_s: float, portal: bool = True) -> dict[str, Any]:
    """DHCPv6 Information-Request and the options of the Reply."""
    index = socket.if_nametoindex(addressing.PHONE_INTERFACE)
    transaction = _numbers.getrandbits(24)
    request = dhcp_wire.encode_information_request(transaction, _mac(), portal=portal)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as flow:
        flow.bind(("::", dhcp_wire.V6_CLIENT_PORT))
        flow.settimeout(RESEND_S)
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            target = (dhcp_wire.V6_SERVERS, dhcp_wire.V6_SERVER_PORT, 0, index)
            flow.sendto(request, target)
            try:
                options = dhcp_wire.decode_reply(flow.recv(65536), transaction)
            except TimeoutError:
                continue
            if options is not None:
                return {"options": {str(code): _text(value) for code, value in options.items()}}
    raise VerbError("no DHCPv6 answer")
