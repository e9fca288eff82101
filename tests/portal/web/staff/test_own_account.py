"""One's own account: password, recovery codes, where one is signed in."""

import re

from tests.portal.web.staff.staff_under_test import PASSWORD, StaffWorld

NEW = "fyra gröna fåglar sover"


async def test_a_new_password_ends_the_other_visits(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    other = kim.again()
    await other.sign_in()
    page = await kim.get("/account")
    done = await kim.post("/account/password", page, old=PASSWORD, password=NEW, again=NEW)
    assert (done.status, "Lösenordet är bytt" in done.body) == (200, True)
    assert [(await who.get("/desk")).status for who in (kim, other)] == [200, 401]
    assert (await kim.again().give_password(PASSWORD)).status == 403
    assert (await kim.again().give_password(NEW)).status == 303


async def test_what_is_wrong_with_a_change_is_said_at_its_field(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    page = await kim.get("/account")
    for fields, field, status in (
        ({"old": "fel", "password": NEW, "again": NEW}, "old", 403),
        ({"old": PASSWORD, "password": NEW, "again": "annat"}, "again", 400),
        ({"old": PASSWORD, "password": "kort", "again": "kort"}, "password", 400),
    ):
        answer = await kim.post("/account/password", page, **fields)
        assert answer.status == status
        assert f'href="#{field}"' in answer.body
        assert f'id="{field}-wrong"' in answer.body
        assert "<title>Fel:" in answer.body
    assert (await kim.again().give_password(PASSWORD)).status == 303


async def test_new_recovery_codes_take_the_password_and_end_the_old(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    page = await kim.get("/account")
    assert (await kim.post("/account/recovery", page, password="fel")).status == 403
    answer = await kim.post("/account/recovery", page, password=PASSWORD)
    fresh = re.findall(r"<li><bdi dir=\"ltr\">([A-Z2-7-]+)</bdi>", answer.body)
    assert len(fresh) == 10
    assert not set(fresh) & set(kim.recovery)
    for code, status in ((kim.recovery[0], 403), (fresh[0], 303)):
        half = kim.again()
        await half.give_password()
        done = await half.post("/recovery", await half.get("/recovery"), code=code)
        assert done.status == status


async def test_one_sees_and_ends_ones_own_visits_only(world: StaffWorld) -> None:
    kim, sam = await world.enrol("kim"), await world.enrol("sam")
    windows = kim.again()
    windows.more = ("User-Agent: Mozilla/5.0 (Windows NT 10.0) <script>",)
    await windows.sign_in()
    page = await kim.get("/account")
    assert ("<b>Windows</b>" in page.body, "<script>" in page.body) == (True, False)
    [visit] = re.findall(r'name="visit" value="([0-9a-f-]{36})"', page.body)
    for who, gone in ((sam, False), (kim, True)):
        token = page.token("/account/end") if who is kim else ""
        await who.send("/account/end", {"token": token, "visit": visit})
        assert ((await windows.get("/desk")).status == 401) is gone
    for nonsense in ("", "x", "0" * 36):
        answer = await kim.post("/account/end", page, visit=nonsense)
        assert answer.headers["Location"] == "/account"


async def test_nobody_ends_anothers_visit_with_a_form_of_their_own(world: StaffWorld) -> None:
    kim, sam = await world.enrol("kim"), await world.enrol("sam")
    await kim.again().sign_in()
    await sam.again().sign_in()
    page = await kim.get("/account")
    [visit] = re.findall(r'name="visit" value="([0-9a-f-]{36})"', page.body)
    mine = await sam.get("/account")
    await sam.post("/account/end", mine, visit=visit)
    assert visit in (await kim.get("/account")).body


async def test_all_others_can_be_ended_at_once(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    others = [kim.again(), kim.again()]
    for other in others:
        await other.sign_in()
    await kim.post("/account/end-others")
    assert [(await who.get("/desk")).status for who in (kim, *others)] == [200, 401, 401]
