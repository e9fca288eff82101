"""The log: what IT sees of sessions, what an address may hold, and how somebody is looked up."""

import asyncio
import re
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest

from portal.domain.audit_chain import Whole, examine
from portal.domain.identity import MacAddress
from portal.domain.session import EndReason, Ground
from portal.domain.session_log import Cursor, write_cursor
from portal.domain.staff_account import Role
from portal.services.console.findings import KEPT
from portal.services.key_ring import KeyRing
from portal.storage.audit import PostgresAudit
from portal.storage.letters import PostgresLetters
from tests.portal.web.portal_under_test import get
from tests.portal.web.staff.console_stage import (
    CARD,
    LAPTOP,
    OTHER_CARD,
    PHONE,
    History,
    refuse,
    start,
)
from tests.portal.web.staff.staff_under_test import BRANCH, BUS, CITY, PASSWORD, Person, StaffWorld

WHY = {"reason": "abuse", "case": "2026-118"}
ROW = re.compile(r'href="/log/session\?one=([\w.]+)"')


async def rows(person: Person, address: str) -> list[str]:
    return ROW.findall((await person.get(address)).body)


async def page_of(person: Person, session_id: object) -> str:
    shown = await person.post("/log/find", await person.get("/log"), find=str(session_id))
    return shown.headers["Location"]


async def test_the_log_names_nobody(ida: Person) -> None:
    body = (await ida.get("/log?period=all")).body
    assert len(ROW.findall(body)) == 3
    assert re.search(r"D-[0-9A-F]{8}", body)
    assert re.search(r"P-[0-9A-F]{8}", body)
    for personal in (PHONE, LAPTOP, CARD.reveal(), OTHER_CARD.reveal(), "0000:00af"):
        assert personal not in body


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 1),
        ("period=yesterday", 2),
        ("period=hour", 1),
        ("period=week", 3),
        ("period=week&site=branch", 1),
        ("period=week&site=nowhere", 3),
        ("period=week&ground=accept", 1),
        ("period=week&ground=magic", 3),
        ("period=week&outcome=online", 1),
        ("period=week&outcome=logged_out", 1),
        ("period=week&outcome=revoked", 0),
        ("period=week&ground=card&outcome=absent", 0),
        ("from=2026-11-25T12%3A00&to=2026-11-25T23%3A59", 2),
        ("from=20261126T0000", 1),
        ("from=2026-11-27T00%3A00&to=2026-11-25T00%3A00", 0),
        ("from=0001-01-01T00%3A00", 1),
        ("period=week&after=20261126T000000000000." + "0" * 32, 2),
        ("period=week&after=nonsense", 3),
    ],
)
async def test_every_filter(ida: Person, query: str, count: int) -> None:
    assert len(await rows(ida, f"/log?{query}")) == count


async def test_an_account_of_one_library_sees_that_one(world: StaffWorld, history: History) -> None:
    bo = await world.enrol("bo", Role.IT, sites=(BRANCH,))
    assert len(await rows(bo, "/log?period=all")) == 1
    assert len(await rows(bo, "/log?period=all&site=city")) == 1  # not hers: as if not asked
    assert await page_of(bo, history.online.id) != "/log"
    log = await bo.get("/log")
    foreign = await bo.post("/log/find", log, find=str(history.over.id))
    nothing = await bo.post("/log/find", log, find="019b0000-0000-7000-8000-000000000001")
    assert (foreign.status, nothing.status) == (200, 200)  # a session of others' is as none
    key = await page_of(await world.enrol("ida", Role.IT, sites=None), history.over.id)
    assert (await bo.get(key)).headers["Location"] == "/log"
    assert "<tbody>" not in (await bo.get("/log/refused?period=all")).body


async def test_names_and_ids_lead_on_and_stand_in_addresses(ida: Person, history: History) -> None:
    log = await ida.get("/log?period=all")
    name = re.findall(r"D-[0-9A-F]{8}", log.body)[-1]
    found = await ida.post("/log/find", log, find=name.lower())
    assert found.status == 303
    assert f"name={name}" in found.headers["Location"]
    shown = await ida.get(found.headers["Location"])
    assert len(ROW.findall(shown.body)) == 1
    lasting = re.search(r'href="(/log\?from=[^"]+)"', shown.body)
    assert lasting is not None
    assert name in lasting.group(1)
    assert len(await rows(ida, lasting.group(1).replace("&amp;", "&"))) == 1
    assert (await page_of(ida, history.over.id)).startswith("/log/session?one=")
    assert (await ida.post("/log/find", log, find="")).headers["Location"] == "/log"
    unknown = await ida.post("/log/find", log, find="019b0000-0000-7000-8000-000000000001")
    assert "Slå upp" in unknown.body


