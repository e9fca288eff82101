"""The whole of Kvar in a virtual guest network, shared by every test of this directory.

Building a `World` takes seconds, so one serves all; tests stay apart by having phones of their
own. Who changes the world itself (kills a process, flushes the rules) puts it back, or builds one
of his own. The one good card has 20 wrong PINs a day from new phones: who guesses PINs uses
another card number.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest

from firewall.lab.phone import Phone
from firewall.lab.processes import LabError
from portal.demo.world import World, WorldSettings
from tests.lab.guest import Guest, admitted

MAIN_SITE, LIMITED_SITE = 0, 1
"""The second site has a visit's length of 10 minutes and takes cards over plain HTTP."""

_EXTRA = """
devices_per_card = 50

[[sites]]
id = "filialen"
name = "Exempelby filialbibliotek"
guest_interfaces = ["guest1"]
login_methods = ["card"]
time_limit_min = 10
card_login_without_tls = true
devices_per_card = 50

[limits]
pin_attempts_per_day = 20
"""


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with World(WorldSettings(phones=0, sites=2, extra=_EXTRA)) as built:
        yield built


def _joined(world: World, site: int = MAIN_SITE) -> Phone:
    made = world.lab.add_phone(site=site)
    made.join(ipv6=True)
    return made


def _leave(world: World, phone: Phone) -> None:
    """Log out, so that the card's places do not run out, and take the phone away."""
    with suppress(LabError, AssertionError):
        if phone.mac in admitted(world):
            Guest(world, phone).sign_out()
    world.lab.remove_phone(phone)


@pytest.fixture
def phone(world: World) -> Iterator[Phone]:
    """A phone that nobody has seen before, joined over IPv4 and IPv6, captive."""
    made = _joined(world)
    yield made
    _leave(world, made)


@pytest.fixture
def guest(world: World, phone: Phone) -> Guest:
    """The same phone, in the hands of a guest."""
    return Guest(world, phone)


@pytest.fixture
def online_phone(world: World, phone: Phone) -> Phone:
    """A phone whose guest has logged in through the portal."""
    answer = Guest(world, phone).sign_in()
    assert answer.status == 303, answer
    return phone


@pytest.fixture
def online_guest(world: World, online_phone: Phone) -> Guest:
    """The same, as a guest."""
    return Guest(world, online_phone)


@pytest.fixture
def limited_guest(world: World) -> Iterator[Guest]:
    """A captive phone at the site with a visit's length."""
    made = _joined(world, LIMITED_SITE)
    yield Guest(world, made)
    _leave(world, made)


@pytest.fixture
def crowd(world: World) -> Iterator[list[Phone]]:
    """Four captive phones, to ask at the same time."""
    phones = [_joined(world) for _ in range(4)]
    yield phones
    for each in phones:
        _leave(world, each)


@pytest.fixture(scope="module")
def next_phone(world: World) -> Iterator[Callable[[], Phone]]:
    """A captive phone for each request: every 40 requests another device.

    Many tests ask one thing each, and together they would meet the limit of one device.
    """
    made, uses = _joined(world), count(1)

    def take() -> Phone:
        if (use := next(uses)) % 40 == 0:
            made.set_mac(f"02:4b:57:00:{use >> 8:02x}:{use & 0xFF:02x}")
            made.join(ipv6=True)
        return made

    yield take
    world.lab.remove_phone(made)


@pytest.fixture(scope="module")
def steady_phone(world: World) -> Iterator[Phone]:
    """One online phone for a whole file: only for tests that change nothing."""
    made = _joined(world)
    assert Guest(world, made).sign_in().status == 303
    yield made
    _leave(world, made)
