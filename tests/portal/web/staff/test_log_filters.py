"""The log narrowed to an access point; and an IP address looked up, which takes a reason."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from portal.domain.identity import MacAddress, SiteId
from portal.domain.privacy import PrivacyLevel
from portal.domain.session import EndReason, Ground, Session
from portal.domain.staff_account import Role
from portal.services.ports.address_log import Given
from portal.services.ports.live import Place
from portal.storage.address_log import PostgresAddressLog
from portal.storage.audit import PostgresAudit
from portal.storage.database import Database
from portal.storage.live import PostgresLive
from portal.storage.privacy import PostgresPrivacy
from tests.portal.web.staff.console_stage import LAPTOP, PHONE, start
from tests.portal.web.staff.staff_under_test import (
    BRANCH,
    CITY,
    SITES,
    Person,
    StaffWorld,
    running_staff_site,
)
from tests.portal.web.staff.test_log import look_up, page_of, rows
from tests.portal.web.staff.test_log_export import begin, finished

TABLET = MacAddress("02:00:00:00:00:c1")
OPTION = re.compile(r'<option value="([^"]*)"( selected)?>([^<]*)</option>')
ADDRESS = "2001:db8::c1"


async def let_in(
    world: StaffWorld, mac: MacAddress, at: tuple[str, bytes], site_id: SiteId = CITY
) -> Session:
    name, nas = at
    place = Place(mac, name, world.time(), let_in=False, nas_identifier=nas)
    await PostgresLive(world.database).keep_places([place])
    return await start(world, mac, site_id, Ground.ACCEPT, None)


async def points(person: Person, address: str) -> dict[str, str]:
    """Return what the field lets one choose, by what addresses say."""
    body = (await person.get(address)).body
    found = re.search(r'<select id="point".*?</select>', body, re.DOTALL)
    return (
        {} if found is None else {unescape(v): unescape(t) for v, _, t in OPTION.findall(found[0])}
    )


@pytest.fixture
async def walked(world: StaffWorld, ida: Person) -> None:
    """The phone came in at one of the annex's, the tablet at another, the laptop elsewhere."""
    assert ida.name == "ida"
    phone = await let_in(world, PHONE, ("annex", b"AP-hall"))
    await let_in(world, TABLET, ("annex", "AP-café".encode()))
    await world.doors.sessions.end(phone.id, EndReason.LOGGED_OUT, world.time())


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("&point=annex", 2),
        ("&point=annex%2FAP-hall", 1),
        ("&point=annex%2FAP-caf%C3%A9", 1),
        ("&point=branch-ap", 0),
        ("&point=ANNEX", 3),
        ("&point=annex&outcome=online", 1),
        ("&point=annex&outcome=logged_out", 1),
        ("&point=annex&site=branch", 0),
    ],
)
@pytest.mark.usefixtures("walked")
async def test_the_log_of_an_access_point(ida: Person, query: str, count: int) -> None:
    assert len(await rows(ida, f"/log?period=today{query}")) == count


@pytest.mark.usefixtures("walked")
async def test_what_can_be_chosen_is_what_is_configured_and_what_was_seen(
    ida: Person, world: StaffWorld
) -> None:
    await let_in(world, MacAddress("02:00:00:00:00:c2"), ("tent", b"AP-1"))
    assert await points(ida, "/log") == {
        "": "Alla",
        "annex": "annex",
        "annex/AP-café": "annex, AP-café",
        "annex/AP-hall": "annex, AP-hall",
        "branch-ap": "branch-ap",
        "tent": "tent",
    }
    assert list(await points(ida, "/log?site=branch")) == ["", "branch-ap"]
    gone = await points(ida, "/log?point=gone%2FAP-9")
    assert gone["gone/AP-9"] == "gone, AP-9"
    bo = await world.enrol("bo", Role.IT, sites=(BRANCH,))
    assert list(await points(bo, "/log")) == ["", "branch-ap"]
    assert await rows(bo, "/log?period=all&point=annex") == []


