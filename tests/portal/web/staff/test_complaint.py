"""Complaints about an address: what is answered, to whom, and what the record says."""

import pytest

from portal.domain.identity import MacAddress, SiteId
from portal.domain.session import Ground
from portal.domain.staff_account import Role
from portal.services.console.findings import KEPT
from portal.storage.audit import PostgresAudit
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.console_stage import CARD, LAPTOP, PHONE, History, make_history, start
from tests.portal.web.staff.staff_under_test import BRANCH, BUS, CITY, Person, StaffWorld

ASKED = {"address": "192.0.2.10", "port": "40001", "tolerance": "60", "case": "A-17"}
DURING = "2026-11-25 12:30:00"  # local: the phone was online
NOW = "2026-11-26 10:00:00"
BEFORE = "2026-11-25 03:00:00"


@pytest.fixture
async def history(world: StaffWorld) -> History:
    return await make_history(world)


@pytest.fixture
async def ida(world: StaffWorld, history: History) -> Person:
    assert history.over.is_live  # as it was when it began
    return await world.enrol("ida", Role.IT, sites=None)


async def complain(person: Person, **fields: str) -> Answer:
    form = await person.get("/log/complaint")
    answer = await person.post("/log/complaint", form, **({**ASKED, "at": DURING} | fields))
    return await person.get(answer.headers["Location"]) if answer.status == 303 else answer


async def test_the_only_one_who_was_connected(ida: Person, world: StaffWorld) -> None:
    shown = await complain(ida)
    assert "Svar på anmälan A-17" in shown.body
    assert "Troligt, men inte säkert" in shown.body
    assert "En enhet är inte en person." in shown.body
    assert "2026-11-25 12:30:00 (Europe/Stockholm), ± 60 s" in shown.body
    assert shown.body.count('<th scope="row">') == 1
    for personal in (PHONE, LAPTOP, CARD.reveal()):
        assert personal not in shown.body
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert (row.act, row.reason, row.case_number, row.found) == ("complaint", "abuse", "A-17", 1)
    assert row.about == "192.0.2.10 port 40001 2026-11-25T11:29Z/2026-11-25T11:31Z single"


@pytest.mark.parametrize(
    ("at", "told", "confidence"),
    [
        (BEFORE, "Ingen var uppkopplad", "nobody"),
        ("2026-11-01 12:00:00", "Det som fanns om den tiden är raderat.", "erased"),
        ("2026-12-01 12:00:00", "Tidpunkten har inte varit ännu.", "future"),
        ("2026-11-25 11:30:00Z", "Troligt, men inte säkert", "single"),
        ("2026-11-26 09:30:00", "Troligt, men inte säkert", "single"),
    ],
)
async def test_every_other_answer_is_in_the_record_too(
    ida: Person, world: StaffWorld, at: str, told: str, confidence: str
) -> None:
    shown = await complain(ida, at=at)
    assert told in shown.body
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert row.about.endswith(confidence)


async def test_of_several_nobody_can_say_which(ida: Person, world: StaffWorld) -> None:
    for number in range(3):
        await start(world, MacAddress(f"02:00:00:00:01:{number:02}"), CITY, Ground.ACCEPT, None)
    shown = await complain(ida, at="2026-11-26 10:00:00")
    assert "Det går inte att avgöra vilken" in shown.body
    assert "4 enheter var uppkopplade då" in shown.body
    assert shown.body.count('<th scope="row">') == 4


async def test_of_a_crowd_no_list_is_given(ida: Person, world: StaffWorld) -> None:
    await world.database.fetch(
        "INSERT INTO past_session SELECT gen_random_uuid(), ground, site_id, started_at, ended_at,"
        " end_reason, extensions, trace_key, device_trace, subject_trace, 0, 0"
        " FROM past_session, generate_series(1, 300) WHERE ground = 'card'"
    )
    shown = await complain(ida)
    assert "Fler än 200 enheter" in shown.body
    assert '<th scope="row">' not in shown.body


@pytest.mark.parametrize(("sites", "listed"), [((BRANCH, BUS), 1), ((CITY,), 1), (None, 2)])
async def test_an_account_counts_all_and_lists_its_own(
    world: StaffWorld, ida: Person, sites: tuple[SiteId, ...] | None, listed: int
) -> None:
    """Two were connected: nobody is told that there was only one."""
    await start(world, PHONE, CITY, Ground.ACCEPT, None)
    assert "Troligt" not in (await complain(ida, at=NOW)).body
    person = await world.enrol("bo", Role.IT, sites=sites)
    shown = await complain(person, at=NOW)
    assert "2 enheter var uppkopplade då" in shown.body
    assert shown.body.count('<th scope="row">') == listed
    assert ("inte listas: 1." in shown.body) == (listed == 1)
    row, _ = await PostgresAudit(world.database).page(None, 9)
    assert (row.about.endswith("candidates"), row.found) == (True, listed)


async def test_the_only_one_may_be_at_a_library_of_others(world: StaffWorld, ida: Person) -> None:
    bo = await world.enrol("bo", Role.IT, sites=(BRANCH, BUS))
    shown = await complain(bo)
    assert "Bara en enhet var uppkopplad" in shown.body
    assert "inte listas: 1." in shown.body
    assert '<th scope="row">' not in shown.body
    assert "Kvar har inte kontrollerat" in (await complain(ida)).body


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"address": "x"}, "Skriv en ip-adress"),
        ({"port": "99999"}, "En port är ett tal"),
        ({"at": "i går"}, "Skriv en tidpunkt"),
        ({"at": "2026-10-25 02:30"}, "Klockan ställdes om då."),
        ({"tolerance": "1 h"}, "Skriv ett antal sekunder"),
        ({"case": ""}, "Skriv ärendets nummer"),
    ],
)
async def test_what_is_missing_is_asked_for_and_the_rest_is_kept(
    ida: Person, world: StaffWorld, fields: dict[str, str], told: str
) -> None:
    shown = await complain(ida, **fields)
    assert (shown.status, told in shown.body) == (400, True)
    kept = {"address": "192.0.2.10", "tolerance": "60"} | fields
    assert f'value="{kept["address"]}"' in shown.body
    assert await PostgresAudit(world.database).page(None, 9) == []


async def test_an_answer_is_its_askers_for_ten_minutes(ida: Person, world: StaffWorld) -> None:
    form = await ida.get("/log/complaint")
    to = (await ida.post("/log/complaint", form, at=DURING, **ASKED)).headers["Location"]
    bo = await world.enrol("bo", Role.IT, sites=None)
    assert "Svar på anmälan" not in (await bo.get(to)).body
    where = "/log/complaint?by_itself=1"
    assert (await ida.get(to)).headers["Refresh"] == f"{int(KEPT.total_seconds())}; url={where}"
    assert "Refresh" not in (await ida.get(where)).headers
    world.time.passes(seconds=KEPT.total_seconds())
    assert "Svar på anmälan" not in (await ida.get(to)).body
