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


async def hear_of(world: StaffWorld, name: str, online: int, minutes: int) -> None:
    """Have an access point tell of so many visits, the last sign so long ago."""
    await world.database.fetch(
        "INSERT INTO accounting_session (name, access_point, nas, bss, site_id, started_at,"
        " told_at, heard_at, upload_octets, download_octets, upload_before, download_before,"
        " duration)"
        " SELECT sha256(convert_to($1 || n, 'UTF8')), $1, '', sha256(convert_to((n % 2)::text,"
        " 'UTF8')), 'city', $2, $2, $2, 0, 0, 0, 0, '0' FROM generate_series(1, $3) AS n",
        *(name, world.time() - timedelta(minutes=minutes), online),
    )


async def test_the_access_point_that_refuses_most_comes_first(world: StaffWorld) -> None:
    """Half of the tries fail at one: told within one look, and apart from bad radio (N02)."""
    person = await world.enrol("eva", Role.IT, sites=None)
    store, now = PostgresStatistics(world.database), bucket_of(world.time())
    for name, refused in (("ap-attic", 1), ("ap-cellar", 20)):
        tries = [
            TryCount(now, CITY, "card", "admitted", "", 20, name),
            TryCount(now, CITY, "card", "refused", "service", refused, name),
        ]
        await store.add(tries, [])
        await hear_of(world, name, 7, 1)
    await store.add([TryCount(now, CITY, "card", "refused", "service", 4, "ap-roof")], [])
    await hear_of(world, "ap-hall", 3, 45)
    page = words(await person.get("/overview"))
    cellar, attic, hall, roof = (
        page.index(f"{name} Exempelby") for name in ("ap-cellar", "ap-attic", "ap-hall", "ap-roof")
    )
    assert cellar < attic < hall < roof, "four tries are too few to judge by"
    told = page[cellar:attic]
    assert "40 50 %" in told
    assert "inget" not in told
    assert re.search(r": 20 7 2 kl. 09.59", told), told
    assert "Inte i dag" in page[roof:]
    assert words(await person.get("/overview")).count("57 %") <= 1


async def test_a_library_manager_sees_no_access_points(world: StaffWorld) -> None:
    person = await world.enrol("kim", Role.SITE_MANAGER, sites=(CITY,))
    await hear_of(world, "ap-hall", 3, 1)
    page = words(await person.get("/overview"))
    assert "ap-hall" not in page
    assert "Accesspunkterna" not in page
    assert "Månadsrapport" in page
    assert "Pausa" in page
