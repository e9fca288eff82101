"""Page, API and kernel tell the same, and nobody is put out for being silent.

C24, C41, C43 and C48. Time passes by moving a session's end in the database and telling the
keeper, which is what the services do.
"""

import pytest

from firewall.lab import addressing, probes
from firewall.lab.phone import Phone
from portal.demo.world import World
from tests.lab.guest import (
    Guest,
    addresses_of,
    connections,
    end_in,
    kernel_time_left_s,
    run_sql,
    text_of,
    until,
)

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
AGREE_WITHIN_S = 1.0
"""Page, API and kernel may differ for so long; a promise of ours, not a measure of speed."""


def agree(guest: Guest) -> bool:
    return guest.is_captive() is not guest.is_admitted()


# --- page, API and kernel agree: C24 --------------------------------------------------------------


def test_they_agree_after_login_and_log_out(guest: Guest) -> None:
    for _ in range(5):
        assert guest.sign_in().status == 303
        assert (guest.is_captive(), guest.is_admitted()) == (False, True)
        assert guest.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
        assert guest.sign_out().status == 303
        assert (guest.is_captive(), guest.is_admitted()) == (True, False)
        assert guest.phone.http(PROBE_URL).status == 302


def test_they_agree_when_time_is_up(world: World, guest: Guest) -> None:
    """C48 too: the gate is closed and its connections are gone when the API says captive."""
    phone = guest.phone
    assert guest.sign_in().status == 303
    stream = phone.stream("www.example.com")
    until(lambda: stream.report().received > 10, "a running stream")
    end_in(guest, 3.0)
    until(guest.is_captive, "captive by the API")
    until(lambda: not guest.is_admitted(), "closed in the kernel", AGREE_WITHIN_S)
    target = world.lab.internet.address_of("www.example.com")
    until(
        lambda: all(f"dst={target}" not in row for row in connections(world, *addresses_of(phone))),
        "connections gone",
        AGREE_WITHIN_S,
    )
    stream.stop()
    assert phone.http(PROBE_URL).status == 302
    assert phone.tcp_connect("www.example.com", 443).outcome == "refused"
    page = text_of(guest.get("/"))
    assert 'action="/card"' in page
    assert 'action="/continue"' in page, "who comes back is told why, and goes on by one press"


def test_the_kernel_knows_the_end_by_itself(guest: Guest) -> None:
    """Its own time-out comes 2 s after the end, and follows when the end is moved."""
    assert guest.sign_in().status == 303
    remaining_s = int(str(guest.api()["seconds-remaining"]))
    assert abs(kernel_time_left_s(guest) - remaining_s) < 5
    end_in(guest, 300)
    until(lambda: kernel_time_left_s(guest) < 310, "a shorter time in the kernel")
    assert agree(guest)


def test_the_kernel_ends_a_session_when_nobody_else_is_left(world: World, guest: Guest) -> None:
    assert guest.sign_in().status == 303
    end_in(guest, 4)
    until(lambda: kernel_time_left_s(guest) < 7, "the end in the kernel")
    with world.killed():
        assert guest.is_admitted()
        assert guest.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
        until(lambda: not guest.is_admitted(), "the end of time", within_s=15)
        assert guest.phone.tcp_connect("198.51.100.7", 443, timeout_s=1).outcome == "refused"
    assert agree(guest)
    assert guest.is_captive()


def test_they_agree_after_a_restart(world: World, guest: Guest, online_guests: list[Guest]) -> None:
    stays, leaves = online_guests
    assert leaves.sign_out().status == 303
    with world.killed():
        assert stays.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
    assert (stays.is_captive(), stays.is_admitted()) == (False, True)
    for captive in (leaves, guest):
        assert (captive.is_captive(), captive.is_admitted()) == (True, False)
        assert captive.phone.http(PROBE_URL).status == 302


@pytest.fixture
def online_guests(world: World, crowd: list[Phone]) -> list[Guest]:
    guests = [Guest(world, phone) for phone in crowd[:2]]
    for each in guests:
        assert each.sign_in().status == 303
    return guests


# --- silence is not absence: C41 ------------------------------------------------------------------


