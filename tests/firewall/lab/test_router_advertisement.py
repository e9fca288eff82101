from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, ICMPv6NDOptRDNSS

from firewall.lab import router_advertisement

PREFIX = ipaddress.IPv6Network("2001:db8:44::/64")
RESOLVER = ipaddress.IPv6Address("2001:db8:44::1")
URI = "https://login.library.example/captive-portal/api"


def test_scapy_reads_it() -> None:
    message = ICMPv6ND_RA(router_advertisement.encode(PREFIX, RESOLVER, URI))
    assert (message.type, message.M, message.O, message.routerlifetime) == (134, 0, 1, 1800)
    prefix = message[ICMPv6NDOptPrefixInfo]
    assert (prefix.prefix, prefix.prefixlen, prefix.L, prefix.A) == ("2001:db8:44::", 64, 1, 1)
    assert message[ICMPv6NDOptRDNSS].dns == ["2001:db8:44::1"]


def test_the_uri_is_padded_with_nul_to_whole_octets() -> None:
    for length in range(20, 40):
        uri = URI[:length]
        message = router_advertisement.encode(PREFIX, RESOLVER, uri)
        assert len(message) % 8 == 0
        options = dict(router_advertisement.decode_options(message))
        assert options[37].rstrip(b"\0") == uri.encode()


def test_without_a_uri_there_is_no_option_37() -> None:
    message = router_advertisement.encode(PREFIX, RESOLVER, None)
    assert [kind for kind, _ in router_advertisement.decode_options(message)] == [3, 25]


@given(st.binary(max_size=100))
def test_any_bytes_are_borne(message: bytes) -> None:
    router_advertisement.decode_options(message)