@pytest.mark.usefixtures("walked")
async def test_the_choice_stays_and_its_link_can_be_shared(ida: Person) -> None:
    shown = await ida.get("/log?period=today&point=annex%2FAP-hall")
    assert '<option value="annex/AP-hall" selected>' in shown.body
    assert "annex, AP-hall</small>" in shown.body
    for path in (r"/log\?from=", r"/log/export\?"):
        link = re.search(rf'href="({path}[^"]+)"', shown.body)
        assert link is not None
        assert "point=annex%2FAP-hall" in link.group(1)
        if "export" not in path:
            assert len(await rows(ida, unescape(link.group(1)))) == 1


async def test_pages_of_an_access_point_go_on(ida: Person, world: StaffWorld) -> None:
    one = await let_in(world, PHONE, ("annex", b"AP-hall"))
    await world.doors.sessions.end(one.id, EndReason.LOGGED_OUT, world.time())
    await world.database.fetch(
        "INSERT INTO past_session SELECT gen_random_uuid(), ground, site_id,"
        " started_at - n * interval '1 s', ended_at, end_reason, extensions, trace_key,"
        " device_trace, subject_trace, 0, 0, access_point, nas"
        " FROM past_session, generate_series(1, 60) AS n WHERE id = $1",
        one.id,
    )
    first = await ida.get("/log?period=week&point=annex")
    more = re.search(r'href="(/log\?[^"]*after=[^"]+)"', first.body)
    assert more is not None
    seen = await rows(ida, "/log?period=week&point=annex")
    seen += await rows(ida, unescape(more.group(1)))
    assert (len(seen), len(set(seen))) == (61, 61)
    assert "61 uppkopplingar" in first.body


async def test_a_session_leads_to_its_access_point(ida: Person, world: StaffWorld) -> None:
    session = await let_in(world, PHONE, ("annex", b"AP-hall"))
    body = (await ida.get(await page_of(ida, session.id))).body
    link = re.search(r'href="(/log\?period=all[^"]+point=[^"]+)">annex, AP-hall</a>', body)
    assert link is not None
    assert len(await rows(ida, unescape(link.group(1)))) == 1


@pytest.mark.usefixtures("walked")
async def test_a_table_of_an_access_point(ida: Person, world: StaffWorld) -> None:
    point = "annex/AP-hall"
    file = await ida.get(await finished(ida, await begin(ida, format="jsonl", point=point)))
    assert [json.loads(line)["access_point"] for line in file.body.splitlines()] == [point]
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert (row.act, row.found, row.about.endswith(f"point={point}")) == ("export", 1, True)
    csv = await ida.get(await finished(ida, await begin(ida)))
    assert "accesspunkt" in csv.body
    assert csv.body.count(point) == 1


# --- an IP address ------------------------------------------------------------------------------


@pytest.fixture
async def noting(database: Database, tmp_path: Path) -> AsyncIterator[StaffWorld]:
    """The library notes addresses; the tablet had one, an hour ago, and the laptop has another."""
    site = replace(SITES[CITY], privacy=PrivacyLevel.ADDRESSES)
    async with running_staff_site(
        database, tmp_path / "keys", sites={**SITES, CITY: site}
    ) as world:
        await PostgresPrivacy(database).tell({CITY: PrivacyLevel.ADDRESSES})
        log, end = PostgresAddressLog(database), world.time()
        world.time.passes(hours=-1)
        over = await start(world, TABLET, CITY, Ground.ACCEPT, None)
        await log.note(Given([], [(TABLET, IPv6Address(ADDRESS))]), [], world.time())
        world.time.passes(minutes=10)
        await world.doors.sessions.end(over.id, EndReason.LOGGED_OUT, world.time())
        await start(world, LAPTOP, CITY, Ground.ACCEPT, None)
        await start(world, PHONE, BRANCH, Ground.ACCEPT, None)
        addresses = [(LAPTOP, IPv6Address("2001:db8::b1")), (PHONE, IPv6Address("2001:db8::af"))]
        await log.note(Given([], addresses), [], world.time())
        world.time.now = end
        yield world


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        (ADDRESS, 1),
        ("2001:0DB8:0000::00C1", 1),
        (" [2001:db8::c1] ", 1),
        ("2001:db8::b1", 1),
        ("2001:db8::af", 0),  # of a library that notes none
        ("2001:db8::1", 0),
    ],
)
async def test_sessions_that_had_an_address_are_found_and_the_look_up_is_written_down(
    noting: StaffWorld, typed: str, count: int
) -> None:
    ida = await noting.enrol("ida", Role.IT, sites=None)
    status, to = await look_up(ida, typed, "address")
    assert (status, typed.strip() in to) == (303, False)
    assert len(await rows(ida, to)) == count
    [row] = await PostgresAudit(noting.database).page(None, 9)
    assert (row.by, row.act, row.reason, row.case_number, row.found) == (
        *("ida", "look_up", "abuse", "2026-118", count),
    )
    assert re.match(r"address D-[0-9A-F]{8} 2026-" if count else r"address - 2026-", row.about)
    assert "db8" not in row.about.lower()


