"""Accounts: their end, the yearly look, and others' visits; nobody confirms or ends the own one."""

import re
from datetime import timedelta

from portal.domain.staff_account import Role
from portal.services.staff.administration import Administration
from tests.portal.web.staff.staff_under_test import (
    BRANCH,
    CITY,
    PASSWORD,
    Person,
    StaffWorld,
)


async def one(person: Person, name: str) -> str:
    return (await person.get(f"/accounts/one?name={name}")).body


async def act(person: Person, what: str, name: str, drawn: str = "kim", **fields: str) -> int:
    """Send a form that was drawn for one account, for another perhaps."""
    page = await person.get(f"/accounts/one?name={drawn}")
    return (await person.post(f"/accounts/{what}", page, name=name, **fields)).status


async def test_an_account_ends_with_a_warning_and_a_reason(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    it = Administration(world.staff, "root")
    end = world.time() + timedelta(days=15)
    await it.prolong("kim", end, world.time())
    assert "Ditt konto gäller till" not in (await kim.get("/desk")).body
    await it.prolong("kim", end - timedelta(days=2), world.time())
    assert "Ditt konto gäller till och med 9 december 2026" in (await kim.get("/desk")).body
    world.time.passes(days=13)
    assert (await kim.get("/desk")).status == 401
    told = await kim.again().give_password()
    assert (told.status, "den är slut. Be IT" in told.body) == (403, True)
    # who does not know the password learns nothing
    assert "den är slut" not in (await kim.again().give_password("fel")).body
    await it.prolong("kim", None, world.time())
    assert (await kim.again().give_password()).status == 303


async def test_a_disabled_account_is_told_nothing(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    it = Administration(world.staff, "root")
    await it.prolong("kim", world.time(), world.time())
    await it.disable("kim", world.time())
    assert "den är slut" not in (await kim.again().give_password()).body


async def test_the_yearly_list(world: StaffWorld) -> None:
    kim = await world.enrol("kim", Role.DESK, Role.SITE_MANAGER)
    ida = await world.enrol("ida", Role.IT, sites=None)
    page = (await ida.get("/accounts")).body
    assert "ansvarig för biblioteket" in page
    assert "Exempelby stadsbibliotek" in page
    assert "Ska gås igenom" not in page
    world.time.passes(days=366)
    await ida.sign_in()
    assert "2 konton har ingen gått igenom" in (await ida.get("/accounts")).body
    assert await act(ida, "confirm", "kim") == 303
    page = (await ida.get("/accounts")).body
    assert "1 konto har ingen gått igenom" in page
    assert "2027-11-27, ida" in page
    assert await act(ida, "confirm", "ida") == 403, "nobody confirms the own one"
    changed = [event["detail"] for event in await world.events("staff_account_changed")]
    assert '{"by": "ida", "what": "confirmed", "account": "kim"}' in map(str, changed)
    assert (await kim.get("/accounts")).status == 401


async def test_others_visits_are_seen_and_ended(world: StaffWorld) -> None:
    kim, ida = await world.enrol("kim"), await world.enrol("ida", Role.IT, sites=None)
    second, third = kim.again(), kim.again()
    await second.sign_in()
    await third.sign_in()
    visits = re.findall(r'name="visit" value="([0-9a-f-]{36})"', await one(ida, "kim"))
    assert len(visits) == 3
    assert await act(ida, "end-visit", "kim", visit=visits[0]) == 303  # the last used first
    assert [(await who.get("/desk")).status for who in (third, second, kim)] == [401, 200, 200]
    assert await act(ida, "end-visit", "kim", visit="x") == 303
    assert await act(ida, "end-visit", "kim") == 303
    assert [(await who.get("/desk")).status for who in (second, kim)] == [401, 401]
    assert "Ingenstans" in await one(ida, "kim")


async def test_an_account_is_prolonged_and_ended(world: StaffWorld) -> None:
    kim, ida = await world.enrol("kim"), await world.enrol("ida", Role.IT, sites=None)
    for wrong in ("2026-11-25", "snart", "9999-12-31"):
        page = await ida.get("/accounts/one?name=kim")
        answer = await ida.post("/accounts/until", page, name="kim", until=wrong)
        assert (answer.status, 'href="#until"' in answer.body) == (400, True), wrong
    assert await act(ida, "until", "kim", until="2026-11-30") == 303
    assert 'value="2026-11-30"' in await one(ida, "kim")
    assert await act(ida, "until", "kim", until="") == 303
    assert await act(ida, "end", "ida", password=PASSWORD) == 403, "nobody ends the own one"
    assert await act(ida, "end", "kim", password="fel") == 403
    assert (await kim.get("/desk")).status == 200
    assert await act(ida, "end", "kim", password=PASSWORD) == 303
    assert (await kim.get("/desk")).status == 401
    assert "avslutat" in (await ida.get("/accounts")).body


async def test_an_auditor_reads_and_an_account_of_one_library_sees_its_own(
    world: StaffWorld,
) -> None:
    await world.enrol("kim")
    await world.enrol("alex", sites=(BRANCH,))
    eva = await world.enrol("eva", Role.AUDITOR, sites=None)
    page = await eva.get("/accounts/one?name=kim")
    assert "/accounts/confirm" not in page.body
    assert (await eva.send("/accounts/confirm", {"name": "kim"})).status == 403
    local = await world.enrol("ida", Role.IT, sites=(CITY,))
    listed = (await local.get("/accounts")).body
    assert [name in listed for name in (">kim<", ">alex<", ">eva<")] == [True, False, False]
    for hidden in ("alex", "eva", "nobody", "<b>"):
        answer = await local.get(f"/accounts/one?name={hidden}")
        assert answer.headers["Location"] == "/accounts"
        assert await act(local, "confirm", hidden) == 403
