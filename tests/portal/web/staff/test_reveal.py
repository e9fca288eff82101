"""Sealed card numbers, from the log-in to the page that shows one, on a real PostgreSQL."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret
from portal.domain.privacy import PrivacyLevel
from portal.domain.session import Session
from portal.domain.site import WhenDown
from portal.domain.staff_account import Role
from portal.domain.verification import Verification
from portal.services.courtesy import Courtesy
from portal.services.doors import Doors
from portal.services.identity_key import IdentityKey, make_pair
from portal.services.outcomes import Admitted, Refused
from portal.services.ports import Kept
from portal.services.sign_in import SignIn
from portal.storage.courtesy import PostgresCourtesies
from portal.storage.upkeep import PostgresUpkeep
from tests.portal.services.fakes import FakeLibrary
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, SITES, Person, StaffWorld

CARD, PIN = "20000000000417", "7391"
PASSPHRASE = "sex gröna fåglar sover i kväll"
PUBLIC, PRIVATE = make_pair(Secret(PASSPHRASE))
WHY = {"reason": "abuse", "case": "2026-118"}


@dataclass
class Sealing:
    """A site that seals, and a guest who may log in there."""

    world: StaffWorld
    library: FakeLibrary
    doors: Doors

    async def log_in(self, doors: Doors | None = None, number: int = 1) -> object:
        device = Device(MacAddress(f"02:00:00:00:00:{number:02x}"), CITY)
        guest = SignIn(doors or self.doors, self.courtesy(doors or self.doors))
        return await guest.with_card(device, Secret(CARD), Secret(PIN), self.world.time())

    async def session(self, **changes: object) -> Session:
        outcome = await self.log_in(self.at(**changes))
        assert isinstance(outcome, Admitted)
        return outcome.session

    def at(self, **changes: object) -> Doors:
        """Return the doors where the city library is changed."""
        site = replace(self.doors.sites[CITY], **changes)  # type: ignore[arg-type]
        return replace(self.doors, sites={**self.doors.sites, CITY: site})

    def courtesy(self, doors: Doors) -> Courtesy:
        return Courtesy(doors, PostgresCourtesies(self.world.database))

    async def kept(self) -> int:
        rows = await self.world.database.fetch("SELECT sealed FROM sealed_identity")
        assert not any(CARD.encode() in row["sealed"] for row in rows)
        return len(rows)


@pytest.fixture
async def sealing(world: StaffWorld) -> Sealing:
    library = FakeLibrary(**{f"c{CARD}": PIN})
    site = replace(SITES[CITY], seal_identity=True)
    doors = replace(
        world.doors,
        library=library,
        sites={**SITES, CITY: site},
        identity_key=IdentityKey(PUBLIC),
    )
    return Sealing(world, library, doors)


async def reveal(person: Person, session: Session, **changes: str) -> Answer:
    """Fill in the form; half a minute later, so that the app shows another code."""
    person.world.time.passes(seconds=31)
    page = await person.get(f"/reveal?one={session.id}")
    fields = {
        "one": str(session.id),
        **WHY,
        "code": person.code(),
        "private_key": PRIVATE.reveal(),
        "passphrase": PASSPHRASE,
        **changes,
    }
    return await person.post("/reveal", page, **fields)


async def record(world: StaffWorld) -> list[tuple[str, str, int]]:
    rows = await world.site.console.record.page(None, 50)
    return [(row.act, row.about, row.found) for row in reversed(rows)]


async def test_a_card_is_revealed_with_the_key_and_shown_for_ten_minutes(sealing: Sealing) -> None:
    session, world = await sealing.session(), sealing.world
    assert await sealing.kept() == 1
    eva = await world.enrol("eva", Role.PRIVACY)
    done = await reveal(eva, session)
    assert done.status == 303
    shown = await eva.get(done.headers["Location"])
    assert f'<dd class="code">{CARD}</dd>' in shown.body
    assert re.match(r"\d{3}; url=/reveal", shown.headers["Refresh"])
    assert await record(world) == [("reveal", f"session {session.id}", 1)]
    for row in await world.database.fetch("SELECT a::text AS text FROM audit AS a"):
        assert CARD not in row["text"]
    sam = await world.enrol("sam", Role.PRIVACY)
    assert CARD not in (await sam.get(done.headers["Location"])).body, "its finder's alone"
    world.time.passes(minutes=10, seconds=1)
    assert CARD not in (await eva.get(done.headers["Location"])).body


async def test_what_is_missing_or_wrong_opens_nothing(sealing: Sealing) -> None:
    session, world = await sealing.session(), sealing.world
    eva = await world.enrol("eva", Role.PRIVACY)
    other_line = make_pair(Secret(PASSPHRASE))[1].reveal()
    for field, changes, status in (
        ("one", {"one": "x"}, 400),
        ("one", {"one": "0" * 32}, 400),
        ("reason-abuse", {"reason": "curious"}, 400),
        ("case", {"case": " "}, 400),
        ("code", {"code": "000000"}, 403),
        ("passphrase", {"passphrase": "fel"}, 400),
        ("passphrase", {"private_key": "rad"}, 400),
        ("private_key", {"private_key": other_line}, 400),
    ):
        answer = await reveal(eva, session, **changes)
        assert (answer.status, f'href="#{field}"' in answer.body) == (status, True), changes
        for secret in (PRIVATE.reveal(), PASSPHRASE, other_line, CARD):
            assert secret not in answer.body
    # what was tried with the key stands in the record too
    assert await record(world) == [("reveal", f"session {session.id}", 0)] * 3


async def test_the_weeks_key_is_needed_too_and_its_end_erases(sealing: Sealing) -> None:
    session, world = await sealing.session(), sealing.world
    eva = await world.enrol("eva", Role.PRIVACY)
    far = world.time() + timedelta(days=60)
    assert "log-2026-w48" in world.doors.keys.destroy_before(far, world.time(), world.time())
    answer = await reveal(eva, session)
    assert (answer.status, "Den veckans nyckel är förstörd" in answer.body) == (400, True)


async def test_it_goes_with_the_last_session_of_its_week(sealing: Sealing) -> None:
    await sealing.session()
    upkeep, now = PostgresUpkeep(sealing.world.database), sealing.world.time()
    await upkeep.tidy(Kept(), now)
    assert await sealing.kept() == 1
    await sealing.world.database.fetch(
        "UPDATE live_session SET ends_at = started_at + interval '1 hour'"
    )
    await sealing.doors.sessions.end_due([CITY], now + timedelta(hours=2))
    await upkeep.tidy(Kept(), now + timedelta(days=14))
    assert await sealing.kept() == 1
    await upkeep.tidy(Kept(), now + timedelta(days=14, hours=2))
    assert await sealing.kept() == 0


async def test_nothing_is_sealed_by_default_or_where_nobody_is_named(sealing: Sealing) -> None:
    await sealing.session(seal_identity=False)
    await sealing.session(privacy=PrivacyLevel.VISITS)
    assert await sealing.kept() == 0
    # the database's own level holds, whatever a node's configuration says
    await sealing.world.database.fetch("SELECT set_privacy($1, 1::smallint)", CITY)
    await sealing.world.database.fetch("DELETE FROM live_session")
    await sealing.session()
    assert await sealing.kept() == 0


async def test_without_a_key_a_site_that_seals_lets_no_card_in(sealing: Sealing) -> None:
    """Fails closed: a gap that nobody knows of would be worse."""
    outcome = await sealing.log_in(replace(sealing.doors, identity_key=None))
    assert isinstance(outcome, Refused)
    assert await sealing.world.database.fetch("SELECT FROM live_session") == []


async def test_a_courtesy_is_sealed_when_its_card_is_checked(sealing: Sealing) -> None:
    doors = sealing.at(library_down=WhenDown.COURTESY)
    courtesy, device = sealing.courtesy(doors), Device(MacAddress("02:00:00:00:00:07"), CITY)
    sealing.library.answer = Verification.UNAVAILABLE
    now = sealing.world.time()
    outcome = await SignIn(doors, courtesy).with_card(device, Secret(CARD), Secret(PIN), now)
    assert isinstance(outcome, Admitted)
    assert await sealing.kept() == 0
    sealing.library.answer = None
    await courtesy.check_waiting(now + timedelta(minutes=1))
    assert await sealing.kept() == 1


async def test_the_log_says_that_there_is_something_to_open(sealing: Sealing) -> None:
    session, world = await sealing.session(), sealing.world
    key = f"{session.started_at:%Y%m%dT%H%M%S%f}.{session.id.hex}"
    ida = await world.enrol("ida", Role.IT)
    page = (await ida.get(f"/log/session?one={key}")).body
    assert ("Förseglat." in page, "/reveal" in page) == (True, False)
    both = await world.enrol("both", Role.IT, Role.PRIVACY)
    assert f"/reveal?one={session.id}" in (await both.get(f"/log/session?one={key}")).body
    elsewhere = await world.enrol("alex", Role.PRIVACY, sites=(BRANCH,))
    answer = await reveal(elsewhere, session)
    assert (answer.status, 'href="#one"' in answer.body) == (400, True)
