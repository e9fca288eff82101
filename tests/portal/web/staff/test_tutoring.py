"""The tutoring page over HTTP: two taps let a visitor in, and nothing ends it meanwhile."""

import asyncio
import re
from datetime import timedelta

import pytest

from portal.domain.identity import Device, MacAddress
from portal.domain.staff_account import Role
from portal.services.group_tutoring import GroupTutoring
from portal.services.outcomes import Admitted
from portal.services.redeem import Redeem
from portal.services.voucher_orders import MadeVouchers, VoucherOrder
from portal.services.vouchers import Vouchers
from portal.storage.database import Database
from portal.storage.staff_sessions import PostgresStaffSessions
from tests.portal.web.portal_under_test import Answer, get
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, Person, StaffWorld

PHONE = Device(MacAddress("02:00:00:00:00:01"), CITY)
OTHER = Device(MacAddress("02:00:00:00:00:02"), CITY)


@pytest.fixture
async def kim(world: StaffWorld) -> Person:
    return await world.enrol("kim", Role.DESK)


async def waits(world: StaffWorld, device: Device = PHONE, kind: str = "iPhone") -> str:
    number = await world.doors.arrivals.see(device, world.time(), kind)
    return str(number)


async def press(person: Person, path: str, _form: Answer | None = None, **fields: str) -> Answer:
    answer = await person.post(path, _form or await person.get("/tutoring"), **fields)
    assert answer.status == 303, answer.body
    return await person.get(answer.headers["Location"])


async def test_one_that_waits_is_open_and_let_in_by_one_press(
    world: StaffWorld, kim: Person
) -> None:
    number = await waits(world)
    await world.doors.arrivals.add_step(PHONE, "cred.wrong", world.time())
    await world.doors.arrivals.add_step(PHONE, "cred.wrong", world.time())
    page = await kim.get("/tutoring")
    assert f'id="device-{number}" open' in page.body
    assert "iPhone" in page.body
    assert "fel kortnummer eller pinkod, 2 gånger" in page.body
    page = await press(kim, "/tutoring/let-in", device=number)
    assert f"Enhet {number} är uppkopplad till kl.\N{NO-BREAK SPACE}11.30." in page.body
    session = await world.doors.sessions.find(PHONE.mac)
    assert session is not None
    assert session.protected_until == world.time() + timedelta(minutes=90)
    (told,) = await world.events("tutoring_started")
    assert '"by": "kim"' in str(told["detail"])


async def test_of_several_none_is_open_until_it_is_tapped(world: StaffWorld, kim: Person) -> None:
    first = await waits(world)
    await waits(world, OTHER)
    assert not re.search(r'id="device-\d+" open', (await kim.get("/tutoring")).body)
    tapped = await kim.get(f"/tutoring?device={first}")
    assert f'id="device-{first}" open' in tapped.body


async def test_half_an_hour_more_any_number_of_times_and_the_end(
    world: StaffWorld, kim: Person
) -> None:
    number = await waits(world)
    await press(kim, "/tutoring/let-in", device=number)
    for times in (1, 2, 3):
        await press(kim, "/tutoring/extend", device=number)
        session = await world.doors.sessions.find(PHONE.mac)
        assert session is not None
        assert session.protected_until == world.time() + timedelta(minutes=90 + 30 * times)
    page = await press(kim, "/tutoring/end", device=number)
    assert f"Enhet {number} är en vanlig gäst" in page.body
    assert "Ingen handledning pågår" in page.body
    assert await world.doors.sessions.find(PHONE.mac) is not None


async def test_who_is_online_is_protected(world: StaffWorld, kim: Person) -> None:
    vouchers = Vouchers(world.doors)
    made = await vouchers.make(VoucherOrder(CITY), "kim", world.time())
    assert isinstance(made, MadeVouchers)
    code = made.issued[0].slip.code.reveal()
    outcome = await Redeem(world.doors).with_code(PHONE, code, world.time())
    assert isinstance(outcome, Admitted)
    number = await world.doors.arrivals.see(PHONE, world.time(), "Mac", is_online=True)
    assert f'id="shield-{number}"' in (await kim.get("/tutoring")).body
    await press(kim, "/tutoring/let-in", device=str(number))
    session = await world.doors.sessions.find(PHONE.mac)
    assert session is not None
    assert (session.id, session.is_protected(world.time())) == (outcome.session.id, True)


async def test_a_phone_with_a_new_address_goes_on_as_the_same_tile(
    world: StaffWorld, kim: Person
) -> None:
    tile = await waits(world)
    await press(kim, "/tutoring/let-in", device=tile)
    number = await waits(world, OTHER)
    page = await press(kim, "/tutoring/let-in", device=number, continues=tile)
    assert f"Enhet {tile} är uppkopplad" in page.body
    session = await world.doors.sessions.find(OTHER.mac)
    assert session is not None
    assert session.tutored_as == int(tile)


@pytest.mark.parametrize(
    ("device", "is_told"), [("", False), ("x", False), ("99999999999", False), ("1", True)]
)
async def test_a_number_that_nobody_has_lets_nobody_in(
    world: StaffWorld, kim: Person, device: str, *, is_told: bool
) -> None:
    # The page must have each of the forms.
    first, second = await waits(world), await waits(world, OTHER)
    await press(kim, "/tutoring/let-in", device=first)
    form = await kim.get(f"/tutoring?device={second}")
    for path in ("let-in", "extend", "end"):
        page = await press(kim, f"/tutoring/{path}", form, device=device)
        assert ("Ingen enhet har det numret" in page.body) == is_told
    assert len(await world.events("tutoring_started")) == 1


