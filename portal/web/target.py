"""Where a request was meant to go: the host and path, and the address it came from.

The rule to keep: these decide which table answers, and never become part of an answer. No header
says who the client is: X-Forwarded-For and its like are a guest's to write.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web


def own_target(request: web.BaseRequest, own_hosts: Collection[str]) -> tuple[str, str] | None:
    """Return host and path where the host is ours, else None.

    An absolute request target goes before the Host header (RFC 9112 section 3.2.2). ``*`` and the
    authority form of CONNECT are nobody's page.
    """
    host, path = _target(request)
    name = host_name(host)
    return (name, path) if name in own_hosts else None


def target_path(request: web.BaseRequest) -> str:
    """Return the path alone, whatever the host; "" where there is none."""
    return _target(request)[1]


def asker_address(request: web.BaseRequest, proxies: Collection[str]) -> str:
    """Return the address of who asks; a proxy of ours says it, nobody else is believed."""
    peer = peer_address(request)
    if peer not in proxies:
        return peer
    return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or peer


def host_name(host: str) -> str:
    """Return the name in a Host header, lower case, without port and trailing dot."""
    text = host.strip().lower()
    if text.startswith("["):
        return text.partition("]")[0][1:]
    return text.partition(":")[0].removesuffix(".")


def peer_address(request: web.BaseRequest) -> str:
    """Return the connection's own address, IPv4 written as IPv4.

    A link-local address has its interface with it (RFC 4007 section 11): devices of two guest
    networks may have the same one, and none may pass for the other.
    """
    remote = (request.remote or "").partition("%")[0]
    try:
        address = ip_address(remote)
    except ValueError:
        return remote
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if isinstance(address, IPv6Address) and address.is_link_local:
        return f"{address}%{_interface(request)}"
    return str(address)


def _interface(request: web.BaseRequest) -> str:
    """Return the name of the interface that the connection came in on; ``-`` if it is gone."""
    peer: tuple[Any, ...] = ()
    if request.transport is not None:
        peer = request.transport.get_extra_info("peername", peer)
    try:
        return socket.if_indextoname(peer[3])
    except (OSError, IndexError):
        return "-"


def _target(request: web.BaseRequest) -> tuple[str, str]:
    raw = request.raw_path
    if raw.startswith("/"):
        return request.headers.get("Host", ""), raw.partition("?")[0]
    return _from_absolute(raw)


def _from_absolute(raw: str) -> tuple[str, str]:
    try:
        parts = urlsplit(raw)
    except ValueError:
        return "", ""
    if parts.scheme not in {"http", "https"}:
        return "", ""
    return parts.netloc.rpartition("@")[2], parts.path or "/"
