"""Clients by address: the narrowest network holds, and strangers are nobody."""

from ipaddress import ip_network

import pytest

from radius_bridge.clients import Clients, RadiusClient, inside_tls
from radius_bridge.secret import Secret


def _client(name: str, *networks: str) -> RadiusClient:
    return RadiusClient(name, tuple(ip_network(network) for network in networks), Secret(b"s" * 16))


CLIENTS = Clients(
    (
        _client("branches", "10.0.0.0/8"),
        _client("city", "10.1.0.0/16", "2001:db8:1::/48"),
        _client("one", "10.1.2.3/32"),
    )
)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "one"),
        ("10.1.2.4", "city"),
        ("10.2.0.1", "branches"),
        ("::ffff:10.1.2.3", "one"),
        ("2001:db8:1::5", "city"),
        ("2001:db8:1::5%eth0", "city"),
        ("192.0.2.1", None),
        ("2001:db8:2::5", None),
    ],
)
def test_the_narrowest_network_holds(address: str, name: str | None) -> None:
    for _ in range(2):  # the second time from memory
        found = CLIENTS.at(address)
        assert (found and found.name) == name


def test_a_client_is_found_by_its_name() -> None:
    assert CLIENTS.named("city") is CLIENTS.all[1]
    assert CLIENTS.named("nobody") is None


def test_addresses_that_come_once_do_not_fill_the_memory() -> None:
    clients = Clients((_client("all", "10.0.0.0/8"),))
    for number in range(25_000):
        assert clients.at(f"192.168.{number // 250}.{number % 250}") is None
    assert len(clients._known) <= 10_000


def test_what_is_no_address_is_told() -> None:
    with pytest.raises(ValueError, match="not-an-address"):
        CLIENTS.at("not-an-address")


def test_a_secret_is_shown_nowhere() -> None:
    assert "ssss" not in repr(CLIENTS.all)


def test_a_certificate_is_its_first_name_that_is_a_clients_in_any_case() -> None:
    one = RadiusClient("one", (), Secret(b"s"), certificate_names=("ap1.library.test",))
    two = RadiusClient("two", (), Secret(b"s"), certificate_names=("Ap2.library.test", "b.test"))
    clients = Clients((one, two))
    assert clients.certified(["AP1.Library.Test"]) is one
    assert clients.certified(["other.test", "ap2.library.test", "ap1.library.test"]) is two
    assert clients.certified(["library.test"]) is None
    assert clients.certified(["*.library.test", ""]) is None
    assert clients.certified([]) is None


def test_inside_tls_the_secret_is_everybodys_and_the_certificate_proves() -> None:
    client = RadiusClient("one", (), Secret(b"of UDP"), certificate_names=("ap1.library.test",))
    inside = inside_tls(client)
    assert inside.secret.reveal() == b"radsec"
    assert not inside.require_message_authenticator
    assert not inside.limit_proxy_state
    assert inside.name == client.name
    assert client.require_message_authenticator