def keeper_has_looked(marker: Guest) -> None:
    """Wait for a whole comparison: it ends the marker's session, and sees all others."""
    end_in(marker, 0.1)
    until(lambda: not marker.is_admitted(), "the keeper's comparison")


def test_a_silent_phone_stays_online(world: World, online_guests: list[Guest]) -> None:
    """A locked iPhone answers neither ARP, nor NDP, nor ping; an hour of that changes nothing."""
    silent, marker = online_guests
    phone = silent.phone
    phone.link_down()
    guest_interface = world.lab.sites[0].interface
    world.lab.gateway.ip([f"neigh flush dev {guest_interface}"])
    hour_ago = "UPDATE live_session SET last_seen_at = now() - interval '60 minutes'"
    run_sql(world, f"{hour_ago} WHERE mac = $1::text::macaddr", phone.mac)
    keeper_has_looked(marker)
    assert silent.is_admitted()

    phone.link_up()
    until(phone.ipv6_addresses, "an address on the old link")
    first = phone.http(PROBE_URL)
    assert first.body == probes.APPLE_SUCCESS.body, "the first probe after waking"
    assert not silent.is_captive()
    assert "Du är uppkopplad" in text_of(silent.get("/"))


def test_losing_the_address_is_not_an_end(online_guest: Guest) -> None:
    """The same device with another address, without asking DHCP first, and back again."""
    phone = online_guest.phone
    assert phone.lease is not None
    old, router = phone.lease.address, phone.lease.router
    link, outside_the_pool = addressing.PHONE_INTERFACE, "10.44.0.9"  # so leased to nobody else
    phone.namespace.ip(
        [
            f"addr del {old}/22 dev {link}",
            f"addr add {outside_the_pool}/22 dev {link}",
            f"route replace default via {router}",
        ]
    )
    assert phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
    assert not online_guest.is_captive()
    phone.namespace.ip([f"addr flush dev {link} scope global"])
    phone.join(ipv6=False)
    assert not online_guest.is_captive()


# --- warned before the end, extended by one press: C43 --------------------------------------------


def test_the_end_is_announced_and_one_press_moves_it(limited_guest: Guest) -> None:
    """While in use: the stream goes on over the extension, and the end that was is no end."""
    assert limited_guest.sign_in().status == 303
    stream = limited_guest.phone.stream("www.example.com")
    assert 'class="note warn"' not in text_of(limited_guest.get("/status"))
    end_in(limited_guest, 4)
    warned = limited_guest.get("/status")
    assert 'class="note warn"' in text_of(warned)
    assert limited_guest.api()["can-extend-session"] is True

    extended = limited_guest.press("/extend")

    assert extended.status == 303
    page = text_of(limited_guest.get(extended.header("Location") or ""))
    assert 'class="note good"' in page
    remaining_s = int(str(limited_guest.api()["seconds-remaining"]))
    assert 590 < remaining_s <= 604
    until(lambda: abs(kernel_time_left_s(limited_guest) - remaining_s) < 8, "more kernel time")
    sent = stream.report().sent
    until(lambda: stream.report().sent > sent + 2500, "the old end", within_s=30)
    report = stream.stop()
    assert report.lost == 0, report
    assert agree(limited_guest)
    assert not limited_guest.is_captive()


def test_extending_is_offered_any_number_of_times(limited_guest: Guest) -> None:
    """WCAG 2.2.1: at least ten times."""
    assert limited_guest.sign_in().status == 303
    before = int(str(limited_guest.api()["seconds-remaining"]))
    for _ in range(11):
        assert limited_guest.press("/extend").status == 303
    after = int(str(limited_guest.api()["seconds-remaining"]))
    assert after > before + 11 * 600 - 30
    assert 'action="/extend"' in text_of(limited_guest.get("/status"))


def test_the_end_warns_five_minutes_ahead(limited_guest: Guest) -> None:
    assert limited_guest.sign_in().status == 303
    for seconds, warns in ((330, False), (290, True)):
        end_in(limited_guest, seconds)
        assert ('class="note warn"' in text_of(limited_guest.get("/status"))) is warns