async def test_the_time_line_answers_three_questions(ida: Person, history: History) -> None:
    body = (await ida.get(await page_of(ida, history.over.id))).body
    for told in (
        "Nekad inloggning: fel kortnummer eller pinkod.",
        "Uppkopplad. Metod: Bibliotekskort.",
        "Gästen förlängde tiden.",
        "Slut. Loggade ut.",
        "Kort och pinkod, som bibliotekssystemet godkände.",
        "Tiden förlängdes av gästen.",
        "Gästen loggade ut.",
        "1 tim 0 min",
    ):
        assert told in body
    online = (await ida.get(await page_of(ida, history.online.id))).body
    assert "Den pågår." in online
    assert "ska sluta" in online


async def test_the_time_line_is_of_one_library(ida: Person, world: StaffWorld) -> None:
    told, tablet = "Nekad inloggning", MacAddress("02:00:00:00:00:c1")
    await refuse(world, tablet, CITY)
    there = await start(world, tablet, CITY, Ground.ACCEPT, None)
    assert told in (await ida.get(await page_of(ida, there.id))).body
    await world.doors.sessions.end(there.id, EndReason.LOGGED_OUT, world.time())
    elsewhere = await start(world, tablet, BUS, Ground.ACCEPT, None)
    assert told not in (await ida.get(await page_of(ida, elsewhere.id))).body


async def test_a_page_that_is_left_says_where_it_goes_on(
    ida: Person, world: StaffWorld, history: History
) -> None:
    for number in range(60):
        await world.database.fetch(
            "INSERT INTO past_session SELECT gen_random_uuid(), ground, site_id,"
            " started_at - $2 * interval '1 s', ended_at, end_reason, extensions, trace_key,"
            " device_trace, subject_trace, 0, 0 FROM past_session WHERE id = $1",
            *(history.over.id, number + 1),
        )
    first = await ida.get("/log?period=week")
    more = re.search(r'href="(/log\?[^"]*after=[^"]+)"', first.body)
    assert more is not None
    second = await ida.get(more.group(1).replace("&amp;", "&"))
    seen = ROW.findall(first.body) + ROW.findall(second.body)
    assert (len(seen), len(set(seen))) == (63, 63)
    assert "63 uppkopplingar" in first.body


# --- looking somebody up ------------------------------------------------------------------------


async def look_up(person: Person, typed: str, what: str = "guest", **why: str) -> tuple[int, str]:
    form = await person.get("/log/look-up")
    answer = await person.post("/log/look-up", form, typed=typed, what=what, **(why or WHY))
    return answer.status, answer.headers.get("Location", answer.body)


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        (CARD.reveal(), "guest"),
        ("2000 0000 0000 01", "guest"),
        (PHONE, "device"),
        ("0200.0000.00AF", "device"),
        ("02-00-00-00-00-af", "device"),
    ],
)
async def test_a_card_and_a_device_are_found_and_the_look_up_is_written_down(
    ida: Person, world: StaffWorld, typed: str, what: str
) -> None:
    status, to = await look_up(ida, typed, what)
    assert status == 303
    assert typed not in to
    assert len(await rows(ida, to)) == 1
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert (row.by, row.act, row.reason, row.case_number, row.found) == (
        *("ida", "look_up", "abuse", "2026-118", 1),
    )
    assert row.about.startswith(f"{what} {'P' if what == 'guest' else 'D'}-")
    for text in (typed, PHONE, CARD.reveal()):
        assert text not in row.about


async def test_the_search_box_asks_why_before_it_looks_for_a_person(ida: Person) -> None:
    log = await ida.get("/log")
    asked = await ida.post("/log/find", log, find="02-00-00-00-00-af")
    assert asked.status == 200
    assert 'id="what-device" name="what" value="device" checked' in asked.body
    assert (
        'id="what-guest" name="what" value="guest" checked'
        in (await ida.post("/log/find", log, find=CARD.reveal())).body
    )


