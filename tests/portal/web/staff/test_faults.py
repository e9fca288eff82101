"""The list of fault reports: who sees and does what, ages, and nothing about visitors."""

import json
import re

import pytest

from portal.domain.fault_report import FaultKind
from portal.domain.staff_account import Role
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, Person, StaffWorld

FACTS = {
    "version": "0.1.0",
    "gate_answers": True,
    "library_is_away": False,
    "online": 12,
    "refusals_last_hour": {"cred.wrong": 4},
    "library_answers_last_hour": {"ok": 9, "unavailable": 1},
}


async def report(world: StaffWorld, site: str = CITY, words: str = "", hours: float = 0) -> int:
    (row,) = await world.database.fetch(
        "INSERT INTO fault_report (at, site_id, kind, words, facts, by)"
        " VALUES ($1::timestamptz - $5 * interval '1 hour', $2, 'nobody_in', $3, $4::jsonb, 'kim')"
        " RETURNING number",
        *(world.time(), site, words, json.dumps(FACTS), hours),
    )
    number: int = row["number"]
    return number


def words(answer: Answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.body))


@pytest.fixture
async def it(world: StaffWorld) -> Person:
    return await world.enrol("eva", Role.IT, sites=None)


async def test_a_report_is_taken_and_fixed(world: StaffWorld, it: Person) -> None:
    number = await report(world, words="Ingen <b>kommer</b> in", hours=2)
    page = await it.get("/faults")
    told = words(page)
    assert f"Nummer {number} : Ingen kommer in" in told.replace(f"{number}:", f"{number} :")
    assert "Ny Exempelby stadsbibliotek" in told
    assert "&lt;b&gt;kommer" in page.body
    assert "för 2 h sedan" in told
    assert "Fel kortnummer eller pinkod: 4" in told
    assert "rätt: 9, inget svar: 1" in told
    assert "Grinden svarade Ja" in told
    taken = await it.post("/faults/take", page, number=str(number))
    assert taken.headers["Location"] == "/faults?done=taken"
    page = await it.get("/faults?done=taken")
    assert "Du har tagit anmälan" in words(page)
    assert "Sedd Exempelby stadsbibliotek, eva har den" in words(page)
    await it.post("/faults/fix", page, number=str(number))
    told = words(await it.get("/faults"))
    assert "Inga fel är anmälda" in told
    assert "Lagad 26 november" in told or "Lagad kl." in told
    world.time.passes(days=15)
    await it.sign_in()
    assert "Lagad" not in words(await it.get("/faults"))


async def test_what_nobody_has_seen_in_time_is_red(world: StaffWorld, it: Person) -> None:
    await report(world, hours=3)
    assert "inom den tid" not in words(await it.get("/faults"))
    await report(world, hours=5)
    assert words(await it.get("/faults")).count("inom den tid") == 1


async def test_a_manager_sees_their_own_library_and_changes_nothing(world: StaffWorld) -> None:
    manager = await world.enrol("kim", Role.SITE_MANAGER, sites=(CITY,))
    mine, other = await report(world), await report(world, BRANCH)
    page = await manager.get("/faults")
    assert f"Nummer {mine}" in words(page)
    assert f"Nummer {other}" not in words(page)
    assert "/faults/fix" not in page.body
    assert (await manager.send("/faults/fix", {"number": str(mine)})).status == 403


async def test_it_of_one_library_cannot_touch_anothers(world: StaffWorld) -> None:
    narrow = await world.enrol("bo", Role.IT, sites=(CITY,))
    await report(world)
    other = await report(world, BRANCH)
    page = await narrow.get("/faults")
    for act in ("take", "fix"):
        answer = await narrow.post(f"/faults/{act}", page, number=str(other))
        assert answer.headers["Location"] == "/faults?done=gone"
    (row,) = await world.database.fetch(
        "SELECT seen_at, fixed_at FROM fault_report WHERE number = $1", other
    )
    assert row["seen_at"] is None
    assert row["fixed_at"] is None
    odd = await narrow.post("/faults/take", page, number="-1")
    assert odd.headers["Location"] == "/faults?done=gone"


async def test_what_guests_say_of_one_thing_is_one_report(world: StaffWorld, it: Person) -> None:
    faults, now = world.site.desk.faults, world.time
    said = {"browsers": "Firefox", "failed": "card.blocked"}
    first = await faults.report_from_guest(CITY, FaultKind.NOT_IN, said, now())
    again = {"browsers": "Safari", "failed": "card.blocked"}
    assert await faults.report_from_guest(CITY, FaultKind.NOT_IN, again, now()) == first
    assert await faults.report_from_guest(CITY, FaultKind.NOT_IN, {}, now()) == first
    assert await faults.report_from_guest(CITY, FaultKind.SLOW, said, now()) != first
    assert await faults.report_from_guest(BRANCH, FaultKind.NOT_IN, said, now()) != first
    page = words(await it.get("/faults"))
    assert "Besökare kommer inte in" in page
    assert "Antal: 3." in page
    assert "Safari: 1, Firefox: 1" in page
    now.passes(days=1, seconds=1)
    await it.sign_in()
    later = await faults.report_from_guest(CITY, FaultKind.NOT_IN, said, now())
    assert later != first, "the next day's is another one"
    assert later is not None
    form = await it.get("/faults")
    await it.post("/faults/fix", form, number=str(later))
    assert await faults.report_from_guest(CITY, FaultKind.NOT_IN, said, now()) != later
