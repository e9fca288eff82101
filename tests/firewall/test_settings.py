import pytest

from firewall.settings import GardenGroup, GateSettings, GuestNetwork

GUEST = GuestNetwork("guest0", "main")


def test_the_shortest_settings_are_enough():
    settings = GateSettings(guest_networks=(GUEST,))
    assert settings.sites == {"guest0": "main"}


@pytest.mark.parametrize(
    "changes",
    [
        {"guest_networks": ()},
        {"guest_networks": (GUEST, GUEST)},
        {"uplinks": ("guest0",)},
        {"uplinks": ("wan0; drop",)},
        {"profiles": {"default": 16}},
        {"profiles": {"fast": 0}},
        {"profiles": {"default": 0, "fast": 0}},
        {"profiles": {"default": 0, "Fast!": 1}},
        {"http_port": 0},
        {"https_port": 65536},
        {"devices_max": 0},
        {"devices_max": 32768},
        {"connections_per_device": 0},
        {"garden": (GardenGroup("a", (), 80), GardenGroup("a", (), 81))},
    ],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(ValueError, match=r"."):
        GateSettings(**({"guest_networks": (GUEST,)} | changes))


@pytest.mark.parametrize("interface", ["", 'x" }', "a b", "x" * 16, "-x"])
def test_an_interface_name_cannot_carry_rules(interface):
    with pytest.raises(ValueError, match="interface name"):
        GuestNetwork(interface, "main")


def test_an_own_address_must_be_one():
    with pytest.raises(ValueError, match="does not appear"):
        GuestNetwork("guest0", "main", ("portal.example",))


@pytest.mark.parametrize(
    ("name", "host", "port", "protocol"),
    [
        ("A", "a.example", 80, "tcp"),
        ("a", "*.example", 80, "tcp"),
        ("a", "localhost", 80, "tcp"),
        ("a", "a.example/", 80, "tcp"),
        ("a", "a.example", 0, "tcp"),
        ("a", "a.example", 80, "sctp"),
    ],
)
def test_a_garden_group_must_be_exact(name, host, port, protocol):
    with pytest.raises(ValueError, match=r"."):
        GardenGroup(name, (host,), port, protocol)


def test_a_garden_groups_hosts_are_names_and_addresses():
    group = GardenGroup("crl", ("ocsp.example.org", "192.0.2.7", "2001:db8::7"), 80)
    assert group.names == ("ocsp.example.org",)
    assert group.addresses == ("192.0.2.7", "2001:db8::7")
