"""The lock: after a quarter of an hour, with the password, and nothing that was typed is lost."""

import re
from pathlib import Path

from aiohttp import web

from portal.domain.staff_account import EVERY_ROLE
from portal.services.staff.doors import token_hash
from portal.storage.database import Database
from portal.web.staff import answers, cookies
from portal.web.staff.access import Staff
from portal.web.staff.form_token import Ties, issue_token
from portal.web.staff.routes import ROUTES, Route, Table
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import PASSWORD, StaffWorld, running_staff_site

SCRIPT = ("Accept: text/plain",)


async def note(_: StaffSite, visit: Visit) -> web.Response:
    return answers.plain(f"noted {visit.fields['text']} for {visit.fields.get('password', '-')}")


TABLE = Table([*ROUTES, Route("POST", "/note", note, Staff(EVERY_ROLE, at_site=False))])


def hidden(page: Answer) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.body)
    return {name: text for name, text in found if name.startswith("kept.") or name == "text"}


async def test_it_locks_and_opens_again(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    world.time.passes(minutes=14)
    assert (await kim.get("/desk")).status == 200
    world.time.passes(minutes=15)
    page = await kim.get("/desk")
    assert (page.status, "Tryck för att fortsätta" in page.body) == (423, True)
    assert "Ingen väntar" not in page.body
    wrong = await kim.post("/unlock", page, password="fel lösenord", to="/desk")
    assert (wrong.status, (await kim.get("/desk")).status) == (403, 423)
    done = await kim.post("/unlock", page, password=PASSWORD, to="/desk")
    assert (done.status, done.headers["Location"]) == (303, "/desk")
    assert (await kim.get("/desk")).status == 200


async def test_a_form_that_came_too_late_is_sent_again(database: Database, tmp_path: Path) -> None:
    async with running_staff_site(database, tmp_path / "keys", table=TABLE) as world:
        kim = await world.enrol("kim")
        binding = token_hash(kim.cookies[cookies.SESSION])
        ties = Ties(binding, "/note", "city")
        mine = issue_token(world.staff.keys.form, ties, world.time())
        world.time.passes(minutes=20)
        typed = {"token": mine, "text": 'lånade ut <3 & "två"', "password": "hemligt ord"}
        page = await kim.send("/note", typed)
        assert page.status == 423
        assert hidden(page) == {"kept.text": "lånade ut &lt;3 &amp; &#34;två&#34;"}
        assert "hemligt ord" not in page.body
        again = await kim.post(
            "/unlock", page, password=PASSWORD, to="/note", kept__text=typed["text"]
        )
        assert (again.status, "Du är tillbaka" in again.body) == (200, True)
        done = await kim.post("/note", again, text=typed["text"])
        assert done.body == 'noted lånade ut <3 & "två" for -'


async def test_a_forged_form_is_not_even_kept(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    world.time.passes(minutes=20)
    page = await kim.send("/site", {"token": "forged", "site": "branch"})
    assert (page.status, hidden(page)) == (403, {})


async def test_its_owner_locks_it(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    done = await kim.post("/lock", to="/account")
    assert done.headers["Location"] == "/account"
    assert (await kim.get("/account")).status == 423
    page = await kim.get("/desk")
    assert (await kim.post("/sign-out", page)).headers["Location"] == "/sign-in"


async def test_the_script_is_told_in_words(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    kim.more = SCRIPT
    assert (await kim.get("/stay")).body == "900"
    world.time.passes(minutes=5)
    assert (await kim.get("/stay")).body == "600"
    page = await kim.get("/account")  # somebody is there
    assert (await kim.get("/stay")).body == "900"
    world.time.passes(seconds=10)
    assert (await kim.post("/stay", page)).status == 204
    assert (await kim.get("/stay")).body == "900"
    world.time.passes(minutes=15)
    assert (await kim.get("/stay")).status == 423
    assert (await kim.post("/stay", page)).status == 423
    wrong = await kim.post("/unlock", page, password="fel")
    assert (wrong.status, wrong.headers["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert (await kim.post("/unlock", page, password=PASSWORD)).status == 204
    assert (await kim.get("/stay")).body == "900"


async def test_what_a_page_asks_by_itself_is_no_sign_of_anybody(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    for _ in range(14):
        world.time.passes(minutes=1)
        assert (await kim.get("/stay")).status == 200
    world.time.passes(minutes=1)
    assert (await kim.get("/stay")).status == 423


async def test_guesses_at_the_lock_are_delayed(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    await kim.post("/lock")
    page = await kim.get("/desk")
    statuses = [(await kim.post("/unlock", page, password=f"fel {n}")).status for n in range(8)]
    assert statuses == [403] * 5 + [429] * 3
    world.time.passes(seconds=15)
    assert (await kim.post("/unlock", page, password=PASSWORD)).status == 303
