"""A phone's single questions: connect, one datagram, one ping, one look-up, one frame.

The rule to keep: what the network does is an outcome word; only what the lab itself cannot do
raises.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import pathlib
import random
import socket
import struct
import threading
import time
from typing import Any

from firewall.lab import addressing, dns_wire

RESOLVER_FILE = pathlib.Path("/etc/resolv.conf")
# Linux: report every ICMP error to the socket, not only fatal ones (ip(7), ipv6(7)).
IP_RECVERR, IPV6_RECVERR = 11, 25
DNS_RETRY_S = 1.0
OUTCOMES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EACCES: "unreachable",  # ICMPv6 administratively prohibited
    errno.EADDRNOTAVAIL: "unreachable",
    errno.ETIMEDOUT: "timeout",
}
_numbers = random.SystemRandom()


class VerbError(Exception):
    """The request cannot be carried out; the text says why."""


def outcome(error: OSError) -> str:
    """The word for what a socket call reported. Raises VerbError for anything unforeseen."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if error.errno in OUTCOMES:
        return OUTCOMES[error.errno]
    raise VerbError(f"unforeseen: {error!r}") from error


def attempt(word: str, started: float, peer: str = "", data: bytes = b"") -> dict[str, Any]:
    """The answer that `Phone` reads as an Attempt."""
    return {
        "outcome": word,
        "elapsed_s": time.monotonic() - started,
        "peer": peer,
        "data": base64.b64encode(data).decode("ascii"),
    }


def is_address(text: str) -> int:
    """4 or 6 for a literal address, else 0."""
    for family, number in ((socket.AF_INET, 4), (socket.AF_INET6, 6)):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, text)
            return number
    return 0


def look_up(host: str, family: int | None) -> str | None:
    """An address of `host` in that family (IPv4 first when None), or None."""
    if is_address(host):
        return host
    for number, kind in ((4, "A"), (6, "AAAA")):
        if family in {None, number}:
            for record, text in dns(host, kind)["records"]:
                if record == kind:
                    return str(text)
    return None


def open_socket(address: str, kind: int, timeout_s: float, protocol: int = 0) -> socket.socket:
    """A socket of the address's family that hears of every ICMP error."""
    if is_address(address) == 6:
        opened = socket.socket(socket.AF_INET6, kind, protocol)
        if kind == socket.SOCK_DGRAM:
            opened.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        opened = socket.socket(socket.AF_INET, kind, protocol)
        if kind == socket.SOCK_DGRAM:
            opened.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    opened.settimeout(timeout_s)
    return opened


def tcp_connect(
    host: str, port: int, payload: str, family: int | None, timeout_s: float
) -> dict[str, Any]:
    """Connect, and with a payload read one answer."""
    started = time.monotonic()
    address = look_up(host, family)
    if address is None:
        return attempt("dns", started)
    with open_socket(address, socket.SOCK_STREAM, timeout_s) as connection:
        try:
            connection.connect((address, port))
            if not payload:
                return attempt("connected", started, address)
            connection.sendall(base64.b64decode(payload))
            return attempt("answered", started, address, connection.recv(65536))
        except OSError as error:
            return attempt(outcome(error), started, address)


def udp_probe(
    host: str, port: int, payload: str, family: int | None, timeout_s: float
) -> dict[str, Any]:
    """One datagram, one answer or error."""
    started = time.monotonic()
    address = look_up(host, family)
    if address is None:
        return attempt("dns", started)
    with open_socket(address, socket.SOCK_DGRAM, timeout_s) as flow:
        return _exchange(flow, (address, port), base64.b64decode(payload), started)


def ping(host: str, family: int | None, timeout_s: float) -> dict[str, Any]:
    """One echo request on a ping socket (ICMP(7)); the kernel chooses the identifier."""
    started = time.monotonic()
    address = look_up(host, family)
    if address is None:
        return attempt("dns", started)
    with _ping_socket(address, timeout_s) as flow:
        return _exchange(flow, (address, 0), _echo_request(address), started)


def _ping_socket(address: str, timeout_s: float) -> socket.socket:
    version_6 = is_address(address) == 6
    protocol = socket.IPPROTO_ICMPV6 if version_6 else socket.IPPROTO_ICMP
    return open_socket(address, socket.SOCK_DGRAM, timeout_s, protocol)


def _echo_request(address: str) -> bytes:
    kind = 128 if is_address(address) == 6 else 8
    return struct.pack("!BBHHH", kind, 0, 0, 0, 1) + b"kvar"