async def test_another_site_s_devices_are_not_there(world: StaffWorld) -> None:
    alex = await world.enrol("alex", Role.DESK, sites=(BRANCH,))
    own = await waits(world, Device(OTHER.mac, BRANCH))
    number = await waits(world)
    if number == own:  # drawn at either site for itself
        number = await waits(world, Device(MacAddress("02:00:00:00:00:03"), CITY))
    assert f"device-{own}" in (await alex.get("/tutoring")).body
    assert f"device-{number}" not in (await alex.get("/tutoring")).body
    page = await press(alex, "/tutoring/let-in", device=number)
    assert "Ingen enhet har det numret" in page.body
    assert await world.doors.sessions.find(PHONE.mac) is None


async def test_a_tile_is_marked_before_its_end(world: StaffWorld, kim: Person) -> None:
    number = await waits(world)
    await press(kim, "/tutoring/let-in", device=number)
    assert 'class="tile"' in (await kim.get("/tutoring")).body
    for _ in range(8):
        world.time.passes(minutes=10.7)
        await kim.post("/stay", await kim.get("/tutoring"))
    assert 'class="tile soon"' in (await kim.get("/tutoring")).body


async def test_a_group_is_started_shown_joined_prolonged_and_ended(
    world: StaffWorld, kim: Person
) -> None:
    shown = await press(kim, "/tutoring/group/start", minutes="120", devices="15")
    code = "".join(re.findall(r"<span>(\d{3})</span>", shown.body))
    assert len(code) == 6
    assert "<svg" in shown.body
    joined = await GroupTutoring(world.doors).join(PHONE, code, world.time())
    assert isinstance(joined, Admitted)
    again = await kim.get("/tutoring/group?number=1")
    assert "1 av 15 är med" in again.body
    page = await press(kim, "/tutoring/group/extend", group="1")
    assert "Grupp 1 har till kl.\N{NO-BREAK SPACE}12.30" in page.body
    page = await press(kim, "/tutoring/group/end", group="1")
    assert "Grupp 1 är slut" in page.body
    assert (await kim.get("/tutoring/group?number=1")).status == 303
    rows = await world.database.fetch("SELECT count(*) AS n FROM room_code_shown")
    assert rows[0]["n"] == 0
    assert await world.doors.sessions.find(PHONE.mac) is not None


@pytest.mark.parametrize(("minutes", "devices"), [("721", "15"), ("120", "101")])
async def test_a_group_of_impossible_size(kim: Person, minutes: str, devices: str) -> None:
    page = await press(kim, "/tutoring/group/start", minutes=minutes, devices=devices)
    assert "högst 720 minuter" in page.body


async def test_what_the_address_says_is_never_repeated(kim: Person) -> None:
    page = await kim.get("/tutoring?done=%3Cscript%3E&number=1&failed=%3Cb%3E&until=x&device=y")
    assert page.status == 200
    assert "%3C" not in page.body
    assert "<b>" not in page.body


def asks_for_the_stream(kim: Person) -> bytes:
    cookie = "; ".join(f"{name}={value}" for name, value in kim.cookies.items())
    asked = get("/desk/live", "localhost", f"Cookie: {cookie}")
    return asked.replace(b"Connection: close", b"X: y")


async def test_a_stream_ends_with_its_page(world: StaffWorld, kim: Person) -> None:
    """At the next look, though there is nothing to tell: whoever browses keeps no streams."""
    world.site.desk.live.look_every_s = 0.0
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(asks_for_the_stream(kim))
    async with asyncio.timeout(60):
        await reader.readuntil(b": here\n\n")
        assert world.site.desk.live.streams == 1
        writer.close()
        while world.site.desk.live.streams:
            await asyncio.sleep(0)


async def test_the_stream_says_changed_and_ends_with_the_visit(
    world: StaffWorld, kim: Person
) -> None:
    world.site.desk.live.look_every_s = 0.0
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        writer.write(asks_for_the_stream(kim))
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Type: text/event-stream" in head
            await reader.readuntil(b": here\n\n")
            await waits(world)
            await reader.readuntil(b"event: changed\ndata: 1\n\n")
            await kim.post("/sign-out", await kim.get("/tutoring"))
            await waits(world, OTHER)
            rest = await reader.readuntil(b"0\r\n\r\n")  # the end (RFC 9112 section 7.1)
        assert b"changed" not in rest
    finally:
        writer.close()
    assert world.site.desk.live.streams == 0


@pytest.mark.parametrize(
    ("kind", "title"), [("iPhone", "iPhone och iPad"), ("", "Ingen inloggningssida kommer upp")]
)
async def test_the_tutor_reads_how_that_kind_of_device_is_connected(
    world: StaffWorld, kim: Person, kind: str, title: str
) -> None:
    await waits(world, kind=kind)
    assert f"Hjälp: {title}" in (await kim.get("/tutoring")).body


async def test_a_stream_whose_database_goes_away_ends_without_a_second_answer(
    world: StaffWorld, kim: Person
) -> None:
    world.site.desk.live.look_every_s = 0.0
    cookie = "; ".join(f"{name}={value}" for name, value in kim.cookies.items())
    asked = get("/desk/live", "localhost", f"Cookie: {cookie}")
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        writer.write(asked)
        async with asyncio.timeout(60):
            await reader.readuntil(b": here\n\n")
            sessions = world.site.sign_in.doors.sessions
            assert isinstance(sessions, PostgresStaffSessions)
            sessions._database = Database("postgresql://127.0.0.1:1/none")
            await waits(world)
            rest = await reader.read()
    finally:
        writer.close()
    assert b"HTTP/1.1" not in rest
