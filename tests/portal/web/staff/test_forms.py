"""Forms that did not come from our own page: T20, T22."""

from datetime import timedelta

import pytest

from portal.domain.identity import MacAddress
from portal.web.guest import form_token as guest_token
from portal.web.staff import cookies
from portal.web.staff.form_token import LIFETIME, Ties, issue_token, token_holds
from tests.portal.web.portal_under_test import FakeGuest, exchange, get, post, running_portal
from tests.portal.web.staff.staff_under_test import NOW, PASSWORD, Person, StaffWorld

KEY = bytes(range(32))
TIES = Ties(b"b" * 32, "/site", "city")


@pytest.mark.parametrize(
    "header",
    [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: https://evil.example",
        "Origin: http://localhost.evil.example",
        "Origin: http://[::1",
    ],
)
async def test_another_site_can_do_nothing(world: StaffWorld, header: str) -> None:
    """T20: not even with a token that holds."""
    kim = await world.enrol("kim")
    page = await kim.get("/account")
    kim.more = (header,)
    assert (await kim.post("/sign-out", page)).status == 403
    nobody = Person(world, more=(header,))
    refused = await nobody.post("/sign-in", await nobody.get("/sign-in"))
    assert (refused.status, "Det gick inte att ta emot" in refused.body) == (403, True)
    assert await world.events("staff_signed_out") == []
    kim.more = ("Sec-Fetch-Site: same-origin",)
    assert (await kim.get("/account")).status == 200


async def test_a_token_is_one_browsers_and_one_addresses(world: StaffWorld) -> None:
    kim, sam = await world.enrol("kim"), await world.enrol("sam")
    of_sam = (await sam.get("/account")).token("/sign-out")
    of_lock = (await kim.get("/account")).token("/lock")
    for token in ("", "x", of_sam, of_lock, "A" * 28):
        assert (await kim.send("/sign-out", {"token": token})).status == 403
    assert (await kim.get("/account")).status == 200


async def test_the_form_to_sign_in_is_bound_to_the_browser_too(world: StaffWorld) -> None:
    """Or somebody could be signed in to another's account without noticing."""
    await world.enrol("kim")
    page = await Person(world).get("/sign-in")
    other = Person(world)
    await other.get("/sign-in")
    answer = await other.post("/sign-in", page, name="kim", password=PASSWORD)
    assert answer.status == 403
    assert cookies.SESSION not in other.cookies


async def test_what_guests_hold_is_worth_nothing_here(world: StaffWorld) -> None:
    """T22."""
    mac = MacAddress("02:00:00:00:00:01")
    for key in (world.staff.keys.form, KEY):
        for purpose in guest_token.Purpose:
            token = guest_token.issue_token(key, mac, purpose, world.time())
            for name in (cookies.SESSION, cookies.BROWSER, "__Host-kvar-guest", "session"):
                thief = Person(world, cookies={name: token})
                assert (await thief.get("/desk")).status == 401
                fields = {"token": token, "card": "20000000000001"}
                assert (await thief.send("/account/end-others", fields)).status == 401


async def test_neither_site_has_the_others_pages(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    for path in ("/card", "/status", "/captive-portal/api", "/privacy", "/devices"):
        assert (await kim.get(path)).status == 404
    async with running_portal(FakeGuest()) as portal:
        cookie = f"Cookie: {cookies.SESSION}={kim.cookies[cookies.SESSION]}"
        for path in ("/sign-in", "/desk", "/account", "/first"):
            answer = await exchange(portal.plain_port, get(path, "localhost", cookie))
            assert answer.status == 404
            assert (await exchange(portal.plain_port, post(path, {}))).status == 405


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Type: application/json",), 415),
        (("Content-Type: multipart/form-data; boundary=x",), 415),
        (("Content-Type: application/x-www-form-urlencoded", "Content-Encoding: gzip"), 415),
    ],
)
async def test_what_is_no_small_form_is_not_read(
    world: StaffWorld, lines: tuple[str, ...], status: int
) -> None:
    head = ["POST /sign-in HTTP/1.1", "Host: localhost", "Content-Length: 1", *lines]
    answer = await exchange(world.port, "\r\n".join([*head, "", "x"]).encode())
    assert answer.status == status


async def test_a_form_that_is_too_large_is_refused(world: StaffWorld) -> None:
    answer = await Person(world).send("/sign-in", {"name": "x" * 10_000})
    assert answer.status == 413


def test_a_token_holds_for_what_it_was_made_for() -> None:
    token = issue_token(KEY, TIES, NOW)
    assert len(token) == 28
    assert token_holds(KEY, TIES, token, NOW)
    assert not token_holds(KEY, TIES, token, NOW + LIFETIME)
    assert token_holds(KEY, TIES, token, NOW + LIFETIME - timedelta(seconds=1))
    others = (
        Ties(b"c" * 32, "/site", "city"),
        Ties(b"b" * 32, "/lock", "city"),
        Ties(b"b" * 32, "/site", "branch"),
        Ties(b"b" * 32, "/sit", "ecity"),
    )
    assert not any(token_holds(KEY, ties, token, NOW) for ties in others)
    assert not token_holds(KEY[::-1], TIES, token, NOW)


@pytest.mark.parametrize("token", ["", "x", "å", "A" * 27, "A" * 28, "A" * 32, "-_" * 14, "\x00"])
def test_what_is_no_token_never_holds(token: str) -> None:
    assert not token_holds(KEY, TIES, token, NOW)
