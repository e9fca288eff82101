"""The voucher desk over HTTP: a code in one press, and all that can be done with it."""

import asyncio
import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from portal.domain.identity import Device, MacAddress, Subject
from portal.domain.session import Session
from portal.domain.slip import TARGETS
from portal.domain.staff_account import Role
from portal.domain.verification import Verification
from portal.domain.voucher_code import read_voucher_code
from portal.services.outcomes import Admitted, RefusalReason, Refused
from portal.services.redeem import Redeem
from portal.slips.printer import Printer
from portal.storage.database import Database
from portal.web.staff.settings import SitePrinter
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import (
    BRANCH,
    CITY,
    PLACE,
    Person,
    StaffWorld,
    running_staff_site,
)

PHONE = Device(MacAddress("02:00:00:00:00:01"), CITY)


@pytest.fixture
async def kim(world: StaffWorld) -> Person:
    return await world.enrol("kim", Role.DESK)


async def press(person: Person, path: str, page: str, **fields: str) -> Answer:
    """Press a button on a page, and follow where it leads."""
    answer = await person.post(path, await person.get(page), **fields)
    assert answer.status == 303, answer.body
    return await person.get(answer.headers["Location"])


async def make(person: Person, preset: str = "4-hours") -> Answer:
    return await press(person, "/desk/make", "/desk", preset=preset)


def code_on(page: Answer) -> str:
    found = re.search(r'class="number">.*?<bdi dir="ltr">(.*?)</bdi>', page.body)
    assert found, page.body
    code = read_voucher_code(re.sub(r"<[^>]+>", " ", found.group(1)))
    assert isinstance(code, str)
    return code


def serial_of(page: Answer) -> str:
    found = re.search(r"<h1>Kod ([A-Z]+-\d+)</h1>", page.body)
    assert found, page.body
    return found.group(1)


async def log_in(world: StaffWorld, code: str, device: Device = PHONE) -> Session:
    outcome = await Redeem(world.doors).with_code(device, code, world.time())
    assert isinstance(outcome, Admitted), outcome
    return outcome.session


async def test_one_press_makes_a_code_that_lets_a_device_in(world: StaffWorld, kim: Person) -> None:
    page = await make(kim)
    assert "oanvänd" in page.body
    session = await log_in(world, code_on(page))
    assert (session.ends_at - world.time()).total_seconds() == 4 * 3600
    again = await kim.get(f"/desk/voucher?serial={serial_of(page)}")
    assert code_on(page) not in again.body.replace(" ", "")
    assert "Koden används och visas inte längre" in again.body


async def test_the_list_shows_serials_and_states_and_no_code(
    world: StaffWorld, kim: Person
) -> None:
    page = await make(kim)
    desk = await kim.get("/desk")
    assert serial_of(page) in desk.body
    written = code_on(page)
    assert written not in re.sub(r"\D", "", desk.body)
    await log_in(world, written)
    assert "används" in (await kim.get("/desk")).body


async def test_an_odd_preset_makes_nothing(world: StaffWorld, kim: Person) -> None:
    for odd in ("", "nothing", "../x"):
        page = await press(kim, "/desk/make", "/desk", preset=odd)
        assert "Inga koder än" in page.body
    assert await world.events("vouchers_made") == []


async def test_a_preset_that_asks_leads_to_the_form(kim: Person) -> None:
    page = await press(kim, "/desk/make", "/desk", preset="group")
    assert "<h1>Fler koder på en gång</h1>" in page.body


async def test_at_a_library_without_codes_there_is_no_button(world: StaffWorld) -> None:
    alex = await world.enrol("alex", Role.DESK, sites=(BRANCH,))
    assert "har inte koder påslagna" in (await alex.get("/desk")).body


async def test_undo_works_for_ten_seconds(world: StaffWorld, kim: Person) -> None:
    first = await make(kim)
    where = f"/desk/voucher?serial={serial_of(first)}"
    page = await press(kim, "/desk/undo", where, serial=serial_of(first))
    assert "Koden är borta" in page.body
    refused = await Redeem(world.doors).with_code(PHONE, code_on(first), world.time())
    assert isinstance(refused, Refused)
    second = await make(kim)
    where = f"/desk/voucher?serial={serial_of(second)}"
    form = await kim.get(where)
    world.time.passes(seconds=13)
    late = await kim.post("/desk/undo", form, serial=serial_of(second))
    assert "för sent att ångra" in (await kim.get(late.headers["Location"])).body


