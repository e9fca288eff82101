"""A device that comes back is let in before its first probe is answered: no page, no redirect.

C44 and C45. Its session stands in the database, and the kernel of this gateway does not know it:
it began at another gateway of the organisation.
"""

import asyncio

import pytest

from firewall.client import GateClient
from firewall.lab import probes
from firewall.lab.phone import Phone
from portal.demo.world import World
from tests.lab.conftest import LIMITED_SITE
from tests.lab.guest import Guest, run_sql, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
SESSION_ELSEWHERE = """
INSERT INTO live_session (id, ground, subject, mac, site_id, started_at, ends_at, ends_because,
                          last_seen_at, trace_key, device_trace)
VALUES (gen_random_uuid(), 'card', sha256($1::bytea), $1::text::macaddr, 'elsewhere', now(),
        now() + interval '1 hour', 'time_limit', now(), 'log-2026-w48', sha256($1::bytea))
"""


def expel(world: World, phone: Phone) -> None:
    """Put the phone out of this gateway's kernel, behind everybody's back."""

    async def run() -> None:
        async with GateClient(world.config.gate.socket) as client:
            await client.expel(phone.mac)

    asyncio.run(run())


def first_probe_is_genuine(phone: Phone) -> None:
    first = phone.http(PROBE_URL)
    assert (first.status, first.body) == (200, probes.APPLE_SUCCESS.body)


def test_a_phone_with_a_session_at_another_gateway_gets_no_page(world: World) -> None:
    phone = world.lab.add_phone()
    guest = Guest(world, phone)
    run_sql(world, SESSION_ELSEWHERE.replace("$1::bytea", "$1::text::bytea"), phone.mac)
    phone.join(ipv6=True)
    until(guest.is_admitted, "in, without having asked for anything")
    first_probe_is_genuine(phone)
    assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    assert guest.sign_out().status == 303
    world.lab.remove_phone(phone)


def test_a_phone_whose_first_packet_is_its_probe_is_never_redirected(
    world: World, online_guest: Guest
) -> None:
    """Nothing announced it: the portal hangs up on the probe, and the next one is genuine."""
    phone = online_guest.phone
    elsewhere = "UPDATE live_session SET site_id = 'elsewhere' WHERE mac = $1::text::macaddr"
    run_sql(world, elsewhere, phone.mac)
    expel(world, phone)
    assert not online_guest.is_admitted()
    answers = [phone.http(PROBE_URL) for _ in range(5)]
    hung_up, genuine = (0, b""), (200, probes.APPLE_SUCCESS.body)
    assert {(answer.status, answer.body) for answer in answers} <= {hung_up, genuine}
    assert (answers[-1].status, answers[-1].body) == genuine
    assert (online_guest.is_captive(), online_guest.is_admitted()) == (False, True)


def test_a_phone_that_moves_to_the_next_library_gets_no_page(
    world: World, online_guest: Guest
) -> None:
    phone = online_guest.phone
    world.lab.move(phone, LIMITED_SITE)
    phone.join(ipv6=True)
    first_probe_is_genuine(phone)
    assert (online_guest.is_captive(), online_guest.is_admitted()) == (False, True)
