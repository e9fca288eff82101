"""The process that advertises the gateway on its guest interfaces, every 10 s and when asked.

Run as `python -m firewall.lab.router_advertiser URI INTERFACE,PREFIX,RESOLVER …`; ends when its
standard input closes. Not for production: it answers solicitations without RFC 4861's random wait.
"""

from __future__ import annotations

import ipaddress
import selectors
import socket
import struct
import sys
import time

from firewall.lab import router_advertisement

ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
INTERVAL_S = 10.0


class Advertiser:
    """One guest interface."""

    def __init__(self, word: str, uri: str) -> None:
        interface, prefix, resolver = word.split(",")
        self._message = router_advertisement.encode(
            ipaddress.IPv6Network(prefix), ipaddress.IPv6Address(resolver), uri or None
        )
        self._index = socket.if_nametoindex(interface)
        self.socket = _raw_socket(self._index)

    def advertise(self) -> None:
        """Send one advertisement to all nodes; a link that is down just now is left alone."""
        try:
            self.socket.sendto(self._message, (ALL_NODES, 0, 0, self._index))
        except OSError as error:
            print(f"no advertisement: {error}", file=sys.stderr, flush=True)  # noqa: T201

    def answer(self) -> None:
        """Read one solicitation and answer it."""
        message = self.socket.recv(2048)
        if message and message[0] == router_advertisement.ROUTER_SOLICITATION:
            self.advertise()


def _raw_socket(index: int) -> socket.socket:
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, socket.if_indextoname(index).encode())
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    group = socket.inet_pton(socket.AF_INET6, ALL_ROUTERS) + struct.pack("@I", index)
    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    return raw


def run(uri: str, words: list[str]) -> None:
    """Advertise until standard input closes."""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    advertisers = [Advertiser(word, uri) for word in words]
    for advertiser in advertisers:
        selector.register(advertiser.socket, selectors.EVENT_READ, advertiser)
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            for advertiser in advertisers:
                advertiser.advertise()
            due = time.monotonic() + INTERVAL_S
        for key, _ in selector.select(max(0.0, due - time.monotonic())):
            if key.data is None:
                return
            key.data.answer()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
