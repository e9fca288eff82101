"""The way in to the staff site."""

import pytest

from portal.services.staff.administration import Administration
from portal.web.staff import cookies
from tests.portal.web.portal_under_test import Answer
from tests.portal.web.staff.staff_under_test import PASSWORD, Person, StaffWorld


async def test_the_first_sign_in_and_the_next(world: StaffWorld) -> None:
    person = await world.enrol("kim")
    page = await person.get("/desk")
    assert (page.status, "Disken" in page.body) == (200, True)
    assert len(person.recovery) == 10

    other = person.again()
    done = await other.sign_in()
    assert (done.status, done.headers["Location"]) == (303, "/")
    assert (await other.get("/desk")).status == 200


async def test_wrong_names_and_passwords_and_good_ones_that_do_not_count_look_the_same(
    world: StaffWorld,
) -> None:
    kim, gone = await world.enrol("kim"), await world.enrol("gone")
    await Administration(world.staff, "root").disable("gone", world.time())
    await world.make("new")
    people = {
        "wrong password": (kim.again(), "fel lösenord här"),
        "no such name": (Person(world, "nobody"), PASSWORD),
        "no name at all": (Person(world, "\x00' OR 1=1 --"), PASSWORD),
        "disabled": (gone.again(), PASSWORD),
        "not enrolled": (Person(world, "new"), ""),
        "empty": (Person(world, ""), ""),
    }
    answers = {what: await who.give_password(given) for what, (who, given) in people.items()}
    assert {answer.status for answer in answers.values()} == {403}
    shown = {what: _without(answer, people[what][0].name) for what, answer in answers.items()}
    assert len(set(shown.values())) == 1, shown
    assert "Användarnamnet eller lösenordet stämmer inte" in answers["disabled"].body


def _without(answer: Answer, name: str) -> str:
    """Take out what must differ: the name that is given back, and the form tokens."""
    body = answer.body.replace(' value=""', "")
    for text in (name, "&#39; OR 1=1 --", "\ufffd"):
        body = body.replace(f' value="{text}"', "")
    lines = [line for line in body.splitlines() if 'name="token"' not in line]
    return "\n".join(line for line in lines if 'id="name"' not in line)


async def test_a_disabled_account_is_out_at_once(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    await Administration(world.staff, "root").disable("kim", world.time())
    assert (await kim.get("/desk")).status == 401
    await Administration(world.staff, "root").enable("kim", world.time())
    assert (await kim.get("/desk")).status == 401
    await kim.sign_in()
    assert (await kim.get("/desk")).status == 200


async def test_every_step_of_the_way_in_has_a_new_token(world: StaffWorld) -> None:
    """T21: whatever somebody put into the browser before, is worth nothing afterwards."""
    kim = (await world.enrol("kim")).again()
    kim.cookies = {cookies.SESSION: "chosen-by-another", cookies.BROWSER: "chosen-too"}
    seen = [kim.cookies[cookies.SESSION]]
    await kim.give_password()
    seen.append(kim.cookies[cookies.SESSION])
    world.time.passes(seconds=31)
    await kim.post("/code", await kim.get("/code"), code=kim.code())
    seen.append(kim.cookies[cookies.SESSION])
    assert len(set(seen)) == 3
    for old in seen[:2]:
        stranger = Person(world, cookies={cookies.SESSION: old})
        assert (await stranger.get("/desk")).status == 401
        assert (await stranger.get("/code")).status == 401


async def test_a_password_alone_opens_nothing(world: StaffWorld) -> None:
    half = (await world.enrol("kim")).again()
    done = await half.give_password()
    assert done.headers["Location"] == "/code?to=%2F"
    for path in ("/", "/desk", "/account", "/first/app"):
        answer = await half.get(path)
        assert (answer.status, answer.headers.get("Location")) in {(401, None), (303, "/code")}
    world.time.passes(minutes=10)
    assert (await half.get("/code")).status == 401


async def test_a_code_works_once(world: StaffWorld) -> None:
    """T30."""
    kim = await world.enrol("kim")
    world.time.passes(seconds=31)
    first, second = kim.again(), kim.again()
    for person in (first, second):
        await person.give_password()
    pages = [await person.get("/code") for person in (first, second)]
    done = await first.post("/code", pages[0], code=kim.code())
    again = await second.post("/code", pages[1], code=kim.code())
    assert (done.status, again.status) == (303, 403)
    assert "redan använd" in again.body
    earlier = await second.post("/code", pages[1], code=kim.code(-1))
    assert earlier.status == 403


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "000000", "1" * 400, "１２３", "²²²²²²"])
async def test_what_is_no_code_is_wrong(world: StaffWorld, typed: str) -> None:
    half = (await world.enrol("kim")).again()
    await half.give_password()
    answer = await half.post("/code", await half.get("/code"), code=typed)
    assert answer.status == 403


