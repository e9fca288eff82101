"""What a person may ask for, on a real PostgreSQL: all of theirs is found and goes, no one else's.

Everything that can be kept is kept of two people; then one of them asks. What the tables hold is
read as it stands, whatever column it is in.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

import pytest

from portal.domain.identity import Device, MacAddress
from portal.domain.privacy import PrivacyLevel
from portal.domain.staff_account import Role
from portal.services.outcomes import Admitted
from portal.services.redeem import Redeem
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from tests.portal.services.fakes import FakeGate
from tests.portal.web.staff.rights_stage import (
    STAFF,
    Two,
    matching,
    of_device,
    rows,
    sessions_of,
    two_people,
)
from tests.portal.web.staff.staff_under_test import CITY, SITES, StaffWorld


@pytest.fixture
async def two(world: StaffWorld) -> Two:
    return await two_people(world)


@pytest.mark.parametrize("what", ["card", "device"])
async def test_all_of_one_goes_and_nothing_of_the_other(two: Two, what: str) -> None:
    asks, other, world = two.asks, two.other, two.asks.world
    typed = asks.card.reveal() if what == "card" else asks.mac.upper().replace(":", "-")
    ids = await sessions_of(asks)
    assert len(ids) == 2
    names = asks.names(ids)
    where, page = await two.see(typed, what)
    before = await rows(world.database)
    there = matching(names, before)
    assert {
        *("live_session", "past_session", "event", "event_outbox", "sign_in_attempt"),
        *("known_device", "remembered_device", "returning_device", "arrival", "courtesy"),
        *("code_attempt", "port_block", "guest_address", "accounting_session", "device_today"),
        *("device_at_access_point", "sealed_identity"),
    } <= there.keys(), "all of it was there, or its absence proves nothing"

    assert (await two.erase(where, page, "fel")).status == 403
    assert matching(names, await rows(world.database)) == there
    done = await two.erase(where, page)
    assert done.status == 303
    after = await rows(world.database)
    if what == "device":
        assert matching(names, after) == {}
    else:  # what only the telephone's own address leads to is found by showing the telephone
        left = matching(names, after)
        assert left.keys() <= {"courtesy", "code_attempt", "device_today", "event", "event_outbox"}
        assert matching(names - {asks.mac} - of_device(asks), after) == {}
    assert matching(other.names(await sessions_of(other)), after) == matching(
        other.names(await sessions_of(other)), before
    )
    for table in before.keys() - STAFF:
        assert not after[table] - before[table], f"{table} has something new"
        gone = before[table] - after[table]
        assert matching(names, {table: gone}) == ({table: gone.total()} if gone else {}), table
    gate = world.doors.gate
    assert isinstance(gate, FakeGate)
    assert asks.mac not in gate.devices
    assert other.mac in gate.devices
    page = await two.officer.get(done.headers["Location"])
    assert "1 enhet kopplades från" in page.body
    [look, erased] = reversed(await world.site.console.record.page(None, 9))
    assert (look.act, erased.act, erased.by, erased.case_number) == (
        *("access", "erase", "noor"),
        "2026-118",
    )
    deleted = sum((before[t] - after[t]).total() for t in before.keys() - STAFF)
    assert erased.found == deleted
    assert erased.about.startswith(f"{what}: ")
    assert "session 2" in erased.about


async def test_of_a_telephone_that_two_used_the_others_visits_stay(two: Two) -> None:
    asks, other, world = two.asks, two.other, two.asks.world
    borrowed = replace(other, mac=asks.mac)
    assert await borrowed.log_in() is not None  # puts the other card's visit there out
    assert len(await sessions_of(asks)) == 3
    before = await rows(world.database)
    where, page = await two.see(asks.card.reveal(), "card")
    await two.erase(where, page)
    assert len(await sessions_of(asks)) == 1
    events = (before["event"] - (await rows(world.database))["event"]).total()
    assert events == 4, "two visits began and ended; the third one's events stay"
    assert world.doors.gate.devices.keys() == {asks.mac, other.mac}  # type: ignore[attr-defined]


async def test_what_is_kept_is_shown_and_handed_over(two: Two) -> None:
    where, page = await two.see(two.asks.card.reveal(), "card")
    for words in (
        "Uppkopplingar (2)",
        "Förseglat kortnummer (2)",
        "iPhone",
        "<td>Bibliotekskort</td>",
    ):
        assert words in page.body, words
    assert two.asks.card.reveal() not in page.body
    file = await two.officer.get(where.replace("/rights?", "/rights/file?"))
    assert file.headers["Content-Type"].startswith("application/json")
    told = json.loads(file.body)
    assert {one["started_at"][:10] for one in told["kept"]["session"]} == {
        *("2026-11-17", "2026-11-26")
    }
    assert told["kept"]["session"][1]["address"] == two.asks.mac
    assert told["kept"]["attempt"][0]["outcome"] == "bad_credentials"
    assert told["case_number"] == "2026-118"
    assert told["weeks_without_key"] == []
    assert '"by"' not in file.body, "who of staff did something is not the person's"
    table = await two.officer.get(where.replace("/rights?", "/rights/file?") + "&format=csv")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert table.headers["Content-Disposition"].endswith('.csv"')
    assert table.body.startswith("\ufeff"), "Excel would take it for another code page"
    lines = table.body.split("\r\n")
    head = next(line for line in lines if line.startswith("Vad det är;När;Började;")).split(";")
    held = [line.split(";") for line in lines if line.startswith("Uppkopplingar;")]
    assert len(held) == len(told["kept"]["session"]) == 2
    started = head.index("Började")
    assert [row[started][:10] for row in held] == ["2026-11-17", "2026-11-26"]
    assert sum(len(rows) for rows in told["kept"].values()) == sum(
        line.count(";") == len(head) - 1 and not line.startswith("Vad det är") for line in lines
    ), "every row of the one is in the other"
    assert any("Europe/Stockholm" in line for line in lines)
    assert two.asks.card.reveal() not in table.body
    stranger = await two.asks.world.enrol("sam", Role.PRIVACY, sites=None)
    assert (
        await stranger.get(where.replace("/rights?", "/rights/file?") + "&format=csv")
    ).status == 303
    assert (await stranger.get(where)).body.count("<table") == 0
    two.asks.world.time.passes(minutes=10, seconds=1)
    assert (await two.officer.get(where)).body.count("<table") == 0


async def test_a_voucher_goes_with_its_visits(two: Two) -> None:
    world, doors, now = two.asks.world, two.asks.doors, two.asks.world.time()
    made = await world.site.desk.vouchers.make(VoucherOrder(CITY, count=2), "kim", now)
    assert isinstance(made, MadeVouchers)
    codes = [issued.slip.code.reveal() for issued in made.issued]
    token = made.issued[0].slip.token.reveal()
    macs = [MacAddress(f"02:00:00:00:00:c{number}") for number in range(2)]
    for mac, code in zip(macs, codes, strict=True):
        assert isinstance(await Redeem(doors).with_code(Device(mac, CITY), code, now), Admitted)
    before = await rows(world.database)
    where, page = await two.see(f"https://wifi.exempelby.se/v/{token}", "voucher")
    assert "Koden" in page.body
    await two.erase(where, page)
    after = await rows(world.database)
    lost = {t: (before[t] - after[t]).total() for t in before.keys() - STAFF}
    lost = {table: count for table, count in lost.items() if count}
    # of events: it started; the code was used
    assert lost.pop("event") == 2
    assert lost == {"voucher": 1, "voucher_device": 1, "live_session": 1, "event_outbox": 1}
    assert [mac in world.doors.gate.devices for mac in macs] == [False, True]  # type: ignore[attr-defined]
    answer = await two.ask(codes[0], "voucher")
    assert (answer.status, "Koden finns inte" in answer.body) == (400, True)
    # whoever shows the other device gives its place free, and the code stays
    where, page = await two.see(macs[1], "device")
    assert "Enheter som koden har använts på" in page.body
    await two.erase(where, page)
    left = await world.database.fetch(
        "SELECT (SELECT count(*) FROM voucher) AS codes,"
        " (SELECT count(*) FROM voucher_device) AS places"
    )
    assert dict(left[0]) == {"codes": 1, "places": 0}


async def test_what_nobody_can_find_is_said(two: Two) -> None:
    world = two.asks.world
    _, page = await two.see(two.asks.card.reveal(), "card")
    assert "nyckeln finns inte kvar" not in page.body
    world.doors.keys.destroy_before(
        datetime(2026, 11, 24, tzinfo=world.time().tzinfo), world.time(), world.time()
    )
    where, page = await two.see(two.asks.card.reveal(), "card")
    assert "Veckan 2026-11-16 till 2026-11-22: nyckeln finns inte kvar" in page.body
    file = await two.officer.get(where.replace("/rights?", "/rights/file?"))
    assert json.loads(file.body)["weeks_without_key"] == ["2026-W47"]


async def test_a_library_that_names_nobody_has_nothing_to_find(two: Two) -> None:
    world, asks = two.asks.world, two.asks
    await world.database.fetch("SELECT set_privacy($1, 1::smallint)", CITY)
    site = replace(asks.doors.sites[CITY], privacy=PrivacyLevel.VISITS)
    newcomer = replace(
        asks,
        mac=MacAddress("02:00:00:00:00:d1"),
        doors=replace(asks.doors, sites={**SITES, CITY: site}),
    )
    session = await newcomer.log_in()
    assert session is not None
    where, page = await two.see(newcomer.mac, "device")
    assert str(session.id) not in page.body  # the id is in the file
    await two.erase(where, page)
    assert str(session.id) not in str(await rows(world.database)), "while online it is known"


async def test_without_a_reason_or_for_some_libraries_nothing_is_shown(two: Two) -> None:
    world = two.asks.world
    for field, changes in (
        ("reason-abuse", {"reason": "curious"}),
        ("case", {"case": ""}),
        ("typed", {"typed": "12 kr"}),
        ("typed", {"typed": "x", "what": "device"}),
        ("typed", {"typed": "1234567890", "what": "voucher"}),
        ("typed", {"typed": "kod", "what": "voucher"}),
    ):
        answer = await two.ask(**{"typed": two.asks.card.reveal(), "what": "card", **changes})
        assert (answer.status, f'href="#{field}"' in answer.body) == (400, True), changes
        assert two.asks.card.reveal() not in answer.body
    assert await world.site.console.record.page(None, 9) == []
    local = await world.enrol("alex", Role.PRIVACY)
    page = await local.get("/rights")
    assert "Det här kan bara ett konto" in page.body
    drawn = await two.officer.get("/rights")
    assert (await local.send("/rights", {"token": drawn.token("/rights")})).status == 403
    answer = await two.erase(f"?finding={uuid4()}", (await two.see(two.other.mac, "device"))[1])
    assert answer.headers["Location"] == "/rights"


EXEMPT = {
    "device_place": "goes with its live session",
    "session_elsewhere": "goes with its live session",
    "staff_attempt": "of staff",
    "gateway_admission": "goes within hours of its session, for the gateway has to be told first",
    "purge": "numbers only",
}
PERSONAL = {"mac", "device", "subject", "card", "device_trace", "subject_trace", "guest"}


async def test_no_table_that_names_somebody_is_left_out(two: Two) -> None:
    """By the catalogue: a new table of a guest's or a device's fails until it is erased too."""
    database = two.asks.world.database
    columns = await database.fetch(
        "SELECT c.table_name AS name, array_agg(c.column_name::text) AS columns"
        " FROM information_schema.columns AS c JOIN pg_class AS t ON t.relname = c.table_name"
        " WHERE c.table_schema = 'public' AND NOT t.relispartition AND t.relkind IN ('r', 'p')"
        " GROUP BY 1"
    )
    named = {
        row["name"]
        for row in columns
        if {*row["columns"]} & (PERSONAL | {"session_id"}) and row["name"] not in EXEMPT
    }
    assert {"live_session", "event", "port_block", "sealed_identity"} <= named
    [source] = await database.fetch("SELECT prosrc FROM pg_proc WHERE proname = 'erase_subject'")
    [sealed] = await database.fetch("SELECT prosrc FROM pg_proc WHERE proname = 'forget_sealed'")
    text = source["prosrc"] + sealed["prosrc"]
    erased = set(re.findall(r"DELETE FROM ([a-z_]+)", text))
    assert named - erased == set()


async def test_what_is_shown_again_after_a_wrong_password_leaves_the_screen_too(two: Two) -> None:
    where, page = await two.see(two.asks.card.reveal(), "card")
    fields = {"finding": where.partition("finding=")[2], "password": "fel"}
    again = await two.officer.post("/rights/erase", page, **fields)
    assert "Uppkopplingar (2)" in again.body
    left, _, to = again.headers["Refresh"].partition("; url=")
    assert 0 < int(left) <= 600
    assert to.startswith("/rights")
