"""Asks the guests' own resolver what the portal's names mean, as a phone would.

Not a resolver, and part of ``kvar doctor`` only. The rule to keep: the question goes to the guest
interface's address, because another resolver may know another answer.
"""

import asyncio
import fcntl
import secrets
import socket
import struct

from firewall.lab import dns_wire
from portal.config import Config

ANSWER_TIMEOUT_S = 2.0
DNS_PORT = 53
_LARGEST_ANSWER = 4096
_SIOCGIFADDR = 0x8915
"""netdevice(7): an interface's IPv4 address."""


class NoAnswerError(Exception):
    """The resolver gave no answer that can be read; the text says why."""


def names_of(config: Config) -> tuple[str, ...]:
    """Return the names that must lead to this machine."""
    return (config.portal.host_name, *config.portal.short_names)


def ipv4_address(interface: str) -> str | None:
    """Return the interface's IPv4 address, None when it has none or is not there."""
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


async def ask(resolver: str, name: str, port: int = DNS_PORT) -> list[str]:
    """Return the IPv4 addresses of a name.

    Raises:
        NoAnswerError: none in time, or none that can be read.
    """
    question = dns_wire.Question(secrets.randbelow(2**16), name, dns_wire.A)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            message = await _exchange((resolver, port), dns_wire.encode_question(question))
    except TimeoutError as problem:
        raise NoAnswerError(f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from problem
    except OSError as problem:
        raise NoAnswerError(problem.strerror or "no answer") from problem
    try:
        _, records, _ = dns_wire.decode_answer(message)
    except dns_wire.MalformedDnsError as problem:
        raise NoAnswerError(f"an answer that is no DNS: {problem}") from problem
    return [text for kind, text in records if kind == "A"]


async def _exchange(address: tuple[str, int], message: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        await loop.sock_connect(asking, address)
        await loop.sock_sendall(asking, message)
        while True:
            answer = await loop.sock_recv(asking, _LARGEST_ANSWER)
            if answer[:2] == message[:2]:
                return answer
