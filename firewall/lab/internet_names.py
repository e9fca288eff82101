"""PURE: the names of the lab's internet and what they resolve to.

Every host of the probe table has an address of its own, of a kind that no rule about private or
reserved ranges touches; any other name has a stable address made from its hash. Names below
`.invalid` do not exist. `tunnel.example` answers TXT and NULL with data, as a DNS tunnel's server
does.
"""

from __future__ import annotations

import hashlib
import ipaddress

from firewall.lab import dns_wire, probes
from firewall.lab.dns_wire import Question, Record

TUNNEL_ZONE = "tunnel.example"
TUNNEL_ANSWER = b"x" * 200
# Real, public ranges: in the lab nobody else answers there.
PROBE_RANGE_V4 = ipaddress.IPv4Address("151.101.0.1")
OTHER_RANGE_V4 = ipaddress.IPv4Network("93.184.0.0/16")
PROBE_RANGE_V6 = ipaddress.IPv6Address("2a04:4e42::1")
OTHER_RANGE_V6 = ipaddress.IPv6Network("2606:2800:220::/48")
HTTPS_RECORD = b"\0\x01\0" + b"\0\x01\0\x03\x02h2"  # priority 1, target ".", alpn h2 (RFC 9460)

_FIXED = {(probe.name, probe.kind): probe.genuine for probe in probes.DNS_PROBES}
_PLACE = {host: place for place, host in enumerate(probes.HOSTS)}


def address(host: str, family: int) -> str:
    """The address of a host, family 4 or 6; the same for ever."""
    kind = "A" if family == 4 else "AAAA"
    if (host, kind) in _FIXED:
        return _FIXED[host, kind]
    if family == 4:
        return str(_address_v4(host))
    return str(_address_v6(host))


def _address_v4(host: str) -> ipaddress.IPv4Address:
    if host in _PLACE:
        return PROBE_RANGE_V4 + _PLACE[host]
    return OTHER_RANGE_V4[1 + _hash(host) % (OTHER_RANGE_V4.num_addresses - 2)]


def _address_v6(host: str) -> ipaddress.IPv6Address:
    if host in _PLACE:
        return PROBE_RANGE_V6 + _PLACE[host]
    return OTHER_RANGE_V6[1 + _hash(host)]


def _hash(host: str) -> int:
    return int.from_bytes(hashlib.sha256(host.encode()).digest()[:8], "big")


def answer(question: Question) -> bytes:
    """The internet's authoritative answer to one question."""
    if question.name.endswith("invalid") or "." not in question.name:
        return dns_wire.encode_answer(question, dns_wire.NXDOMAIN, [])
    return dns_wire.encode_answer(question, dns_wire.NOERROR, _records(question))


def _records(question: Question) -> list[Record]:
    if question.kind in {dns_wire.A, dns_wire.AAAA}:
        family = 4 if question.kind == dns_wire.A else 6
        packed = ipaddress.ip_address(address(question.name, family)).packed
        return [Record(question.kind, packed)]
    if question.kind == dns_wire.HTTPS and question.name.startswith("www."):
        return [Record(dns_wire.HTTPS, HTTPS_RECORD)]
    if question.kind == dns_wire.TXT:
        text = TUNNEL_ANSWER if question.name.endswith(TUNNEL_ZONE) else b"v=spf1 -all"
        return [Record(dns_wire.TXT, bytes([len(text)]) + text)]
    if question.name.endswith(TUNNEL_ZONE):
        return [Record(question.kind, TUNNEL_ANSWER)]
    return []
