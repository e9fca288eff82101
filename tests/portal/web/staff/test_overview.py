"""The overview: its numbers, who sees them, and the table that leaves the house."""

import re
from datetime import timedelta

from portal.domain.staff_account import Role
from portal.domain.statistics import FEW, VERSION, TryCount, WaitCount, bucket_of
from portal.services.ports.statistics import NodeReport
from portal.storage.statistics import PostgresStatistics
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, StaffWorld


async def count(world: StaffWorld) -> None:
    store, now = PostgresStatistics(world.database), world.time()
    at = bucket_of(now)
    await store.add(
        [
            TryCount(at, CITY, "card", "admitted", "", 30),
            TryCount(at, CITY, "card", "refused", "cred.wrong", 10),
            TryCount(at, CITY, "card", "mistyped", "pin.empty", 99),
            TryCount(at, BRANCH, "voucher", "refused", "code.unknown", 3),
            TryCount(at - timedelta(hours=3), CITY, "card", "refused", "closed", 7),
        ],
        [WaitCount(at, CITY, "card", 20.0, 4), WaitCount(at, BRANCH, "card", 20.0, 6)],
    )
    await store.report(NodeReport("gateway", now, "0.1.0", in_step=True, gate_answers=True))
    await world.database.fetch(
        "INSERT INTO online_sample VALUES ($1, 'city', 12), ($1, 'branch', 4), ($2, 'city', 40)",
        *(at, at - timedelta(hours=20)),
    )


def words(answer: Answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.body))


async def test_it_sees_every_library_and_the_machines(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    await count(world)
    page = await person.get("/overview")
    told = words(page)
    assert page.status == 200
    assert "Som mest i dag: 16" in told  # yesterday's 40 is not today's
    assert "70 %" in told  # 30 of 43 at both
    assert "Senaste timmen, av 43 försök" in told
    assert "18 s Hälften av 10 enheter" in told
    assert "Exempelby stadsbibliotek 0 40 75 % Fel kortnummer eller pinkod" in told
    assert "Filialen i Norra Exempelby 0 3 0 % Okänd kod" in told
    assert "Biblioteket var stängt 0 7" in told
    assert "gateway" in told
    assert "I takt" in told


async def test_a_manager_sees_their_own_library_and_no_machine(world: StaffWorld) -> None:
    person = await world.enrol("kim", Role.SITE_MANAGER, sites=(CITY,))
    await count(world)
    told = words(await person.get("/overview"))
    assert "75 %" in told
    assert "Filialen" not in told
    assert "Okänd kod" not in told
    assert "gateway" not in told
    table = (await person.get("/overview/table")).body
    assert "Filialen" not in table


async def test_a_machine_that_is_not_heard_of_is_told_so(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    await count(world)
    world.time.passes(minutes=2)
    assert "Hörs inte" in words(await person.get("/overview"))


async def test_the_table_names_its_definitions_and_hides_few(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    await count(world)
    answer = await person.get("/overview/table")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="kvar-overview.csv"'
    lines = answer.body.lstrip("\ufeff").splitlines()
    assert lines[0] == "Bibliotek;Uppkopplade nu;Som mest;Försök;Lyckas;Mediantid;Öppna fel"
    assert lines[1] == "Exempelby stadsbibliotek;0;40;40;75 %;;0"  # four devices waited
    assert lines[2] == f"Filialen i Norra Exempelby;0;<{FEW};<{FEW};;18;0"
    assert f"Definitionernas version;{VERSION}" in lines
    assert any(line.startswith("Lyckas;Andelen") for line in lines)


async def test_without_anything_counted_there_is_a_page_all_the_same(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    page = await person.get("/overview")
    assert page.status == 200
    assert "Ingen har loggat in" in words(page)


async def test_the_numbers_of_the_chart_stand_in_its_table(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    await count(world)
    page = (await person.get("/overview")).body
    assert page.count('class="bar s0"') == 2  # one column, and the legend
    table = page[page.index('id="chart-table"') :]
    assert re.search(r'<td class="count">30</td><td class="count">30</td>', table)


async def test_while_the_database_is_away_it_says_so(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    await world.database.fetch("ALTER TABLE online_sample RENAME TO gone")
    await world.database.fetch(
        "CREATE VIEW online_sample AS SELECT now() AS at, '' AS site_id, 1 AS count"
        " FROM pg_sleep(9)"
    )
    answer = await person.get("/overview")
    assert answer.status == 503
