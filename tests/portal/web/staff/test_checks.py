"""The checks page: what the doctor finds, the worst first, for IT alone."""

from portal.domain.staff_account import Role
from tests.portal.web.staff.staff_under_test import StaffWorld
from tests.portal.web.staff.test_overview import words


async def test_what_is_wrong_comes_first_with_its_command(world: StaffWorld) -> None:
    person = await world.enrol("eva", Role.IT, sites=None)
    page = await person.get("/overview/checks")
    told = words(page)
    assert page.status == 200
    assert "Återstår 2 steg." in told
    places = [told.index(word) for word in ("guest1 is not there", "10 days", "schema version 22")]
    assert places == sorted(places)
    assert "<code>ip link set guest1 up</code>" in page.body
    assert "sudo kvar doctor" in told
    assert 'href="/overview/checks"' in (await person.get("/overview")).body


async def test_it_is_not_for_those_who_only_look_on(world: StaffWorld) -> None:
    person = await world.enrol("mia", Role.SITE_MANAGER, sites=None)
    assert (await person.get("/overview/checks")).status == 403
    assert "/overview/checks" not in (await person.get("/overview")).body
