"""Taking a list out of the log: what is in the file, whose it is, and what the record says."""

import csv
import io
import json
import re
import tempfile
from datetime import timedelta
from typing import IO

import pytest

from portal.domain.staff_account import Role
from portal.services.console import exports
from portal.services.console.exports import KEPT, MOST_JOBS
from portal.services.ports import DatabaseUnavailableError
from portal.storage.audit import PostgresAudit
from portal.storage.session_log import PostgresSessionLog
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.console_stage import CARD, PHONE, History
from tests.portal.web.staff.staff_under_test import Person, StaffWorld

WHY = {"why": "authority", "case": "2026-7"}
EVERYTHING = {"from": "2026-11-01T00:00", "to": "2026-12-01T00:00"}


async def begin(person: Person, **fields: str) -> Answer:
    form = await person.get("/log/export")
    return await person.post("/log/export", form, **({**EVERYTHING, **WHY} | fields))


async def finished(person: Person, begun: Answer) -> str:
    """Wait for the export as its page does; return the address of its file."""
    assert begun.status == 303, begun.body
    while "Refresh" in (shown := await person.get(begun.headers["Location"])).headers:
        assert shown.headers["Refresh"] == f"1; url={begun.headers['Location']}&by_itself=1"
    found = re.search(r'href="(/log/export/file\?job=[\w-]+)"', shown.body)
    assert found, shown.body
    return found.group(1)


async def test_a_spreadsheet(ida: Person, world: StaffWorld) -> None:
    file = await ida.get(await finished(ida, await begin(ida)))
    assert file.headers["Content-Type"].startswith("text/csv")
    assert "sekretess-osl-40-3" in file.headers["Content-Disposition"]
    text = file.body.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    assert text != file.body
    head, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert head[:3] == ["började (Europe/Stockholm)", "slutade (Europe/Stockholm)", "bibliotek"]
    assert [line[2] for line in lines] == [
        *("Filialen i Norra Exempelby", "Bokbussen", "Exempelby stadsbibliotek"),
    ]
    over = lines[-1]
    assert over[0] == "2026-11-25 12:01:00"
    assert over[3:5] == ["Bibliotekskort", "Loggade ut"]
    assert re.fullmatch(r"P-[0-9A-F]{8}", over[5])
    assert over[7] == "3600"
    for personal in (PHONE, CARD.reveal()):
        assert personal not in file.body
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert (row.act, row.reason, row.case_number, row.found) == ("export", "authority", "2026-7", 3)
    assert row.about.startswith("csv 2026-10-31T23:00Z/2026-11-30T23:00Z")


async def test_json_lines_of_a_narrower_list(ida: Person, world: StaffWorld) -> None:
    begun = await begin(ida, format="jsonl", ground="card", outcome="logged_out")
    file = await ida.get(await finished(ida, begun))
    [told] = map(json.loads, file.body.splitlines())
    assert (told["site"], told["ground"], told["outcome"]) == ("city", "card", "logged_out")
    assert told["began"] == "2026-11-25T12:01:00+01:00"
    assert (told["seconds"], told["extensions"]) == (3600, 1)
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert row.about.endswith("ground=card outcome=logged_out")


async def test_what_was_looked_up_can_be_taken_out(ida: Person, world: StaffWorld) -> None:
    form = await ida.get("/log/look-up")
    why = {"reason": "own_request", "case": "2026-7"}
    found = await ida.post("/log/look-up", form, typed=PHONE, what="device", **why)
    word = found.headers["Location"].partition("finding=")[2]
    page = await ida.get(found.headers["Location"].replace("/log?", "/log/export?"))
    assert f'name="finding" value="{word}"' in page.body
    file = await ida.get(await finished(ida, await begin(ida, finding=word)))
    assert len(file.body.splitlines()) == 2
    rows = await PostgresAudit(world.database).page(None, 9)
    assert [row.act for row in rows] == ["export", "look_up"]
    assert rows[0].about.endswith("found=yes")
    gone = await begin(ida, finding="nothing")
    assert (gone.status, gone.headers["Location"]) == (303, "/log")


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "@SUM(1)", "\tx", "\rx", "+1", "-1", "a;b"])
async def test_no_cell_is_a_formula(
    ida: Person, world: StaffWorld, history: History, cell: str
) -> None:
    """T33: a library's name from an older configuration stands as its id."""
    await world.database.fetch(
        "UPDATE past_session SET site_id = $1 WHERE id = $2", cell, history.over.id
    )
    file = await ida.get(await finished(ida, await begin(ida)))
    text = file.body.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert lines[-1][2] == (cell if cell == "a;b" else f"'{cell}")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"why": ""}, "Välj varför du slår upp"),
        ({"case": " "}, "Skriv ärendets nummer"),
    ],
)
async def test_without_a_reason_nothing_is_taken_out(
    ida: Person, fields: dict[str, str], told: str
) -> None:
    answer = await begin(ida, **fields)
    assert (answer.status, told in answer.body) == (400, True)