async def test_turning_off_ends_the_session(world: StaffWorld, kim: Person) -> None:
    page = await make(kim)
    await log_in(world, code_on(page))
    serial = serial_of(page)
    page = await press(kim, "/desk/revoke", f"/desk/voucher?serial={serial}", serial=serial)
    assert "Koden är avstängd" in page.body
    assert await world.doors.sessions.find(PHONE.mac) is None


async def test_extending_moves_the_session_s_end(world: StaffWorld, kim: Person) -> None:
    page = await make(kim)
    session = await log_in(world, code_on(page))
    serial, where = serial_of(page), f"/desk/voucher?serial={serial_of(page)}"
    await press(kim, "/desk/extend", where, serial=serial, hours="1")
    longer = await world.doors.sessions.find(PHONE.mac)
    assert longer is not None
    assert (longer.ends_at - session.ends_at).total_seconds() == 3600
    page = await press(kim, "/desk/extend", where, serial=serial, hours="5000")
    assert "Det går inte att göra en sådan kod" in page.body


async def test_a_used_slip_goes_on_as_a_new_one(world: StaffWorld, kim: Person) -> None:
    old = await make(kim)
    session = await log_in(world, code_on(old))
    serial = serial_of(old)
    new = await press(kim, "/desk/reprint", f"/desk/voucher?serial={serial}", serial=serial)
    assert serial_of(new) != serial
    assert code_on(new) != code_on(old)
    assert await world.doors.sessions.find(PHONE.mac) is not None
    refused = await Redeem(world.doors).with_code(PHONE, code_on(old), world.time())
    assert isinstance(refused, Refused)
    assert refused.reason is RefusalReason.CODE_REVOKED
    assert session.id


async def test_a_code_is_found_without_standing_in_an_address(
    kim: Person,
) -> None:
    page = await make(kim)
    for text in (serial_of(page), serial_of(page).lower().replace("-0", " "), code_on(page)):
        answer = await kim.post("/desk/find", await kim.get("/desk"), find=text)
        assert answer.headers["Location"] == f"/desk/voucher?serial={serial_of(page)}"
    lost = await press(kim, "/desk/find", "/desk", find="<script>")
    assert "hittar ingen sådan kod" in lost.body
    assert "<script>" not in lost.body.replace('<script src="', "")


async def test_another_site_s_codes_are_not_found(world: StaffWorld, kim: Person) -> None:
    page = await make(kim)
    sam = await world.enrol("sam", Role.DESK, sites=(BRANCH,))
    for path in ("voucher", "print", "screen"):
        answer = await sam.get(f"/desk/{path}?serial={serial_of(page)}")
        assert (answer.status, answer.headers["Location"]) == (
            303,
            "/desk?failed=no_such_voucher",
        )


async def test_a_late_look_at_a_code_leaves_a_trace(world: StaffWorld, kim: Person) -> None:
    where = f"/desk/voucher?serial={serial_of(await make(kim))}"
    await kim.get(where)
    assert await world.events("voucher_reprinted") == []
    world.time.passes(minutes=6)
    await kim.get(where)
    (told,) = await world.events("voucher_reprinted")
    assert '"by": "kim"' in str(told["detail"])


MANY: Mapping[str, str] = {"count": "30", "devices": "2", "lasts": "days", "length": "3"}


