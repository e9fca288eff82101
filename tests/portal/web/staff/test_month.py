"""The monthly report: the numbers that stand in the database, as page, PDF and table."""

import asyncio
import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from portal.domain.staff_account import Role
from portal.web.staff import month
from tests.browser.staff_overview import a_month
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import CITY, Person, StaffWorld

PATH = "/overview/month?month=2026-11"


def words(answer: Answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.body))


def text_of(pdf: bytes) -> str:
    read = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return read.stdout.decode()


@pytest.fixture
async def it(world: StaffWorld) -> Person:
    await a_month(world)
    return await world.enrol("ida", Role.IT, sites=None)


async def test_its_numbers_equal_those_in_the_database(world: StaffWorld, it: Person) -> None:
    page = words(await it.get(PATH))
    (row,) = await world.database.fetch(
        "SELECT sum(sessions) AS sessions, round(avg(devices)) AS devices, max(devices) AS most,"
        " round(sum(online_minutes) / 60.0) AS hours, max(peak) AS peak FROM day_figure"
        " WHERE site_id = 'branch'"
    )
    sessions = f"{row['sessions']:,}".replace(",", " ")
    told = f"{sessions} {row['devices']} {row['most']} {row['hours']} {row['peak']} 380 –"
    assert f"Filialen i Norra Exempelby {told}" in page
    assert "Månadsrapport, november 2026" in page
    assert "Räknat på 25 dagar. Månaden är inte slut än." in page
    assert "Alla bibliotek 3 250" in page
    assert "Exempelby stadsbibliotek Fel kortnummer eller pinkod 211" in page


async def test_few_are_not_told_and_cannot_be_computed(it: Person) -> None:
    page = words(await it.get(PATH))
    for library in ("Exempelby stadsbibliotek", "Filialen i Norra Exempelby"):
        assert f"{library} Kortet kan inte användas <5*" in page.replace("&lt;", "<")


async def test_an_account_sees_its_own_libraries_and_no_total(world: StaffWorld) -> None:
    await a_month(world)
    manager = await world.enrol("kim", Role.SITE_MANAGER, sites=(CITY,))
    page = words(await manager.get(PATH))
    assert "Exempelby stadsbibliotek" in page
    assert "Filialen" not in page.replace("Filialen i Norra Exempelby </option>", "")
    assert "Alla bibliotek" not in page
    assert (await (await world.enrol("sam", Role.DESK)).get(PATH)).status == 403


async def test_a_spreadsheet_gets_the_same_and_what_it_means(it: Person) -> None:
    answer = await it.get("/overview/month/table?month=2026-11")
    assert 'filename="kvar-2026-11.csv"' in answer.headers["Content-Disposition"]
    lines = answer.body.lstrip("\ufeff").splitlines()
    told = "Filialen i Norra Exempelby;1000;21;21;875;16;380;–;–"
    assert f"{told};36;9;0;0;22;1;1;0;0;–;–;31;<5*;–" in lines
    head = next(line for line in lines if line.startswith("Bibliotek;"))
    assert head.endswith(
        "Gjorda koder;Handledda enheter;Grupper;Enheter i grupper;"
        "Timmar handledning;Avbrott;Fel från personal;Fel från besökare;Åtgärdade fel;"
        "Tid tills sedd;Tid tills åtgärdad;Svarade ja;Svarade nej;Andel ja"
    )
    assert any(line.startswith("Uppkopplingar;Påbörjade") for line in lines)
    assert "Definitionernas version;2" in lines


async def test_help_tutoring_faults_and_answers_are_told(world: StaffWorld, it: Person) -> None:
    for made, seen_h in ((1, 0.5), (2, 1.0), (3, 26.0)):
        await world.database.fetch(
            "INSERT INTO fault_report (at, site_id, kind, words, facts, by, seen_at) VALUES"
            " ($1::timestamptz, 'city', 'slow', '', '{}', 'kim', $1::timestamptz + $2::interval)",
            *(datetime(2026, 11, made, 9, tzinfo=UTC), timedelta(hours=seen_h)),
        )
    page = words(await it.get(PATH)).replace("&lt;", "<")
    assert "Exempelby stadsbibliotek 148 41 3 29 75 0" in page
    assert "Exempelby stadsbibliotek 4 17 4 1 tim 0 min –" in page
    assert "Alla bibliotek 184 50 3 29 98 1" in page
    assert "Filialen i Norra Exempelby 31 <5* –" in page, "few say no: neither that, nor the share"
    assert "Exempelby stadsbibliotek <5* <5* –" not in page
    assert "Inget sparas om vem som svarade." in page


async def test_the_pdf_is_one_document_with_the_same_words(it: Person) -> None:
    answer = await it.get("/overview/month/pdf?month=2026-11")
    assert answer.headers["Content-Type"] == "application/pdf"


async def test_the_words_of_the_pdf(world: StaffWorld, it: Person) -> None:
    page = await it.get(PATH)
    assert page.status == 200
    made = await world.site.slips.maker.typeset("<p>Exempelby 1 000 å</p><img src='http://x/'>")
    assert isinstance(made, bytes)
    assert "Exempelby 1 000 å" in await asyncio.to_thread(text_of, made)


async def test_without_the_extra_the_browser_prints_it(
    world: StaffWorld, it: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(_html: str) -> month.NoPdf:
        return month.NoPdf.NOT_INSTALLED

    monkeypatch.setattr(type(world.site.slips.maker), "typeset", staticmethod(none))
    answer = await it.get("/overview/month/pdf")
    assert answer.status == 503
    assert "Skriv ut sidan" in answer.body


async def test_an_empty_month_and_an_odd_address(it: Person) -> None:
    page = words(await it.get("/overview/month?month=1999-01"))
    assert "januari 1999" in page
    assert "Räknat på 0 dagar" in page
    assert "november 2026" in words(await it.get("/overview/month?month=x"))


async def test_a_pdf_may_take_longer_than_a_page(
    world: StaffWorld, it: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many libraries, on a busy machine: not "the database is away"."""

    async def slowly(_html: str) -> bytes:
        await asyncio.sleep(1.5)
        return b"%PDF-1.7"

    monkeypatch.setattr(type(world.site.slips.maker), "typeset", staticmethod(slowly))
    object.__setattr__(world.site.settings, "answer_timeout_s", 1.0)
    answer = await it.get("/overview/month/pdf?month=2026-11")
    assert (answer.status, answer.body) == (200, "%PDF-1.7")
