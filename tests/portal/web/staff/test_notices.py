"""Messages: who may write for which library, what every page shows, and who did it."""

import re
from collections.abc import Mapping

import pytest

from portal.domain.staff_account import Role
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import BRANCH, CITY, Person, StaffWorld

GOOD: Mapping[str, str] = {
    "site": "city",
    "sv": "Wifi är  avstängt\nkl. 11–12.",
    "en": "Wi-Fi is off 11–12. <b>",
    "from": "2026-11-26T10:00",
    "until": "2026-11-26T12:00",
}


def words(answer: Answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.body))


async def say(person: Person, **changes: str) -> str:
    page = await person.get("/notices")
    answer = await person.post("/notices", page, **{**GOOD, **changes})
    return answer.headers.get("Location", "") or words(answer)


@pytest.fixture
async def manager(world: StaffWorld) -> Person:
    return await world.enrol("kim", Role.DESK, Role.SITE_MANAGER, sites=(CITY,))


async def test_a_message_is_on_every_page_of_its_library_until_it_ends(
    world: StaffWorld, manager: Person
) -> None:
    branch = await world.enrol("robin", Role.DESK, sites=(BRANCH,))
    desk = await world.enrol("sam", Role.DESK, sites=(CITY,))
    assert await say(manager) == "/notices?done=posted"
    for person, sees in ((manager, True), (desk, True), (branch, False)):
        assert ("Wifi är avstängt kl. 11–12." in words(await person.get("/desk"))) is sees
    assert await world.events("notice_posted") == [{"site_id": "city", "detail": '{"by": "kim"}'}]
    world.time.passes(hours=2)
    assert "avstängt" not in words(await desk.get("/desk")), "it ends by itself"


async def test_it_is_ended_before_its_time(world: StaffWorld, manager: Person) -> None:
    await say(manager)
    page = await manager.get("/notices")
    notice = page.body.partition('name="notice" value="')[2].partition('"')[0]
    answer = await manager.post("/notices/end", page, notice=notice)
    assert answer.headers["Location"] == "/notices?done=ended"
    assert "avstängt" not in words(await manager.get("/desk"))
    assert len(await world.events("notice_ended")) == 1
    again = await manager.post("/notices/end", page, notice=notice)
    assert again.headers["Location"] == "/notices?done=gone"
    odd = await manager.post("/notices/end", page, notice="x")
    assert odd.headers["Location"] == "/notices?done=gone"


async def test_an_account_writes_and_ends_for_its_own_libraries_only(
    world: StaffWorld, manager: Person
) -> None:
    it = await world.enrol("ida", Role.IT, sites=None)
    assert await say(it, site="*", en="Everywhere") == "/notices?done=posted"
    assert await say(it, site="branch", sv="Filialen", en="Branch") == "/notices?done=posted"
    for where in ("*", "branch", "", "nowhere"):
        assert "Välj ett av dina bibliotek" in await say(manager, site=where)
    page = await manager.get("/notices")
    assert "Everywhere" not in page.body  # in Swedish
    assert "Wifi är avstängt" in words(page), "what is said everywhere is said here"
    assert "Filialen" not in words(page)
    assert "/notices/end" not in page.body
    rows = await world.database.fetch("SELECT id::text AS id FROM notice")
    page = await manager.get("/notices")
    for row in rows:
        answer = await manager.send(
            "/notices/end", {"notice": row["id"], "token": page.token("/notices")}
        )
        assert answer.status in {400, 403, 303}
    assert await world.events("notice_ended") == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sv": " \n"}, "på båda språken"),
        ({"en": "x" * 301}, "på båda språken"),
        ({"from": "igår"}, "när meddelandet ska börja"),
        ({"until": "2026-11-26T10:00"}, "sluta efter att det har börjat"),
        ({"from": "2026-11-25T09:00", "until": "2026-11-26T09:30"}, "inte ha slutat redan"),
        ({"until": "2027-11-26T12:00"}, "högst 60 dagar"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_written_stays(
    world: StaffWorld, manager: Person, changes: dict[str, str], told: str
) -> None:
    page = await manager.get("/notices")
    answer = await manager.post("/notices", page, **{**GOOD, **changes})
    assert answer.status == 400
    assert told in words(answer)
    assert 'value="2026-11-26T1' in answer.body or "until" in changes
    assert await world.events("notice_posted") == []


async def test_the_desk_reads_and_does_not_write(world: StaffWorld) -> None:
    desk = await world.enrol("sam", Role.DESK)
    assert (await desk.get("/notices")).status == 403
    assert "/notices" not in (await desk.get("/desk")).body


async def test_nobody_who_is_not_signed_in_is_told(world: StaffWorld) -> None:
    it = await world.enrol("ida", Role.IT, sites=None)
    await say(it, site="*")
    assert "avstängt" not in words(await Person(world).get("/sign-in"))
    assert "lade in ett meddelande" in words(await it.get("/audit/changes"))
