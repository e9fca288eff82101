"""The way in to the staff site."""

from tests.portal.web.staff.staff_under_test import StaffWorld


async def test_the_first_sign_in_and_the_next(world: StaffWorld) -> None:
    person = await world.enrol("kim")
    page = await person.get("/desk")
    assert (page.status, "Disken" in page.body) == (200, True)
    assert len(person.recovery) == 10

    other = person.again()
    done = await other.sign_in()
    assert (done.status, done.headers["Location"]) == (303, "/")
    assert (await other.get("/desk")).status == 200
