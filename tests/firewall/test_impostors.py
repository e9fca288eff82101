"""Impostors are told once in a while, whatever is sent, and trusted machines never."""

from ipaddress import ip_address

import pytest

from firewall.impostors import REPEATED_AFTER_S, TOLD_MAX, Impostors
from firewall.sightings import Sighting

MAC, GATEWAY = "02:00:00:00:00:01", ip_address("10.44.0.1")
GUEST = ip_address("10.44.0.77")


def impostors(*trusted: str) -> Impostors:
    made = Impostors({"guest0": "city", "guest1": "branch"}, trusted)
    made.follow({"guest0": {GATEWAY}, "guest1": {ip_address("10.45.0.1")}})
    return made


@pytest.mark.parametrize(
    ("sighting", "kind"),
    [
        (Sighting(MAC, GUEST, "dhcp"), "dhcp"),
        (Sighting(MAC, ip_address("fe80::1"), "router"), "router"),
        (Sighting(MAC, GATEWAY), "gateway_address"),
    ],
)
def test_an_impostor_is_told_with_place_and_kind(sighting: Sighting, kind: str) -> None:
    assert impostors().notice(sighting, "guest0", 5.0) == {
        "event": "impostor",
        "kind": kind,
        "mac": MAC,
        "ip": str(sighting.address),
        "interface": "guest0",
        "site": "city",
    }


@pytest.mark.parametrize("address", [None, GUEST, ip_address("10.45.0.1")])
def test_a_guest_is_no_impostor(address) -> None:
    assert impostors().notice(Sighting(MAC, address), "guest0", 5.0) is None


def test_what_goes_on_is_told_again_after_a_while() -> None:
    told = impostors()
    times = [0.0, 1.0, REPEATED_AFTER_S - 1, REPEATED_AFTER_S + 1]
    heard = [told.notice(Sighting(MAC, GATEWAY), "guest0", now) is not None for now in times]
    assert heard == [True, False, False, True]


def test_a_flood_of_impostors_is_bounded() -> None:
    told = impostors()
    macs = [f"02:00:00:00:{n // 256:02x}:{n % 256:02x}" for n in range(TOLD_MAX * 3)]
    assert sum(told.notice(Sighting(m, GATEWAY), "guest0", 1.0) is not None for m in macs) == 50
    assert told.notice(Sighting(MAC, GATEWAY), "guest0", 1.0 + REPEATED_AFTER_S)


def test_trusted_machines_may() -> None:
    trusting = impostors(MAC)
    for serves in ("dhcp", "router", ""):
        assert trusting.notice(Sighting(MAC, GATEWAY, serves), "guest0", 1.0) is None
