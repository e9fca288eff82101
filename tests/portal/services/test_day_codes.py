"""The code of the day, on a real PostgreSQL: who comes in by it, where, and until when."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.admission import Admit
from portal.domain.identity import SiteId
from portal.domain.session import EndReason, Ground
from portal.domain.site import Site
from portal.services.day_codes import DayCodes
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.key_ring import KeyRing
from portal.services.outcomes import Admitted, RefusalReason, Refused
from tests.portal.services.fakes import FakeGate
from tests.portal.services.test_guest import CARD, HOUR, PIN, device

MAIN, BRANCH = SiteId("main"), SiteId("branch")
TOO_OLD = Refused(RefusalReason.DAY_CODE_OLD)


@pytest.fixture
def sites(sites: dict[SiteId, Site]) -> dict[SiteId, Site]:
    with_screens = {MAIN, BRANCH}
    return {
        site.id: replace(site, code_of_the_day=site.id in with_screens) for site in sites.values()
    }


@pytest.fixture
def codes(doors: Doors) -> DayCodes:
    return DayCodes(doors)


def shown(codes: DayCodes, site_id: SiteId, now: datetime) -> str:
    code = codes.shown(site_id, now)
    assert code is not None
    return code.token


async def test_who_scans_the_screen_comes_in_until_closing(
    guest: GuestService, codes: DayCodes, gate: FakeGate, now: datetime
) -> None:
    closing = now.replace(hour=18, minute=15)
    offer = await guest.day_code(device(), shown(codes, MAIN, now), now + timedelta(seconds=50))
    assert offer == Admit(closing, EndReason.CLOSING_TIME)
    assert gate.devices == {}
    outcome = await guest.sign_in_with_day_code(device(), now)
    assert isinstance(outcome, Admitted)
    session = outcome.session
    assert (session.ground, session.subject) == (Ground.DAY_CODE, None)
    assert session.ends_at == closing
    assert gate.devices == {device().mac: 8.25 * 3600}


async def test_the_sites_limit_holds_and_a_press_extends_it(
    doors: Doors, sites: dict[SiteId, Site], now: datetime
) -> None:
    sites[MAIN] = replace(sites[MAIN], time_limit=HOUR)
    guest = GuestService(replace(doors, sites=sites))
    outcome = await guest.sign_in_with_day_code(device(), now)
    assert isinstance(outcome, Admitted)
    assert outcome.session.ends_at == now + HOUR
    longer = await guest.extend(device(), now)
    assert not isinstance(longer, Refused)
    assert longer.ends_at == now + 2 * HOUR


async def test_a_code_is_worth_nothing_at_another_site_and_nothing_later(
    guest: GuestService, codes: DayCodes, now: datetime
) -> None:
    code = shown(codes, MAIN, now)
    assert await guest.day_code(device(site="branch"), code, now) == TOO_OLD
    assert await guest.day_code(device(), code, now + timedelta(seconds=90)) == TOO_OLD
    assert await guest.day_code(device(), "0000000000", now) == TOO_OLD
    assert await guest.day_code(device(), "x" * 4000, now) == TOO_OLD


async def test_a_closed_library_shows_none_and_lets_nobody_in(
    guest: GuestService, codes: DayCodes, now: datetime
) -> None:
    night = now.replace(hour=20)
    code = codes.doors.keys.day_secret(MAIN)
    assert codes.shown(MAIN, night) is None
    assert code not in {b"", codes.doors.keys.day_secret(BRANCH)}
    for answer in (
        await guest.day_code(device(), "1029384756", night),
        await guest.sign_in_with_day_code(device(), night),
    ):
        assert isinstance(answer, Refused)
        assert answer.reason is RefusalReason.CLOSED


async def test_a_site_without_one_neither_shows_nor_takes_it(
    guest: GuestService, codes: DayCodes, now: datetime
) -> None:
    assert codes.shown(SiteId("lobby"), now) is None
    answer = await guest.sign_in_with_day_code(device(site="lobby"), now)
    assert answer == Refused(RefusalReason.METHOD_NOT_OFFERED)
    looked = await guest.day_code(device(site="lobby"), "1029384756", now)
    assert looked == Refused(RefusalReason.METHOD_NOT_OFFERED)


async def test_whoever_is_in_with_a_card_keeps_that_session(
    guest: GuestService, now: datetime
) -> None:
    before = await guest.sign_in_with_card(device(), CARD, PIN, now)
    after = await guest.sign_in_with_day_code(device(), now)
    assert isinstance(before, Admitted)
    assert isinstance(after, Admitted)
    assert after.session.id == before.session.id


async def test_two_processes_and_two_starts_know_the_same_code(
    codes: DayCodes, doors: Doors, tmp_path: Path, now: datetime
) -> None:
    other = DayCodes(replace(doors, keys=KeyRing(tmp_path / "keys")))
    assert shown(other, MAIN, now) == shown(codes, MAIN, now)


async def test_without_a_key_nobody_is_let_in(doors: Doors, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "file").write_text("no directory")
    guest = GuestService(replace(doors, keys=KeyRing(tmp_path / "file")))
    assert await guest.day_code(device(), "1029384756", now) == Refused(RefusalReason.SERVICE_DOWN)