@pytest.mark.parametrize(
    ("typed", "what", "why", "told"),
    [
        (CARD.reveal(), "guest", {"reason": "", "case": "1"}, "Välj varför du slår upp"),
        (CARD.reveal(), "guest", {"reason": "curious", "case": "1"}, "Välj varför du slår upp"),
        (CARD.reveal(), "guest", {"reason": "abuse", "case": "  "}, "Skriv ärendets nummer"),
        ("anna", "guest", WHY, "Det är inget kortnummer här"),
        ("19811218-9876", "guest", WHY, "Det är inget kortnummer här"),
        ("02:00:00", "device", WHY, "Det är ingen wifi-adress"),
    ],
)
async def test_without_a_reason_or_a_person_nothing_is_looked_up(
    ida: Person, world: StaffWorld, typed: str, what: str, why: dict[str, str], told: str
) -> None:
    status, body = await look_up(ida, typed, what, **why)
    assert (status, told in body) == (400, True)
    assert await PostgresAudit(world.database).page(None, 9) == []


async def test_what_was_found_is_its_finders_for_ten_minutes(
    ida: Person, world: StaffWorld
) -> None:
    _, to = await look_up(ida, CARD.reveal())
    bo = await world.enrol("bo", Role.IT, sites=None)
    elsewhere = await bo.get(to)
    assert (elsewhere.status, "finding" in elsewhere.headers["Location"]) == (303, False)
    lasting = re.search(r'href="(/log\?from=[^"]+)"', (await ida.get(to)).body)
    assert lasting is not None
    assert "finding" not in lasting.group(1)
    world.time.passes(seconds=KEPT.total_seconds())
    assert (await ida.get(to)).status == 303


async def test_what_was_found_leaves_the_screen_with_its_word(
    ida: Person, world: StaffWorld
) -> None:
    _, to = await look_up(ida, CARD.reveal())
    assert "Refresh" not in (await ida.get("/log")).headers
    world.time.passes(seconds=60)
    left, _, where = (await ida.get(to)).headers["Refresh"].partition("; url=")
    assert int(left) == KEPT.total_seconds() - 60
    assert where == f"{to}&by_itself=1"
    world.time.passes(seconds=int(left))
    gone = await ida.get(where)
    assert (gone.status, "finding" in gone.headers["Location"]) == (303, False)


async def test_with_its_key_destroyed_a_week_knows_nobody(ida: Person, world: StaffWorld) -> None:
    """T62: the rows are there still, as in an old backup; only the key is not."""
    keys: KeyRing = world.doors.keys
    later = world.time() + timedelta(days=8)
    destroyed = keys.destroy_before(later, world.time(), world.time())
    assert destroyed == ["log-2026-w48"]
    status, body = await look_up(ida, PHONE, "device")
    assert (status, "Nycklarna för den tiden är förstörda" in body) == (400, True)
    assert len(await rows(ida, "/log?period=all")) == 3


# --- was it this card? ----------------------------------------------------------------------------


async def compare(
    person: Person, session: object, typed: str, what: str = "guest", password: str = PASSWORD
) -> tuple[int, str]:
    page = await person.get(await page_of(person, session))
    key = re.search(r'name="one" value="([^"]+)"', page.body)
    assert key is not None
    answer = await person.post(
        "/log/session", page, one=key.group(1), typed=typed, what=what, password=password, **WHY
    )
    if answer.status != 303:
        return answer.status, answer.body
    return 303, (await person.get(answer.headers["Location"])).body


@pytest.mark.parametrize(
    ("typed", "what", "told"),
    [
        (CARD.reveal(), "guest", "Ja: det kortet användes."),
        (OTHER_CARD.reveal(), "guest", "Nej: det kortet användes inte."),
        (PHONE, "device", "Ja: det var den enheten."),
        (LAPTOP, "device", "Nej: det var inte den enheten."),
    ],
)
async def test_a_session_is_compared_with_what_somebody_states(
    ida: Person, world: StaffWorld, history: History, typed: str, what: str, told: str
) -> None:
    status, body = await compare(ida, history.over.id, typed, what)
    assert (status, told in body) == (303, True)
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert (row.act, row.found) == ("compare", int(told.startswith("Ja")))
    assert str(history.over.id) in row.about