async def test_a_file_is_its_makers_for_ten_minutes(ida: Person, world: StaffWorld) -> None:
    address = await finished(ida, await begin(ida))
    bo = await world.enrol("bo", Role.IT, sites=None)
    assert (await bo.get(address)).status == 303
    head = await ida.head(address)
    assert (head.status, head.body) == (200, "")
    world.time.passes(seconds=(KEPT + timedelta(seconds=1)).total_seconds())
    assert (await ida.get(address)).status == 303


async def test_an_old_file_is_closed_though_nobody_asks(
    ida: Person, world: StaffWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[IO[bytes]] = []
    make = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: files.append(make()) or files[-1])
    await finished(ida, await begin(ida))
    world.site.console.exports.forget(world.time() + KEPT)
    assert [file.closed for file in files] == [False]
    world.site.console.exports.forget(world.time() + KEPT + timedelta(seconds=1))
    assert [file.closed for file in files] == [True]


async def test_what_cannot_be_written_down_is_not_handed_out(
    ida: Person, world: StaffWorld
) -> None:
    await world.database.fetch(
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END$$"
    )
    await world.database.fetch(
        "CREATE TRIGGER away BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION away()"
    )
    begun = await begin(ida)
    while "Refresh" in (shown := await ida.get(begun.headers["Location"])).headers:
        pass
    assert "inget har lämnats ut" in shown.body
    job = begun.headers["Location"].partition("job=")[2]
    assert (await ida.get(f"/log/export/file?job={job}")).status == 303


@pytest.mark.parametrize("reason", ["\0", "Anna Andersson " * 30])
async def test_what_is_no_part_of_the_list_is_no_part_of_the_record(
    ida: Person, world: StaffWorld, reason: str
) -> None:
    await finished(ida, await begin(ida, reason=reason))
    [row] = await PostgresAudit(world.database).page(None, 9)
    assert row.about == "csv 2026-10-31T23:00Z/2026-11-30T23:00Z"


async def test_a_name_that_nobody_read_is_not_in_the_record(ida: Person, world: StaffWorld) -> None:
    form = await ida.get("/log/look-up")
    why = {"reason": "own_request", "case": "2026-7"}
    found = await ida.post("/log/look-up", form, typed=PHONE, what="device", **why)
    word = found.headers["Location"].partition("finding=")[2]
    await finished(ida, await begin(ida, finding=word, name="Anna Andersson"))
    [row, _] = await PostgresAudit(world.database).page(None, 9)
    assert row.about.endswith("Z found=yes")


async def test_one_broken_export_ends_that_one_alone(
    ida: Person, world: StaffWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(exports, "csv_line", None)
        begun = await begin(ida)
        while "Refresh" in (shown := await ida.get(begun.headers["Location"])).headers:
            pass
    assert "inget har lämnats ut" in shown.body
    assert (await ida.get(await finished(ida, await begin(ida)))).status == 200
    assert len(await PostgresAudit(world.database).page(None, 9)) == 1


async def test_what_cannot_be_counted_is_exported_all_the_same(
    ida: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> int:
        raise DatabaseUnavailableError("statement timeout")

    monkeypatch.setattr(PostgresSessionLog, "count", fail)
    begun = await begin(ida)
    shown = await ida.get(begun.headers["Location"])
    assert 'max="' not in shown.body
    file = await ida.get(await finished(ida, begun))
    assert len(file.body.splitlines()) == 4


async def test_a_long_list_is_written_page_by_page_and_cut(
    ida: Person, world: StaffWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    file = await ida.get(await finished(ida, await begin(ida)))
    assert len(file.body.splitlines()) == 4
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    begun = await begin(ida)
    file = await ida.get(await finished(ida, begun))
    assert len(file.body.splitlines()) == 3
    assert "Det finns fler än" in (await ida.get(begun.headers["Location"])).body
    assert [row.found for row in await PostgresAudit(world.database).page(None, 9)] == [2, 3]


async def test_there_are_never_many(ida: Person, world: StaffWorld) -> None:
    addresses = [await finished(ida, await begin(ida)) for _ in range(MOST_JOBS + 1)]
    assert (await ida.get(addresses[0])).status == 303
    assert (await ida.get(addresses[-1])).status == 200
    assert len(await PostgresAudit(world.database).page(None, 99)) == MOST_JOBS + 1
