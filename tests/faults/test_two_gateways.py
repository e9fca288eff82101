"""Two gateways of one organisation share a database: a session is the same at both.

Each gateway is a whole Kvar with a network, a site and a configuration of its own; the second has
no PostgreSQL but the first one's, and the same keys.
"""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.composition.database import dsn, key_directory
from portal.demo.world import PORTAL_USER, World, WorldSettings
from tests.faults.gateway import Gateway
from tests.lab.guest import Guest, fetch_sql, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
ECHO_HOST = "www.example.com"
NOTICED_WITHIN_S = 60.0
"""A bound for a hanging test; a device is let in within a fraction of a second of being heard."""


class FirstGateway(World):
    """A gateway of an organisation that has, or will have, more than one."""

    def _write_config(self, radius: str) -> None:
        super()._write_config(radius)
        keys = key_directory(self.config)
        keys.mkdir(mode=0o700, parents=True)
        shared = keys / "shared.key"
        shared.touch(mode=0o600)
        shared.write_bytes(secrets.token_bytes(32))
        if self.has_own_users:
            for path in (keys, shared):
                shutil.chown(path, PORTAL_USER)


class SecondGateway(World):
    """A gateway at another site of the organisation whose first gateway is given."""

    def __init__(self, first: World) -> None:
        address = dsn(first.config)
        super().__init__(
            WorldSettings(
                phones=1,
                extra=f'\n[database]\ndsn = "{address}"\n',
                change=lambda text: text.replace("stadsbiblioteket", "filialen"),
            )
        )
        self._first = first

    def _write_config(self, radius: str) -> None:
        super()._write_config(radius)
        keys = key_directory(self.config)
        shutil.copytree(key_directory(self._first.config), keys)
        if self.has_own_users:
            for path in (keys, *keys.iterdir()):
                shutil.chown(path, PORTAL_USER)


@pytest.fixture(scope="module")
def here() -> Iterator[Guest]:
    """The guest of the first gateway, logged in."""
    with FirstGateway(WorldSettings(phones=2)) as world:
        for phone in world.phones:
            phone.join(ipv6=True)
        guest = Guest(world, world.phones[0])
        assert guest.sign_in().status == 303
        yield guest


@pytest.fixture(scope="module")
def there(here: Guest) -> Iterator[Guest]:
    """A phone with the same MAC address at the second gateway, which it has not joined yet."""
    with SecondGateway(here.world) as world:
        phone = world.phones[0]
        phone.set_mac(here.phone.mac)
        yield Guest(world, phone)


def sessions(guest: Guest) -> list[str]:
    query = "SELECT array_agg(id::text) FROM live_session WHERE mac = $1::text::macaddr"
    return list(fetch_sql(guest.world, query, guest.phone.mac) or [])


def probe(guest: Guest) -> int:
    return guest.phone.http(PROBE_URL, timeout_s=2).status


def test_a_device_is_online_at_both_in_one_session(here: Guest, there: Guest) -> None:
    """It comes to the second gateway while the first still has it: no login, no bouncing."""
    (session,) = sessions(here)
    flow = here.phone.stream(ECHO_HOST)
    there.phone.join(ipv6=True)
    until(there.is_admitted, "the second gateway lets it in", NOTICED_WITHIN_S)
    assert probe(there) == 200
    other = there.phone.stream(ECHO_HOST)
    for guest in (here, there):  # a new keeper compares everything as its first act
        gateway = Gateway(guest.world)
        old = gateway.kill("keeper")
        until(lambda gateway=gateway, old=old: gateway.is_anew("keeper", old), "the keeper")
        gateway.wait_until_ready()
    assert sessions(here) == [session]
    assert (here.is_captive(), there.is_captive()) == (False, False)
    assert (flow.stop().lost, other.stop().lost) == (0, 0)


def test_the_first_gateway_is_dead(here: Guest, there: Guest) -> None:
    """With all of its processes, the database's among them: the second one's guests go on."""
    flow = there.phone.stream(ECHO_HOST)
    with here.world.killed():
        assert probe(there) == 200
        assert there.is_admitted()
        assert here.is_admitted()
    until(Gateway(there.world).is_ready, "the second gateway has its database again", 60)
    assert flow.stop().lost == 0
    assert not there.is_captive()


def test_logging_out_at_one_ends_it_at_both(here: Guest, there: Guest) -> None:
    assert there.sign_out().status == 303
    until(lambda: not here.is_admitted(), "the first gateway puts it out", NOTICED_WITHIN_S)
    assert sessions(here) == []
    assert here.is_captive()
    assert not there.is_admitted()


def test_keys_are_the_same(here: Guest, there: Guest) -> None:
    """What the tests above stand on: a device has one hash in the organisation."""
    ours, theirs = (key_directory(guest.world.config) for guest in (here, there))
    names = sorted(path.name for path in ours.iterdir())
    assert names
    assert [_bytes(theirs / name) for name in names] == [_bytes(ours / name) for name in names]


def _bytes(path: Path) -> bytes:
    return path.read_bytes()
