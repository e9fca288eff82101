"""The staff site on a gateway: reached over the management network, never by a guest."""

import os
import signal
from collections.abc import Iterator

import pytest

from firewall.lab import addressing
from firewall.lab.phone import Phone
from portal.demo.configuration import STAFF_PORT
from portal.demo.world import World, WorldSettings
from tests.lab.guest import Guest, until

pytestmark = pytest.mark.root

MANAGEMENT = addressing.MANAGEMENT
GATEWAY = ("10.44.0.1", MANAGEMENT.gateway_v4, "203.0.113.2")


def on_every_address(text: str) -> str:
    """Listen where guests could reach it, if the gate let them: the worst that one can write."""
    everywhere = f'address = "0.0.0.0"\nproxies = ["{MANAGEMENT.far_v4}"]'
    return text.replace('address = "127.0.0.1"', everywhere)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(WorldSettings(phones=0, staff=True, change=on_every_address)) as built:
        yield built


@pytest.fixture
def phone(world: World) -> Phone:
    made = world.lab.add_phone()
    made.join(ipv6=True)
    return made


def asked_by_staff(world: World, path: str) -> str:
    """Ask from the management network, as a proxy there would; return status and body."""
    assert world.lab.management is not None
    script = (
        "import sys, http.client as c; h = c.HTTPConnection(sys.argv[1], int(sys.argv[2]));"
        "h.request('GET', sys.argv[3], headers={'Host': 'localhost'}); r = h.getresponse();"
        "print(r.status, r.read().decode())"
    )
    words = ["python3", "-c", script, MANAGEMENT.gateway_v4, str(STAFF_PORT), path]
    return world.lab.management.namespace.run(words).stdout


def test_staff_reach_it_over_the_management_network(world: World) -> None:
    assert asked_by_staff(world, "/healthz") == "200 ok\n\n"
    assert asked_by_staff(world, "/desk").startswith("401 <!DOCTYPE html>")


def test_no_guest_reaches_it_captive_or_online(world: World, phone: Phone) -> None:
    """T22, T55: whatever address it listens on, the gate's rules let no guest in."""
    assert outcomes(phone) == {"refused"}
    Guest(world, phone).sign_in()
    assert phone.tcp_connect("www.example.com", 443).outcome == "connected"
    assert outcomes(phone) == {"refused"}


def outcomes(phone: Phone) -> set[str]:
    ports = (STAFF_PORT, 9464, 9465)
    return {phone.tcp_connect(address, port).outcome for address in GATEWAY for port in ports}


def test_guests_notice_nothing_of_its_death(world: World, phone: Phone) -> None:
    Guest(world, phone).sign_in()
    [staff] = [pid for pid, line in world.pids().items() if line.rstrip().endswith(" staff")]
    os.kill(staff, signal.SIGKILL)
    assert phone.tcp_connect("www.example.com", 443).outcome == "connected"
    until(lambda: _answers(world), "the staff site comes back")


def _answers(world: World) -> bool:
    try:
        return asked_by_staff(world, "/healthz").startswith("200")
    except Exception:  # noqa: BLE001 - not yet: refused
        return False


def test_the_command_makes_an_account_and_its_way_in(world: World) -> None:
    said = world.kvar("account", "create", "kim", "--role", "desk", "--site", "stadsbiblioteket")
    assert "https://localhost/first#" in said
    assert world.kvar("account", "list").startswith("kim: desk at stadsbiblioteket")
    assert world.kvar("account", "disable", "kim").startswith("account kim: disabled")