async def test_many_codes_are_one_row_one_print_and_one_list(
    world: StaffWorld, kim: Person
) -> None:
    page = await press(kim, "/desk/more", "/desk/more", **MANY)
    assert "<h1>Koder A</h1>" in page.body
    assert "30 koder" in (await kim.get("/desk")).body
    sheet = await kim.get("/desk/print?series=A&target=a4&language=sv")
    assert sheet.body.count("<article") == 30
    table = await kim.post("/desk/batch/table", page, series="A")
    assert table.headers["Content-Type"] == "text/csv"
    assert table.headers["Content-Disposition"] == 'attachment; filename="kvar-A.csv"'
    assert table.body.count("\n") == 31
    assert await world.events("vouchers_exported")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("count", "0"),
        ("count", "1001"),
        ("count", "ten"),
        ("devices", "501"),
        ("length", "-1"),
        ("use_before", "i morgon"),
        ("use_before", "2020-01-01"),
    ],
)
async def test_a_wrong_number_is_told_and_nothing_is_made(
    world: StaffWorld, kim: Person, field: str, text: str
) -> None:
    form = {**MANY, field: text}
    answer = await kim.post("/desk/more", await kim.get("/desk/more"), **form)
    assert (answer.status, f'href="#{field}"' in answer.body) == (400, True)
    assert "Inga koder än" in (await kim.get("/desk")).body
    assert await world.events("vouchers_made") == []


async def test_an_event_ends_at_a_set_time(world: StaffWorld, kim: Person) -> None:
    form = {"count": "1", "devices": "40", "lasts": "until", "until": "2026-11-26T16:00"}
    page = await press(kim, "/desk/more", "/desk/more", **form)
    session = await log_in(world, code_on(page))
    assert session.ends_at.isoformat() == "2026-11-26T15:00:00+00:00"
    wrong = await kim.post("/desk/more", await kim.get("/desk/more"), **{**form, "until": ""})
    assert wrong.status == 400


async def test_only_a_manager_turns_off_a_batch(world: StaffWorld, kim: Person) -> None:
    page = await press(kim, "/desk/more", "/desk/more", **MANY)
    assert "/desk/batch/revoke" not in page.body
    manager = await world.enrol("eva", Role.SITE_MANAGER)
    page = await press(
        manager, "/desk/batch/revoke", "/desk/batch?series=A", series="A", only="unused"
    )
    assert re.search(r"avstängd</dt><dd>30</dd>", page.body)
    assert "/desk/print" not in page.body


async def test_the_slip_opens_its_printing_and_leads_back(kim: Person) -> None:
    page = await make(kim)
    serial = serial_of(page)
    sheet = await kim.get(f"/desk/print?serial={serial}&target=roll80&language=en")
    assert sheet.body.count("<article") == 1
    assert f'href="/desk/voucher?serial={serial}"' in sheet.body
    assert re.search(r'<script src="/static/print\.[0-9a-f]{12}\.js" defer>', sheet.body)
    assert PLACE.short_address in sheet.body
    assert "script-src 'self'" in sheet.headers["Content-Security-Policy"]
    remembered = await kim.get(f"/desk/print?serial={serial}")
    assert "Wi-Fi at Exempelby stadsbibliotek" in remembered.body


async def test_print_at_once_is_remembered(kim: Person) -> None:
    answer = await kim.post("/desk/make", await kim.get("/desk"), preset="closing", print="1")
    assert answer.headers["Location"].startswith("/desk/print?serial=")
    assert re.search(r'id="print"[^>]* checked', (await kim.get("/desk")).body)


async def test_without_the_networks_name_the_code_stands_all_the_same(
    database: Database, tmp_path: Path
) -> None:
    """No slip can be made; the visitor is let in by what the page shows."""
    async with running_staff_site(database, tmp_path / "keys", place=None) as world:
        kim = await world.enrol("kim", Role.DESK)
        printed = await kim.post("/desk/make", await kim.get("/desk"), preset="closing", print="1")
        instead = await kim.get(printed.headers["Location"])
        page = await kim.get(instead.headers["Location"])
        assert "Nätverkets namn saknas i inställningarna." in page.body
        await log_in(world, code_on(page))


async def test_the_screen_for_the_visitor_shows_both_codes(kim: Person) -> None:
    page = await make(kim)
    shown = await kim.get(f"/desk/screen?serial={serial_of(page)}")
    assert shown.body.count("<svg") == 2