def _exchange(
    flow: socket.socket, target: tuple[str, int], payload: bytes, started: float
) -> dict[str, Any]:
    try:
        flow.connect(target)
        flow.send(payload)
        return attempt("answered", started, target[0], flow.recv(65536))
    except OSError as error:
        return attempt(outcome(error), started, target[0])


def fire(targets: list[tuple[str, str, int]]) -> dict[str, Any]:
    """One packet to each target; nothing is waited for."""
    return {"sent": sum(_fire(*target) for target in targets)}


def _fire(protocol: str, address: str, port: int) -> bool:
    """True when the packet left. A TCP socket closed in SYN_SENT has sent its one SYN."""
    if protocol == "icmp":
        flow, payload = _ping_socket(address, 0), _echo_request(address)
    elif protocol == "udp":
        flow, payload = open_socket(address, socket.SOCK_DGRAM, 0), b"probe"
    else:
        flow, payload = open_socket(address, socket.SOCK_STREAM, 0), b""
    with flow:
        if protocol == "tcp":
            return flow.connect_ex((address, port)) == errno.EINPROGRESS
        try:
            return flow.sendto(payload, (address, port)) > 0
        except OSError:
            return False


def resolvers() -> list[str]:
    """The name servers that DHCP gave."""
    lines = RESOLVER_FILE.read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("nameserver ")]


def dns(
    name: str,
    kind: str,
    server: str | None = None,
    tcp: bool = False,
    timeout_s: float = 3.0,
) -> dict[str, Any]:
    """One question to one server; sent again each second until the time is up."""
    servers = [server] if server else resolvers()
    if not servers:
        return {"rcode": "NO RESOLVER", "records": ()}
    question = dns_wire.Question(_numbers.getrandbits(16), name, dns_wire.type_number(kind))
    exchange = _dns_over_tcp if tcp else _dns_over_udp
    message = exchange(servers[0], question, timeout_s)
    if isinstance(message, str):
        return {"rcode": message.upper(), "records": ()}
    try:
        rcode, records, truncated = dns_wire.decode_answer(message)
    except dns_wire.MalformedDnsError:
        return {"rcode": "MALFORMED", "records": ()}
    if truncated and not tcp:
        return dns(name, kind, server, True, timeout_s)  # noqa: FBT003 - the next wire, RFC 7766
    return {"rcode": rcode, "records": records}


def _dns_over_udp(server: str, question: dns_wire.Question, timeout_s: float) -> bytes | str:
    """The answer, or the outcome word."""
    give_up = time.monotonic() + timeout_s
    word = "timeout"
    while (left := give_up - time.monotonic()) > 0:
        with open_socket(server, socket.SOCK_DGRAM, min(DNS_RETRY_S, left)) as flow:
            try:
                flow.connect((server, 53))
                flow.send(dns_wire.encode_question(question))
                return flow.recv(65536)
            except OSError as error:
                word = outcome(error)
        if word != "timeout":
            break
    return word


def _dns_over_tcp(server: str, question: dns_wire.Question, timeout_s: float) -> bytes | str:
    """The answer, or the outcome word."""
    message = dns_wire.encode_question(question)
    with open_socket(server, socket.SOCK_STREAM, timeout_s) as connection:
        try:
            connection.connect((server, 53))
            connection.sendall(len(message).to_bytes(2, "big") + message)
            with connection.makefile("rb") as stream:
                length = int.from_bytes(stream.read(2), "big")
                return stream.read(length) or "reset"
        except OSError as error:
            return outcome(error)


def packet_socket(protocol: int) -> socket.socket:
    """A raw socket on the phone's link."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    link.bind((addressing.PHONE_INTERFACE, protocol))
    return link


def send_frames(frames: list[str]) -> dict[str, Any]:
    """Put Ethernet frames on the air."""
    with packet_socket(0) as link:
        for frame in frames:
            link.send(base64.b64decode(frame))
    return {}


def serve_echo(port: int) -> dict[str, Any]:
    """Echo TCP and UDP on a port of the phone, both families, until the worker ends."""
    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    flow = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    flow.bind(("::", port))
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    threading.Thread(target=_echo_datagrams, args=(flow,), daemon=True).start()
    return {}


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_echo_stream, args=(connection,), daemon=True).start()


def _echo_stream(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)


def _echo_datagrams(flow: socket.socket) -> None:
    while True:
        data, peer = flow.recvfrom(65536)
        with contextlib.suppress(OSError):
            flow.sendto(data, peer)