async def test_comparing_takes_the_password_again(
    ida: Person, world: StaffWorld, history: History
) -> None:
    status, body = await compare(ida, history.over.id, CARD.reveal(), password="fel")
    assert (status, "Lösenordet stämmer inte" in body) == (403, True)
    assert CARD.reveal() not in body
    assert await PostgresAudit(world.database).page(None, 9) == []


async def test_the_answer_goes_by_itself(ida: Person, world: StaffWorld, history: History) -> None:
    page = await ida.get(await page_of(ida, history.over.id))
    key = re.search(r'name="one" value="([^"]+)"', page.body)
    assert key is not None
    fields = {"typed": CARD.reveal(), "what": "guest", "password": PASSWORD, **WHY}
    answer = await ida.post("/log/session", page, one=key.group(1), **fields)
    to = answer.headers["Location"]
    shown = await ida.get(to)
    left, _, where = shown.headers["Refresh"].partition("; ")
    assert 0 < int(left) <= KEPT.total_seconds()
    assert "finding" not in where
    used = "SELECT last_used_at FROM staff_session ORDER BY last_used_at DESC LIMIT 1"
    before = (await world.database.fetch(used))[0][0]
    world.time.passes(seconds=60)
    assert (await ida.get(where.removeprefix("url="))).status == 200
    assert (await world.database.fetch(used))[0][0] == before  # nobody pressed anything
    world.time.passes(seconds=KEPT.total_seconds())
    assert "det kortet användes" not in (await ida.get(to)).body


async def test_a_locked_screen_gives_no_card_back(world: StaffWorld, ida: Person) -> None:
    form = await ida.get("/log/look-up")
    world.time.passes(minutes=15)
    locked = await ida.post("/log/look-up", form, typed=CARD.reveal(), what="guest", **WHY)
    assert locked.status == 423
    assert CARD.reveal() not in locked.body
    assert 'name="kept.case"' in locked.body


# --- refusals, changes, the record ----------------------------------------------------------------


async def test_refused_sign_ins(ida: Person) -> None:
    body = (await ida.get("/log/refused?period=week")).body
    assert "fel kortnummer eller pinkod</td>" in body
    assert "Inga nekade" in (await ida.get("/log/refused?period=week&reason=card.blocked")).body
    assert "Inga nekade" in (await ida.get("/log/refused?period=hour")).body


async def test_what_staff_did(world: StaffWorld) -> None:
    eva = await world.enrol("eva", Role.AUDITOR, sites=None)
    body = (await eva.get("/audit/changes")).body
    assert "ändrade ett konto" in body
    assert "what enrolled" in body
    there = await world.enrol("per", Role.AUDITOR, sites=(CITY,))
    assert "Ingenting ändrades" in (await there.get("/audit/changes")).body


async def test_the_record_is_read_and_verified(ida: Person, world: StaffWorld) -> None:
    await look_up(ida, CARD.reveal())
    eva = await world.enrol("eva", Role.AUDITOR, sites=None)
    body = (await eva.get("/audit?verify=1")).body
    assert "Kedjan är hel: 1 rader" in body
    record = PostgresAudit(world.database)
    whole = examine([row async for row in record.all()])
    assert isinstance(whole, Whole)
    assert whole.last.hex() in body
    await world.database.fetch("ALTER TABLE audit DISABLE TRIGGER ALL")
    await world.database.fetch("UPDATE audit SET by = 'eva'")
    assert "Rad 1 är ändrad" in (await eva.get("/audit?verify=1")).body


@pytest.mark.parametrize("role", [Role.IT, Role.AUDITOR])
async def test_an_account_of_one_library_reads_its_own_rows(
    ida: Person, world: StaffWorld, role: Role
) -> None:
    await look_up(ida, CARD.reveal())
    bo = await world.enrol("bo", role, sites=(BRANCH,))
    assert "2026-118" not in (await bo.get("/audit")).body
    if role is Role.IT:
        await look_up(bo, CARD.reveal())
        assert (await bo.get("/audit")).body.count("2026-118") == 1
    assert "2026-118" in (await ida.get("/audit")).body


HOSTILE = "<script>alert(1)</script>\"'\x1b[31m\u202e{{7*7}}"