async def test_a_pdf_is_made_and_fetched_by_its_maker_alone(world: StaffWorld, kim: Person) -> None:
    page = await make(kim)
    answer = await kim.post("/desk/pdf", page, serial=serial_of(page), target="a6", language="sv")
    where = answer.headers["Location"]
    async with asyncio.timeout(60):
        while "fetch=1" not in (page := await kim.get(where)).body:
            assert page.headers["Refresh"] == "1"
            await asyncio.sleep(0.1)
    assert page.headers["Refresh"] == f"0; url={where}&fetch=1"
    done = await kim.get(f"{where}&fetch=1")
    assert done.headers["Content-Type"] == "application/pdf"
    assert done.body.startswith("%PDF-")
    other = await world.enrol("eva", Role.DESK)
    assert (await other.get(f"{where}&fetch=1")).status == 303
    world.time.passes(minutes=11)
    assert (await kim.get(f"{where}&fetch=1")).status == 303


async def test_the_codes_of_the_day_s_screen_is_signed_in_as_nobody(
    world: StaffWorld, kim: Person
) -> None:
    page = await kim.get("/desk/day")
    assert "Du loggas ut" in page.body
    done = await kim.post("/desk/day", page)
    assert done.headers["Location"] == "/screen"
    shown = await kim.get("/screen")
    assert shown.body.count("<svg") == 2
    assert (await kim.get("/desk")).status == 401
    world.time.passes(hours=10)  # closed
    assert "Biblioteket är stängt" in (await kim.get("/screen")).body
    forged = kim.cookies["__Host-kvar-screen"].replace(str(CITY), str(BRANCH))
    kim.cookies["__Host-kvar-screen"] = forged
    assert (await kim.get("/screen")).status == 303


async def test_a_fault_is_reported_with_facts_and_without_numbers(
    world: StaffWorld, kim: Person
) -> None:
    words = "Kort 2000 0000 0001 22 kommer inte in,\r\nring 070-123 45 67"
    page = await press(kim, "/desk/report", "/desk/report", kind="nobody_in", words=words)
    assert "It-avdelningen ser rapporten" in page.body
    (row,) = await world.database.fetch("SELECT *, facts::text AS told FROM fault_report")
    assert (row["kind"], row["words"]) == ("nobody_in", "Kort … kommer inte in, ring …")
    facts = json.loads(row["told"])
    assert facts["gate_answers"] is True
    assert facts["online"] == 0
    assert set(facts) == {
        "version",
        "machine",
        "gate_answers",
        "internet_is_down",
        "library_is_away",
        "library_answers_last_hour",
        "refusals_last_hour",
        "waiting",
        "online",
    }


async def test_a_report_without_a_kind_asks_for_it(world: StaffWorld, kim: Person) -> None:
    form = await kim.get("/desk/report")
    answer = await kim.post("/desk/report", form, words="det fungerar inte")
    assert (answer.status, "det fungerar inte" in answer.body) == (400, True)
    assert await world.database.fetch("SELECT 1 FROM fault_report") == []


async def test_a_library_system_that_is_away_is_said_on_the_board(
    world: StaffWorld, kim: Person
) -> None:
    said = "Biblioteksdatorn svarar inte"
    card, device = Subject(b"c" * 32), Subject(b"d" * 32)
    attempts = world.doors.attempts
    lost = await attempts.reserve(card, device, CITY, world.time())
    await attempts.settle(lost.id, Verification.UNAVAILABLE)
    for path in ("/desk", "/tutoring"):
        assert said in (await kim.get(path)).body
    answered = await attempts.reserve(card, device, CITY, world.time())
    await attempts.settle(answered.id, Verification.BAD_CREDENTIALS)
    assert said not in (await kim.get("/desk")).body


async def test_only_who_works_everywhere_makes_codes_for_everywhere(
    world: StaffWorld, kim: Person
) -> None:
    form = {"count": "1", "devices": "1", "lasts": "hours", "length": "4", "everywhere": "1"}
    await press(kim, "/desk/more", "/desk/more", **form)
    eva = await world.enrol("eva", Role.DESK, sites=None)
    page = await press(eva, "/desk/more", "/desk/more", **form)
    rows = await world.database.fetch("SELECT is_everywhere FROM voucher ORDER BY number")
    assert [row["is_everywhere"] for row in rows] == [False, True]
    serial = serial_of(page)
    sam = await world.enrol("sam", Role.DESK, sites=(BRANCH,))
    for path in ("voucher", "print", "screen"):
        answer = await sam.get(f"/desk/{path}?serial={serial}")
        assert answer.headers["Location"] == "/desk?failed=no_such_voucher"