async def test_codes_may_be_typed_with_spaces_and_in_other_digits(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    for change in (lambda c: f" {c[:3]} {c[3:]} ", lambda c: c.translate(ARABIC)):
        world.time.passes(seconds=61)
        half = kim.again()
        await half.give_password()
        answer = await half.post("/code", await half.get("/code"), code=change(kim.code()))
        assert answer.status == 303


ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


async def test_a_recovery_code_works_once(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    code = kim.recovery[3].lower().replace("-", " ")
    for expected in (303, 403):
        half = kim.again()
        await half.give_password()
        answer = await half.post("/recovery", await half.get("/recovery"), code=code)
        assert answer.status == expected
    assert "9 reservkoder kvar" in (await kim.get("/account")).body


async def test_a_link_works_once_and_for_half_an_hour(world: StaffWorld) -> None:
    code = await world.make("kim")
    page = await Person(world).get("/first")
    assert page.status == 200
    for expected in (303, 403):
        somebody = Person(world)
        answer = await somebody.post("/first", await somebody.get("/first"), code=code)
        assert answer.status == expected
    late = await world.make("sam")
    world.time.passes(minutes=30)
    somebody = Person(world)
    answer = await somebody.post("/first", await somebody.get("/first"), code=late)
    assert answer.status == 403


async def test_no_step_of_the_first_sign_in_can_be_left_out(world: StaffWorld) -> None:
    kim = Person(world, "kim")
    await kim.post("/first", await kim.get("/first"), code=await world.make("kim"))
    for path in ("/desk", "/account"):
        assert (await kim.get(path)).status == 401
    skipped = await kim.get("/first/app")
    assert (skipped.status, skipped.headers["Location"]) == (303, "/first/password")
    page = await kim.get("/first/password")
    for given in (("kort", "kort"), (PASSWORD, "annat lösenord"), ("kim" * 6, "kim" * 6)):
        answer = await kim.post("/first/password", page, password=given[0], again=given[1])
        assert answer.status == 400
    await kim.post("/first/password", page, password=PASSWORD, again=PASSWORD)
    page = await kim.get("/first/app")
    assert kim.read_secret(page) == kim.read_secret(await kim.get("/first/app"))
    answer = await kim.post("/first/app", page, code="000000")
    assert answer.status == 403
    assert (await kim.get("/desk")).status == 401


async def test_after_signing_in_one_is_where_one_wanted_to_be(world: StaffWorld) -> None:
    kim = (await world.enrol("kim")).again()
    page = await kim.get("/account")
    assert page.status == 401
    assert 'name="to" value="/account"' in page.body
    done = await kim.post("/sign-in", page, name="kim", password=PASSWORD, to="/account")
    world.time.passes(seconds=31)
    page = await kim.get(done.headers["Location"])
    assert 'name="to" value="/account"' in page.body
    done = await kim.post("/code", page, code=kim.code(), to="/account")
    assert done.headers["Location"] == "/account"


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil", "/a\r\nX: y",
     "javascript:alert(1)", "/..//evil", "/%2fevil", "[::1]", ""],
)  # fmt: skip
async def test_nobody_is_led_elsewhere(world: StaffWorld, to: str) -> None:
    kim = (await world.enrol("kim")).again()
    await kim.give_password()
    world.time.passes(seconds=31)
    done = await kim.post("/code", await kim.get("/code"), code=kim.code(), to=to)
    assert (done.status, done.headers["Location"]) == (303, "/")


async def test_signing_out_ends_the_visit(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    copy = Person(world, cookies=dict(kim.cookies))
    assert (await kim.get("/sign-out")).status == 404
    done = await kim.post("/sign-out")
    assert (done.status, done.headers["Location"]) == (303, "/sign-in")
    assert cookies.SESSION not in kim.cookies
    assert (await copy.get("/desk")).status == 401
    assert len(await world.events("staff_signed_out")) == 1


async def test_a_visit_ends_however_much_it_is_used(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    for _ in range(12 * 6 - 1):
        world.time.passes(minutes=10)
        assert (await kim.get("/account")).status == 200
    world.time.passes(minutes=10)
    assert (await kim.get("/account")).status == 401
