"""Complaints about an address: what is answered, to whom, and what the record says."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address

import pytest

from portal.domain.audit_chain import Act, Deed, Reason
from portal.domain.identity import MacAddress, SiteId
from portal.domain.privacy import PrivacyLevel
from portal.domain.session import EndReason, Ground
from portal.domain.session_log import Named, name_of
from portal.domain.staff_account import Role
from portal.services.console.findings import KEPT
from portal.services.ports.address_log import Given, GivenPorts
from portal.storage.address_log import PostgresAddressLog
from portal.storage.audit import PostgresAudit
from portal.storage.privacy import PostgresPrivacy
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.console_stage import (
    CARD,
    LAPTOP,
    OTHER_CARD,
    PHONE,
    History,
    start,
)
from tests.portal.web.staff.staff_under_test import BRANCH, BUS, CITY, Person, StaffWorld

ASKED = {"address": "192.0.2.10", "port": "40001", "tolerance": "60", "case": "A-17"}
DURING = "2026-11-25 12:30:00"  # local: the phone was online
NOW = "2026-11-26 10:00:00"
BEFORE = "2026-11-25 03:00:00"


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
    assert shown.body.count('<th scope="row"') == 1
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
    assert shown.body.count('<th scope="row"') == 4


async def test_of_a_crowd_no_list_is_given(ida: Person, world: StaffWorld) -> None:
    await world.database.fetch(
        "INSERT INTO past_session SELECT gen_random_uuid(), ground, site_id, started_at, ended_at,"
        " end_reason, extensions, trace_key, device_trace, subject_trace, 0, 0"
        " FROM past_session, generate_series(1, 300) WHERE ground = 'card'"
    )
    shown = await complain(ida)
    assert "Fler än 200 enheter" in shown.body
    assert '<th scope="row"' not in shown.body


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
    assert shown.body.count('<th scope="row"') == listed
    assert ("inte listas: 1." in shown.body) == (listed == 1)
    row, _ = await PostgresAudit(world.database).page(None, 9)
    assert (row.about.endswith("candidates"), row.found) == (True, listed)


async def test_the_only_one_may_be_at_a_library_of_others(world: StaffWorld, ida: Person) -> None:
    bo = await world.enrol("bo", Role.IT, sites=(BRANCH, BUS))
    shown = await complain(bo)
    assert "Bara en enhet var uppkopplad" in shown.body
    assert "inte listas: 1." in shown.body
    assert '<th scope="row"' not in shown.body
    assert "Kvar har inte kontrollerat" in (await complain(ida)).body


OURS = ip_address("192.0.2.10")
TABLET = MacAddress("02:00:00:00:00:c1")


async def noted(world: StaffWorld, *, public: bool = True, ago_s: float = 600) -> None:
    """Two guests share the address at once, each with ports of its own; the gate tells of them."""
    levels = {CITY: PrivacyLevel.ADDRESSES, BRANCH: PrivacyLevel.ADDRESSES}
    await PostgresPrivacy(world.database).tell(levels)
    ports = [
        GivenPorts(LAPTOP, 1024, 1279, ago_s),
        GivenPorts(TABLET, 40_000, 40_255, ago_s),
        GivenPorts(PHONE, 50_000, 50_255, None),  # not online: nothing of it is written down
    ]
    addresses = [(TABLET, IPv6Address("2001:db8::c1"))]
    log = PostgresAddressLog(world.database)
    for _ in range(2):
        await log.note(Given(ports, addresses), [OURS] if public else [], world.time())


@pytest.mark.parametrize(
    ("asked", "mac"),
    [
        ({"port": "40001"}, TABLET),
        ({"port": "1024"}, LAPTOP),
        ({"address": "2001:db8:0::c1", "port": ""}, TABLET),
    ],
)
async def test_the_one_who_had_the_port_is_named_and_not_the_other(
    ida: Person, world: StaffWorld, asked: dict[str, str], mac: MacAddress
) -> None:
    world.time.passes(minutes=-20)
    await start(world, TABLET, CITY, Ground.CARD, OTHER_CARD)
    world.time.passes(minutes=20)
    await noted(world)
    shown = await complain(ida, at=NOW, **asked)
    assert "Det går att avgöra vilken enhet" in shown.body
    assert shown.body.count('<th scope="row"') == 1
    names = {m: device_name(world, m) for m in (TABLET, LAPTOP)}
    assert [m for m, name in names.items() if name in shown.body] == [mac]
    assert "Kvar har inte kontrollerat" not in shown.body
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert row.about.endswith("exact")


@pytest.mark.parametrize(
    ("public", "asked", "told"),
    [
        (False, {}, "står inte i inställningarna"),
        (True, {"address": "198.51.100.7"}, "2 enheter var uppkopplade då"),  # not ours
        (True, {"port": "60000"}, "2 enheter var uppkopplade då"),  # shared
        (True, {"port": ""}, "2 enheter var uppkopplade då"),
        (True, {"at": "2026-11-26 09:40:00"}, "2 enheter var uppkopplade då"),  # not yet its own
    ],
)
async def test_what_is_not_noted_is_not_certain(
    ida: Person, world: StaffWorld, public: bool, asked: dict[str, str], told: str
) -> None:
    world.time.passes(minutes=-30)
    await start(world, TABLET, CITY, Ground.CARD, OTHER_CARD)
    world.time.passes(minutes=30)
    await noted(world, public=public)
    shown = await complain(ida, **({"at": NOW} | asked))
    assert told in shown.body
    assert "Det går att avgöra vilken enhet" not in shown.body
    assert "Kvar har inte kontrollerat" in shown.body


async def test_two_who_had_the_port_in_turn_are_both_named(ida: Person, world: StaffWorld) -> None:
    world.time.passes(minutes=-20)
    session = await start(world, TABLET, CITY, Ground.CARD, OTHER_CARD)
    await noted(world, ago_s=0)
    world.time.passes(minutes=19)
    await world.doors.sessions.end(session.id, EndReason.LOGGED_OUT, world.time())
    await start(world, PHONE, CITY, Ground.ACCEPT, None)
    log = PostgresAddressLog(world.database)
    await log.note(Given([GivenPorts(PHONE, 40_000, 40_255, 0)]), [OURS], world.time())
    world.time.passes(minutes=1)
    shown = await complain(ida, at="2026-11-26 09:59:00", tolerance="120")
    assert "den ena efter den andra" in shown.body
    assert shown.body.count('<th scope="row"') == 2
    exact = await complain(ida, at="2026-11-26 09:50:00")
    assert device_name(world, TABLET) in exact.body
    assert "Det går att avgöra vilken enhet" in exact.body


async def test_who_had_the_port_for_a_part_of_the_time_is_not_certain(
    ida: Person, world: StaffWorld
) -> None:
    """Somebody whose visit was a second long, or is erased, may have had it for the rest."""
    world.time.passes(minutes=-20)
    session = await start(world, TABLET, CITY, Ground.CARD, OTHER_CARD)
    await noted(world, ago_s=0)
    world.time.passes(minutes=10)
    await world.doors.sessions.end(session.id, EndReason.LOGGED_OUT, world.time())
    world.time.passes(minutes=10)
    for at, tolerance, certain in (
        ("09:40:00", "0", True),
        ("09:40:30", "60", False),
        ("09:45:00", "60", True),
        ("09:49:30", "60", False),
    ):
        shown = await complain(ida, at=f"2026-11-26 {at}", tolerance=tolerance)
        assert device_name(world, TABLET) in shown.body
        assert ("Det går att avgöra vilken enhet" in shown.body) is certain
        assert ("bara under en del av den tiden" in shown.body) is not certain


async def test_ports_that_a_session_had_before_others_are_not_its_own_any_more(
    ida: Person, world: StaffWorld
) -> None:
    """The gateway began anew, and gave numbers in another order."""
    world.time.passes(minutes=-20)
    await start(world, TABLET, CITY, Ground.CARD, OTHER_CARD)
    await start(world, PHONE, CITY, Ground.CARD, OTHER_CARD)
    await noted(world, ago_s=0)
    world.time.passes(minutes=10)
    given = [GivenPorts(TABLET, 1024, 1279, 5), GivenPorts(PHONE, 40_000, 40_255, 5)]
    await PostgresAddressLog(world.database).note(Given(given), [OURS], world.time())
    world.time.passes(minutes=10)
    shown = await complain(ida, at="2026-11-26 09:55:00", tolerance="30")
    assert "Det går att avgöra vilken enhet" in shown.body
    assert shown.body.count('<th scope="row"') == 1
    assert device_name(world, PHONE) in shown.body


async def erased(world: StaffWorld) -> None:
    deed = Deed(world.time(), "dora", Act.ERASE, Reason.OWN_REQUEST, "B-1", "card", 1)
    await PostgresAudit(world.database).write(deed)


async def nothing_there_once(world: StaffWorld) -> None:
    for level in (PrivacyLevel.COUNTS, PrivacyLevel.GUESTS):
        await PostgresPrivacy(world.database).tell({BUS: level})


async def nothing_at_another_node(world: StaffWorld) -> None:
    await PostgresPrivacy(world.database).tell({SiteId("elsewhere"): PrivacyLevel.COUNTS})


@pytest.mark.parametrize("why", [erased, nothing_there_once, nothing_at_another_node])
async def test_nobody_is_the_only_one_where_visits_may_be_missing(
    ida: Person, world: StaffWorld, why: Callable[[StaffWorld], Awaitable[None]]
) -> None:
    await why(world)
    shown = await complain(ida)
    assert "Det går inte att avgöra vilken" in shown.body
    assert "Fler kan ha varit uppkopplade." in shown.body
    assert "Bara en enhet" not in shown.body
    nobody = await complain(ida, at=BEFORE)
    assert "Ingen enhet är känd från den tiden." in nobody.body
    assert "Ingen var uppkopplad" not in nobody.body


@pytest.mark.parametrize("level", [PrivacyLevel.COUNTS, PrivacyLevel.VISITS, PrivacyLevel.GUESTS])
async def test_nothing_is_noted_where_the_level_forbids_it(
    world: StaffWorld, history: History, level: PrivacyLevel
) -> None:
    assert history.online.mac == LAPTOP
    await PostgresPrivacy(world.database).tell({BRANCH: level})
    given = Given([GivenPorts(LAPTOP, 1024, 1279, 1)], [(LAPTOP, IPv6Address("2001:db8::1"))])
    await PostgresAddressLog(world.database).note(given, [OURS], world.time())
    for table in ("port_block", "guest_address"):
        assert await world.database.fetch(f"SELECT FROM {table}") == []


def device_name(world: StaffWorld, mac: MacAddress) -> str:
    return name_of(Named.DEVICE, world.doors.keys.trace(mac, None, world.time()).device)


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
