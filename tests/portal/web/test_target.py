import socket
from dataclasses import dataclass

import pytest

from portal.web.target import host_name, peer_address


@dataclass
class Request:
    remote: str | None
    transport: "Transport | None" = None


@dataclass
class Transport:
    """The two facts that asyncio tells of a connection over IPv6."""

    scope: int

    def get_extra_info(self, name: str, _default: object) -> tuple[str, int, int, int]:
        assert name == "peername"
        return ("fe80::1", 40000, 0, self.scope)


@pytest.mark.parametrize("remote", ["fe80::1", "fe80::1%lo"])
def test_a_link_local_address_has_its_interface(remote: str) -> None:
    here = Request(remote, Transport(socket.if_nametoindex("lo")))
    gone = Request(remote, Transport(2**30))
    assert peer_address(here) == "fe80::1%lo"  # type: ignore[arg-type]
    assert peer_address(gone) == "fe80::1%-"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1", "fe80::1%-"),
        ("", ""),
        (None, ""),
        ("nonsense", "nonsense"),
    ],
)
def test_the_address_of_the_connection(remote: str | None, address: str) -> None:
    assert peer_address(Request(remote)) == address  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("wifi.library.test", "wifi.library.test"),
        (" WiFi.Library.Test. ", "wifi.library.test"),
        ("wifi.library.test:8080", "wifi.library.test"),
        ("[2001:DB8::1]:80", "2001:db8::1"),
        ("[::1", "::1"),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name