async def test_an_address_of_another_library_s_guest_is_not_told(noting: StaffWorld) -> None:
    bo = await noting.enrol("bo", Role.IT, sites=(BRANCH,))
    _, to = await look_up(bo, ADDRESS, "address")
    assert await rows(bo, to) == []
    [row] = await PostgresAudit(noting.database).page(None, 9)
    assert (row.found, "D-" in row.about) == (0, False)


async def test_what_had_an_address_can_be_narrowed_and_is_not_in_a_link(noting: StaffWorld) -> None:
    ida = await noting.enrol("ida", Role.IT, sites=None)
    _, to = await look_up(ida, ADDRESS, "address")
    assert len(await rows(ida, f"{to}&outcome=logged_out")) == 1
    assert await rows(ida, f"{to}&outcome=online") == []
    assert await rows(ida, to.replace("period=all", "period=yesterday")) == []
    shown = await ida.get(to)
    lasting = re.search(r'href="(/log\?from=[^"]+)"', shown.body)
    assert lasting is not None
    assert "finding" not in lasting.group(1)
    assert "ip-adressen står inte i adressen" in shown.body


@pytest.mark.parametrize(
    ("typed", "why", "told"),
    [
        ("192.0.2.10", {}, "Enheters ipv4-adresser antecknas inte."),
        ("::ffff:192.0.2.10", {}, "Enheters ipv4-adresser antecknas inte."),
        ("anna", {}, "Det är ingen ip-adress."),
        (ADDRESS, {"reason": "", "case": "1"}, "Välj varför du slår upp"),
        (ADDRESS, {"reason": "abuse", "case": " "}, "Skriv ärendets nummer"),
    ],
)
async def test_what_cannot_be_looked_up_is_said(
    noting: StaffWorld, typed: str, why: dict[str, str], told: str
) -> None:
    ida = await noting.enrol("ida", Role.IT, sites=None)
    status, body = await look_up(ida, typed, "address", **why)
    assert (status, told in body) == (400, True)
    assert await PostgresAudit(noting.database).page(None, 9) == []


@pytest.mark.parametrize("typed", [ADDRESS, "192.0.2.10"])
async def test_where_no_addresses_are_kept_the_page_says_so(
    ida: Person, world: StaffWorld, typed: str
) -> None:
    form = await ida.get("/log/look-up")
    assert "En ip-adress går därför inte att slå upp." in form.body
    status, body = await look_up(ida, typed, "address")
    assert (status, "Inget bibliotek antecknar vilka ip-adresser enheter har" in body) == (
        400,
        True,
    )
    assert "så ingen kan säga vem som hade den" in body
    assert await PostgresAudit(world.database).page(None, 9) == []


@pytest.mark.parametrize("typed", [ADDRESS, "[2001:DB8::C1]", "192.0.2.10"])
async def test_the_search_box_asks_why_before_it_looks_for_an_address(
    ida: Person, typed: str
) -> None:
    asked = await ida.post("/log/find", await ida.get("/log"), find=typed)
    assert asked.status == 200
    assert 'id="what-address" name="what" value="address" checked' in asked.body
