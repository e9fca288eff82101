"""A world of one's own for each module here: what is killed and cut here disturbs nobody else.

The modules that run one by one (`--alone`) share theirs, and leave it as they found it.
"""

from collections.abc import Iterator
from typing import Literal

import pytest

from portal.demo.world import World, WorldSettings
from tests.faults.gateway import Gateway
from tests.lab.guest import Guest

_EXTRA = """
devices_per_card = 50

[limits]
pin_attempts_per_day = 20
"""


def _world_lasts(fixture_name: str, config: pytest.Config) -> Literal["package", "module"]:  # noqa: ARG001 - pytest names it
    return "package" if config.getoption("--alone") else "module"


@pytest.fixture(scope=_world_lasts)
def world() -> Iterator[World]:
    with World(WorldSettings(phones=3, extra=_EXTRA)) as built:
        for phone in built.phones:
            phone.join(ipv6=True)
        yield built


@pytest.fixture
def gateway(world: World) -> Gateway:
    return Gateway(world)


@pytest.fixture
def online(world: World) -> Guest:
    """A guest who has logged in; still so from an earlier test of the module, mostly."""
    guest = Guest(world, world.phones[0])
    if guest.is_captive():
        answer = guest.sign_in()
        assert answer.status == 303, answer
    return guest


@pytest.fixture
def stranger(world: World) -> Guest:
    """A guest who never logs in."""
    return Guest(world, world.phones[1])


@pytest.fixture
def newcomer(world: World) -> Iterator[Guest]:
    """A guest who is about to log in, and logs out in the end."""
    guest = Guest(world, world.phones[2])
    yield guest
    if not guest.is_captive():
        guest.sign_out()