async def test_single_slips_are_not_printed_all_at_once(world: StaffWorld, kim: Person) -> None:
    await make(kim)
    await make(kim)
    answer = await kim.get("/desk/print?series=A&target=a4")
    assert answer.headers["Location"] == "/desk?failed=not_a_batch"
    assert await world.events("voucher_codes_exported")


async def test_of_a_batch_what_is_over_is_not_printed(world: StaffWorld, kim: Person) -> None:
    form = {**MANY, "use_before": "2026-11-27"}
    await press(kim, "/desk/more", "/desk/more", **form)
    world.time.passes(days=2)
    again = await world.enrol("eva", Role.DESK)
    answer = await again.get("/desk/print?series=A&target=a4")
    assert answer.headers["Location"] == "/desk?failed=over"


async def test_a_slip_made_before_opening_names_no_time_that_is_wrong(
    world: StaffWorld, kim: Person
) -> None:
    world.time.passes(hours=21.5)  # 07.30 local: it opens at eight
    kim = await world.enrol("early", Role.DESK)
    page = await make(kim, "closing")
    sheet = await kim.get(f"/desk/print?serial={serial_of(page)}&target=a6&language=sv")
    assert "00.00" not in sheet.body
    assert "tills biblioteket stänger" in sheet.body


async def test_a_page_that_looks_again_by_itself_keeps_no_lock_away(
    world: StaffWorld, kim: Person
) -> None:
    kim.more = ("X-Kvar-Live: 1",)
    for _ in range(14):
        world.time.passes(minutes=1)
        assert (await kim.get("/desk")).status == 200
    world.time.passes(minutes=2)
    assert (await kim.get("/desk")).status == 423


@pytest.mark.parametrize(
    "form",
    [
        {"lasts": "weeks", "length": "999999999"},
        {"lasts": "weeks", "length": "200"},
        {"lasts": "until", "until": "0001-01-01T00:00"},
    ],
)
async def test_times_beyond_all_bounds_are_told_at_their_field(
    kim: Person, form: Mapping[str, str]
) -> None:
    wish = {"count": "1", "devices": "1", **form}
    answer = await kim.post("/desk/more", await kim.get("/desk/more"), **wish)
    field = "length" if "length" in form else "until"
    assert (answer.status, f'href="#{field}"' in answer.body) == (400, True)


async def test_odd_series_and_cookies_are_answered(world: StaffWorld, kim: Person) -> None:
    assert (await kim.get("/desk/batch?series=A%00")).status == 303
    for name in ("browser", "staff", "screen"):
        odd = Person(world, more=(f"Cookie: __Host-kvar-{name}=city.\xff",))
        for path in ("/sign-in", "/screen", "/desk"):
            assert (await odd.get(path)).status in {200, 303, 401}


async def test_a_printer_without_paper_is_told_as_that(database: Database, tmp_path: Path) -> None:
    with socket.socket() as deaf:  # it takes the connection, and reads nothing
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        door = Printer("127.0.0.1", deaf.getsockname()[1], send_s=0.2)
        await _press_print(database, tmp_path, door)


async def _press_print(database: Database, tmp_path: Path, door: Printer) -> None:
    printers = {CITY: [SitePrinter("Disken", TARGETS["roll80"], door)]}
    async with running_staff_site(database, tmp_path / "keys", printers=printers) as world:
        kim = await world.enrol("kim", Role.DESK)
        page = await make(kim)
        serial = serial_of(page)
        answer = await kim.post("/desk/printer", page, serial=serial, printer="Disken")
        assert answer.headers["Location"] == f"/desk/voucher?serial={serial}&failed=printer"
        assert "Skrivaren svarar inte" in (await kim.get(answer.headers["Location"])).body
