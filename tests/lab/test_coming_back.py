"""A device that comes back is let in before its first probe is answered: no page, no redirect.

C44 and C45. Its session stands in the database, and the kernel of this gateway does not know it:
it began at another gateway of the organisation.
"""

import asyncio
from collections.abc import Callable

import pytest

from firewall.client import GateClient
from firewall.lab import probes
from firewall.lab.phone import Phone
from portal.demo.world import World
from tests.lab.conftest import LIMITED_SITE, MAIN_SITE
from tests.lab.guest import CARD, PIN, Guest, end_in, run_sql, text_of, until

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

    def joins_and_is_in() -> bool:
        """Joining again: a keeper that has just started did not hear the first time."""
        phone.join(ipv6=True)
        return guest.is_admitted()

    until(joins_and_is_in, "in, without having asked for anything", within_s=60)
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


# --- the same day and the days after --------------------------------------------------------------


def leave_the_air(world: World, phone: Phone) -> None:
    phone.link_down()
    world.lab.gateway.ip([f"neigh flush dev {world.lab.sites[MAIN_SITE].interface}"])


def come_back(phone: Phone) -> None:
    phone.link_up()
    phone.join(ipv6=True)


def comes_back_unredirected(guest: Guest) -> bool:
    """Say whether the first answer was the genuine one; a probe that came too early had none."""
    come_back(guest.phone)
    while (answer := guest.phone.http(PROBE_URL)).status == 0:
        pass
    if answer.status == 302:
        until(guest.is_admitted, "the return, after a page")
        return False
    assert (answer.status, answer.body) == (200, probes.APPLE_SUCCESS.body)
    assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    return True


def never_redirected(guest: Guest, leave: Callable[[], None]) -> None:
    """A portal that was not given the processor for PATIENCE_S may show its page: so, again."""
    for _ in range(3):
        leave()
        if comes_back_unredirected(guest):
            return
    raise AssertionError("redirected every time")


def test_a_remembered_phone_comes_back_the_next_day_without_a_page(
    world: World, guest: Guest
) -> None:
    phone = guest.phone
    fields = {"token": guest.token(), "card": CARD, "pin": PIN, "remember": "1"}
    assert guest.post("/card", fields).status == 303
    assert "Vi kommer ihåg den här enheten" in text_of(guest.get("/status"))
    assert 'action="/devices"' in text_of(guest.get("/devices"))

    def a_day_passes() -> None:
        leave_the_air(world, phone)
        end_in(guest, 0.1)  # closing time
        until(lambda: not guest.is_admitted(), "the end of the day")
        run_sql(world, "DELETE FROM returning_device")
        days_pass = "UPDATE remembered_device SET added_at = added_at - interval '1 day'"
        run_sql(world, f"{days_pass}, last_visit_at = last_visit_at - interval '1 day'")

    never_redirected(guest, a_day_passes)

    assert "logga in igen med kortet" in text_of(guest.get("/devices")), "no card was shown"
    assert guest.press("/forget").status == 303
    assert "Vi kommer ihåg" not in text_of(guest.get("/status"))


def test_a_phone_that_was_absent_for_hours_comes_back_without_a_page(
    world: World, online_guest: Guest
) -> None:
    """What its session leaves, is written here: presence needs hours to call it absent."""
    phone = online_guest.phone

    def hours_pass() -> None:
        leave_the_air(world, phone)
        gone = "DELETE FROM live_session WHERE mac = $1::text::macaddr RETURNING *"
        ticket = "INSERT INTO returning_device SELECT device_trace, 'remembered', subject"
        run_sql(
            world,
            f"WITH gone AS ({gone}) {ticket}, now() + interval '1 hour', true FROM gone"
            " ON CONFLICT DO NOTHING",
            phone.mac,
        )
        expel(world, phone)

    never_redirected(online_guest, hours_pass)


def test_a_visit_that_ran_out_is_continued_by_one_press(limited_guest: Guest) -> None:
    assert limited_guest.sign_in().status == 303
    end_in(limited_guest, 0.1)
    until(lambda: not limited_guest.is_admitted(), "the end of the visit")
    until(lambda: 'action="/continue"' in text_of(limited_guest.get("/")), "the offer")
    assert limited_guest.is_captive(), "not by itself"
    token = limited_guest.token("/", action="/continue")
    assert limited_guest.post("/continue", {"token": token}).status == 303
    assert (limited_guest.is_captive(), limited_guest.is_admitted()) == (False, True)
    assert limited_guest.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