async def test_what_a_peer_wrote_is_inert(ida: Person, world: StaffWorld, history: History) -> None:
    """T15: an older release, a restored dump or a spooled file may hold anything."""
    await world.database.fetch(
        "INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace, detail)"
        " SELECT started_at, $2, $2, id, trace_key, device_trace, jsonb_build_object("
        " 'by', $2::text, 'reason', $2::text, 'serial', $2::text) FROM past_session WHERE id = $1",
        *(history.over.id, HOSTILE),
    )
    await world.database.fetch(
        "UPDATE past_session SET ground = $2, site_id = $2 WHERE id = $1",
        *(history.accepted.id, HOSTILE),
    )
    pages = [
        *("/log?period=all", "/audit/changes?period=all", await page_of(ida, history.over.id)),
        await page_of(ida, history.accepted.id),
    ]
    for address in pages:
        answer = await ida.get(address)
        assert answer.status == 200
        assert "<script>alert" not in answer.body
        assert "&lt;script&gt;" in answer.body


@pytest.mark.parametrize("text", [HOSTILE, "' OR 1=1 --", "\x00", "x" * 400, "%0d%0aSet-Cookie:x"])
async def test_odd_queries_and_fields_are_nothing(ida: Person, text: str) -> None:
    log = await ida.get("/log")
    answer = await ida.post("/log/find", log, find=text)
    assert answer.status in {200, 303}
    assert "<script>alert" not in answer.body
    status, _ = await look_up(ida, text, text, reason=text, case=text)
    assert status == 400
    for name in ("after", "one", "name", "finding", "site", "reason", "from"):
        for path in ("/log", "/log/refused", "/log/session", "/audit", "/audit/changes"):
            shown = await ida.get(f"{path}?{name}=%27%20OR%201=1%20--")
            assert shown.status in {200, 303}
            if shown.status == 303:
                assert urlsplit(shown.headers["Location"]).path in {"/log", "/audit"}


async def test_the_stream_says_when_something_new_is_written(
    ida: Person, world: StaffWorld
) -> None:
    world.site.desk.live.look_every_s = 0.0
    cookie = "; ".join(f"{name}={value}" for name, value in ida.cookies.items())
    asked = get("/log/live", "localhost", f"Cookie: {cookie}").replace(
        b"Connection: close", b"X: y"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        writer.write(asked)
        async with asyncio.timeout(60):
            await reader.readuntil(b": here\n\n")
            world.time.passes(seconds=3)  # one who looks asks the database no more often
            await refuse(world, PHONE, CITY)
            await reader.readuntil(b"event: changed\ndata: 1\n\n")
    finally:
        writer.close()


async def test_the_record_says_how_it_stands_with_the_weekly_letter(world: StaffWorld) -> None:
    eva = await world.enrol("eva", Role.AUDITOR, sites=None)
    assert "Veckobrevet" not in (await eva.get("/audit")).body
    letters, monday = PostgresLetters(world.database), date(2026, 11, 16)
    await letters.take(monday, monday, "one", timedelta(minutes=15), world.time())
    waits = (await eva.get("/audit")).body
    assert "Veckobrevet om 2026-W47 väntar" in waits
    assert "Senaste försöket:" in waits
    await letters.sent(monday, {}, world.time())
    assert "Veckobrevet om 2026-W47 skickades" in (await eva.get("/audit")).body


async def test_a_session_says_at_which_access_points_it_was(ida: Person, world: StaffWorld) -> None:
    (session,) = await world.database.fetch(
        "SELECT id, started_at FROM past_session WHERE end_reason = 'logged_out' LIMIT 1"
    )
    where = f"/log/session?one={write_cursor(Cursor(session['started_at'], session['id']))}"
    assert "Accesspunkter" not in (await ida.get(where)).body
    for minutes, name in ((5, "ap-barn"), (0, "ap-hall"), (9, "ap-hall")):
        at = session["started_at"] + timedelta(minutes=minutes)
        await world.database.fetch(
            "INSERT INTO accounting_session (name, access_point, nas, bss, site_id, session_id,"
            " started_at, told_at, heard_at, upload_octets, download_octets, upload_before,"
            " download_before, duration) VALUES (sha256(convert_to($1::text || $2::timestamptz,"
            " 'UTF8')), $1, '', '', 'city', $3, $2, $2, $2, 0, 0, 0, 0, '0')",
            *(name, at, session["id"]),
        )
    body = (await ida.get(where)).body
    assert "<dt>Accesspunkter</dt><dd>ap-hall, ap-barn</dd>" in body
