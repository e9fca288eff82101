"""A device that only its browser names: let in as it asks, and never one that is known."""

from dataclasses import replace
from datetime import datetime, timedelta

from portal.domain.identity import Secret
from portal.domain.session import EndReason
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Online, RefusalReason, Refused
from tests.portal.services.fakes import FakeLibrary
from tests.portal.services.test_coming_back import CARD, PHONE, PIN, captive, end, seen, sign_in

HOUR = timedelta(hours=1)
SAYS_SO = replace(PHONE, is_vouched=False)
WRONG = Secret("9999")


async def test_it_comes_back_by_no_page_and_by_no_press(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    before = await sign_in(guest, now)
    await end(doors, before, EndReason.ABSENT, now + HOUR)
    standing = await captive(guest, now + 2 * HOUR, SAYS_SO)
    assert not standing.may_continue
    refused = await guest.continue_visit(SAYS_SO, now + 2 * HOUR)
    assert refused == Refused(RefusalReason.NOT_ONLINE)
    assert await seen(doors, now + 2 * HOUR), "the ticket is there for whom the gate names"


async def test_a_remembered_device_is_not_recognised_either(
    doors: Doors, guest: GuestService, now: datetime
) -> None:
    before = await sign_in(guest, now, label="iPhone")
    await end(doors, before, EndReason.ABSENT, now + HOUR)
    later = now + timedelta(hours=30)
    assert not (await captive(guest, later, SAYS_SO)).may_continue
    known = await guest.standing(PHONE, later)
    assert isinstance(known, Online) or known.may_continue


async def test_its_address_does_not_open_the_budget_of_the_device_that_knows_the_card(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    await sign_in(guest, now)
    for _ in range(20):
        await guest.sign_in_with_card(SAYS_SO, CARD, WRONG, now)
    assert library.wrong[CARD.reveal()] == 3, "as a stranger: three a day, whatever it calls itself"
    assert isinstance(await guest.sign_in_with_card(PHONE, CARD, PIN, now), Admitted)


async def test_its_wrong_tries_are_not_counted_against_the_device_it_names(
    guest: GuestService, now: datetime
) -> None:
    for number in range(10):
        await guest.sign_in_with_card(SAYS_SO, Secret(f"2000000000{number:04}"), WRONG, now)
    assert isinstance(await guest.sign_in_with_card(PHONE, CARD, PIN, now), Admitted)


async def test_it_makes_no_device_known(
    guest: GuestService, library: FakeLibrary, now: datetime
) -> None:
    assert isinstance(await guest.sign_in_with_card(SAYS_SO, CARD, PIN, now), Admitted)
    for _ in range(5):
        await guest.sign_in_with_card(PHONE, CARD, WRONG, now)
    assert library.wrong[CARD.reveal()] == 3
