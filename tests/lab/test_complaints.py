"""A complaint from its cause to its answer: a guest's packet through NAT, and IT's page.

The first library writes down which ports its devices have, the second does not. Somebody on the
internet sees an address, a port and the time, and no more.
"""

import asyncio
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from firewall.lab.phone import Phone
from firewall.lab.processes import stop
from firewall.lab.relay import start_tcp_relay
from portal.clock import utc_now
from portal.composition.database import key_directory
from portal.demo.configuration import STAFF_PORT
from portal.demo.world import World, WorldSettings
from portal.domain.identity import MacAddress
from portal.domain.session_log import Named, name_of
from portal.services.key_ring import KeyRing
from tests.lab.guest import Guest, fetch_sql, until
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import Person, StaffWorld

pytestmark = pytest.mark.root

PORT = 8123
WITNESS = f"""
import datetime, socket
listener = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, peer = listener.accept()
    at = datetime.datetime.now(datetime.UTC).isoformat()
    print(peer[0].removeprefix("::ffff:"), peer[1], at, flush=True)
    connection.close()
"""
FILIAL = """
[[sites]]
id = "filialen"
name = "Exempelby filialbibliotek"
guest_interfaces = ["guest1"]
login_methods = ["card"]
"""


def with_the_log_on(text: str) -> str:
    text = text.replace("code_of_the_day = true", "code_of_the_day = true\nprivacy_level = 3")
    return text.replace("[gate]\n", '[gate]\npublic_addresses = ["203.0.113.2"]\n')


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    settings = WorldSettings(phones=0, sites=2, staff=True, extra=FILIAL, change=with_the_log_on)
    with World(settings) as built:
        yield built


@dataclass(frozen=True)
class Seen:
    """What a server on the internet can say of who came."""

    address: str
    port: str
    at: str


@dataclass
class Witness:
    """The server."""

    world: World
    told: Path

    def sees(self, phone: Phone, family: int) -> Seen:
        before = len(self._lines())
        host = self.world.lab.internet.address_of("www.example.com", family)
        assert phone.tcp_connect(host, PORT).outcome == "connected"
        until(lambda: len(self._lines()) > before, "the server has noted it")
        return Seen(*self._lines()[-1].split())

    def _lines(self) -> list[str]:
        return self.told.read_text().splitlines()


@pytest.fixture
def witness(world: World, tmp_path: Path) -> Iterator[Witness]:
    told = tmp_path / "seen"
    with told.open("wb") as written:
        process = world.lab.internet.namespace.spawn(
            [sys.executable, "-c", WITNESS], stdout=written
        )
    listening = ["ss", "-Hltn", f"sport = {PORT}"]
    until(lambda: world.lab.internet.namespace.run(listening).stdout, "the server listens", 60)
    yield Witness(world, told)
    stop(process)


@dataclass
class Management:
    """Where a `Person` reaches the staff site: through a relay, at the true time."""

    port: int

    def time(self) -> datetime:
        return utc_now()


@pytest.fixture(scope="module")
def ida(world: World) -> Iterator[Person]:
    """Somebody of IT who has been through the first sign-in."""
    relay = start_tcp_relay(world.lab.gateway, ("127.0.0.1", STAFF_PORT), port=0)
    try:
        [code] = re.findall(r"/first#(\S+)", world.kvar("account", "create", "ida", "--role", "it"))
        person = Person(
            cast("StaffWorld", Management(int(relay.address.rpartition(":")[2]))), "ida"
        )
        asyncio.run(person.first_time(str(code)))
        yield person
    finally:
        relay.close()


def complain(person: Person, seen: Seen, **changed: str) -> Answer:
    fields = {"address": seen.address, "port": seen.port, "at": seen.at, "tolerance": "0"}

    async def ask() -> Answer:
        form = await person.get("/log/complaint")
        sent = await person.post("/log/complaint", form, case="A-17", **(fields | changed))
        return await person.get(sent.headers["Location"])

    return asyncio.run(ask())


def named(world: World, phone: Phone) -> str:
    keys = KeyRing(key_directory(world.config))
    return name_of(Named.DEVICE, keys.trace(MacAddress(phone.mac), None, datetime.now(UTC)).device)


def online(world: World, site: int) -> Phone:
    phone = world.lab.add_phone(site=site)
    phone.join(ipv6=True)
    assert Guest(world, phone).sign_in().status == 303
    return phone


def test_a_complaint_names_who_sent_the_packet_and_nobody_else(
    world: World, ida: Person, witness: Witness
) -> None:
    guilty, other = online(world, 0), online(world, 0)
    noted = "SELECT count(*) FROM port_block"
    until(lambda: fetch_sql(world, noted) == 2, "ports of both are noted", 60)
    for phone, innocent in ((guilty, other), (other, guilty)):
        seen = witness.sees(phone, 4)
        assert seen.address == "203.0.113.2"  # as both have it
        said = complain(ida, seen).body
        assert "Det går att avgöra vilken enhet" in said
        assert named(world, phone) in said
        assert named(world, innocent) not in said
        assert "Det går inte att avgöra vilken" in complain(ida, seen, port="").body
        elsewhere = complain(ida, seen, address="198.51.100.7").body
        assert "Det går att avgöra vilken enhet" not in elsewhere
    early = (datetime.fromisoformat(seen.at) - timedelta(hours=3)).isoformat()
    assert "Ingen var uppkopplad" in complain(ida, seen, at=early).body


def test_a_complaint_about_an_ipv6_address_needs_no_port(
    world: World, ida: Person, witness: Witness
) -> None:
    phone = online(world, 0)
    seen = witness.sees(phone, 6)
    assert seen.address in phone.ipv6_addresses()
    noted = "SELECT count(*) FROM guest_address WHERE address = $1::text::inet"
    until(lambda: fetch_sql(world, noted, seen.address) == 1, "the address is noted", 60)
    said = complain(ida, seen, port="").body
    assert "Det går att avgöra vilken enhet" in said
    assert named(world, phone) in said
    assert said.count('<th scope="row"') == 1


def test_where_the_log_is_off_it_cannot_be_determined(
    world: World, ida: Person, witness: Witness
) -> None:
    phones = [online(world, 1) for _ in range(2)]
    seen = witness.sees(phones[0], 4)
    said = complain(ida, seen).body
    assert "Det går inte att avgöra vilken" in said
    assert {named(world, phone) in said for phone in phones} == {True}
    seen = witness.sees(phones[0], 6)
    assert "Det går inte att avgöra vilken" in complain(ida, seen, port="").body
    assert fetch_sql(world, "SELECT count(*) FROM port_block WHERE site_id = 'filialen'") == 0
    assert fetch_sql(world, "SELECT count(*) FROM guest_address WHERE site_id = 'filialen'") == 0
