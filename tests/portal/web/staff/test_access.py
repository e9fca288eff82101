"""T32: every role at every page and every site; whoever may not gets 403 and leaves one event."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from portal.domain.identity import SiteId
from portal.domain.staff_account import Role
from portal.domain.staff_session import Stage
from portal.services.staff.administration import Administration, Grants
from portal.storage.database import Database
from portal.web.staff import answers
from portal.web.staff.access import Anyone, InStage, SignedIn, Staff
from portal.web.staff.navigation import ENTRIES
from portal.web.staff.routes import ROUTES, Route, Table
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from tests.portal.web.staff.staff_under_test import (
    BRANCH,
    CITY,
    PASSWORD,
    SITES,
    Person,
    StaffWorld,
    running_staff_site,
)

STREAMS = {"/desk/live", "/log/live", "/overview/live"}
FOR_STAFF = [route for route in ROUTES if isinstance(route.access, Staff)]


async def ask(person: Person, route: Route) -> int:
    if route.path in STREAMS:
        return (await person.head(route.path)).status  # they have no end
    if route.method == "GET":
        return (await person.get(route.path)).status
    return (await person.send(route.path, {})).status


def cells(account_site: SiteId) -> Iterator[tuple[Route, SiteId, bool, frozenset[Role]]]:
    for route in FOR_STAFF:
        assert isinstance(route.access, Staff)
        for site_id in SITES:
            there = site_id == account_site or not route.access.at_site
            yield route, site_id, there, route.access.roles


@pytest.mark.parametrize("role", list(Role))
async def test_every_page_at_every_site(world: StaffWorld, role: Role) -> None:
    person = await world.enrol("kim", role, sites=(CITY,))
    refused = 0
    for route, site_id, there, roles in cells(CITY):
        await world.database.fetch("UPDATE staff_session SET site_id = $1", site_id)
        may = there and role in roles
        status = await ask(person, route)
        refused += not may
        events = await world.events("staff_page_refused")
        where = f"{role} {route.method} {route.path} at {site_id}"
        assert len(events) == refused, where
        if may:
            # a form without its token is refused too, but that is nobody's wrong role
            assert status in ({403} if route.method == "POST" else {200, 303}), where
        else:
            assert status == 403, where
            assert f'"page": "{route.path}"' in str(events[-1]["detail"])
            assert events[-1]["site_id"] == site_id


async def test_the_matrix_has_refusals_of_both_kinds() -> None:
    """It would show nothing if every page were for everybody, or for no site."""
    found = list(cells(CITY))
    assert any(not there for _, _, there, _ in found)
    assert any(set(Role) - roles for _, _, _, roles in found)


async def test_without_a_visit_there_is_nothing(world: StaffWorld) -> None:
    for route in ROUTES:
        status = await ask(Person(world), route)
        if isinstance(route.access, Anyone):
            # 303: a browser that is no screen; 403: a form without a token
            assert status in ({200, 303} if route.method == "GET" else {403}), route
        else:
            assert status == 401, route


@pytest.mark.parametrize("stage", [Stage.CODE, Stage.ENROLLING])
async def test_half_way_in_there_is_only_the_way(world: StaffWorld, stage: Stage) -> None:
    kim = await world.enrol("kim")
    await world.database.fetch("UPDATE staff_session SET stage = $1", stage.value)
    for route in ROUTES:
        match route.access:
            case Anyone() | SignedIn():
                continue
            case InStage(of):
                expected = {200, 403} if of is stage else {303}
            case Staff():
                expected = {401}
        assert await ask(kim, route) in expected, route


async def test_locked_there_is_only_the_lock(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    world.time.passes(minutes=15)
    for route in FOR_STAFF:
        # a form without its token is not even kept
        assert await ask(kim, route) == (403 if route.method == "POST" else 423), route


async def test_a_change_of_roles_holds_from_the_next_page_on(world: StaffWorld) -> None:
    kim = await world.enrol("kim", Role.DESK)
    assert (await kim.get("/desk")).status == 200
    administration = Administration(world.staff, "root")
    await administration.grant("kim", Grants((Role.AUDITOR,)), world.time())
    assert (await kim.get("/desk")).status == 403
    await administration.grant("kim", Grants((Role.DESK,), (BRANCH,)), world.time())
    assert (await kim.get("/desk")).status == 403  # still at the city library
    assert (await kim.post("/site", site=BRANCH)).status == 303
    assert (await kim.get("/desk")).status == 200


async def test_the_site_can_be_changed_among_ones_own(world: StaffWorld) -> None:
    kim = await world.enrol("kim", Role.DESK, sites=(CITY, BRANCH))
    page = await kim.get("/desk")
    assert f'value="{CITY}" selected' in page.body
    done = await kim.post("/site", page, site=BRANCH, to="/desk")
    assert (done.status, done.headers["Location"]) == (303, "/desk")
    assert f'value="{BRANCH}" selected' in (await kim.get("/desk")).body
    for elsewhere in ("bus", "nowhere", ""):
        assert (await kim.post("/site", site=elsewhere)).status == 403
    assert len(await world.events("staff_page_refused")) == 3


async def test_a_form_drawn_at_one_site_does_nothing_at_another(world: StaffWorld) -> None:
    kim = await world.enrol("kim", Role.DESK, sites=(CITY, BRANCH))
    drawn = await kim.get("/account")
    await kim.post("/site", site=BRANCH)
    answer = await kim.post("/account/recovery", drawn, password=PASSWORD)
    assert (answer.status, "hade varit öppen länge" in answer.body) == (403, True)


async def test_a_site_that_is_gone_from_the_configuration(world: StaffWorld) -> None:
    kim = await world.enrol("kim", Role.DESK, sites=None)
    await world.database.fetch("UPDATE staff_session SET site_id = 'closed-down'")
    assert (await kim.get("/desk")).status == 403
    assert (await kim.get("/account")).status == 200


def test_the_navigation_shows_what_may_be_opened() -> None:
    table = Table(ROUTES)
    for entry in ENTRIES:
        route = table.find("GET", entry.path)
        assert route is not None
        assert isinstance(route.access, Staff)
        assert route.access.roles == entry.roles


def test_no_address_stands_twice() -> None:
    with pytest.raises(ValueError, match="same method and path"):
        Table([*ROUTES, replace(ROUTES[0])])


def test_every_role_has_a_front_page() -> None:
    assert {role for entry in ENTRIES for role in entry.roles} == set(Role)


async def test_a_stream_ends_with_what_opened_it(database: Database, tmp_path: Path) -> None:
    seen: list[tuple[StaffSite, Visit]] = []

    async def watch(site: StaffSite, visit: Visit) -> web.StreamResponse:
        seen.append((site, visit))
        return answers.plain("live")

    live = Route("GET", "/watch", watch, Staff(frozenset({Role.DESK}), at_site=True), live=True)
    keys = tmp_path / "keys"
    async with running_staff_site(database, keys, table=Table([*ROUTES, live])) as world:
        kim = await world.enrol("kim", Role.DESK, sites=(CITY, BRANCH))
        assert (await kim.get("/watch")).body == "live"
        [(site, visit)] = seen
        administration = Administration(world.staff, "root")
        assert await site.still_open(visit)
        await kim.post("/site", site=BRANCH)
        assert not await site.still_open(visit)
        await kim.post("/site", site=CITY)
        assert await site.still_open(visit)
        await administration.grant("kim", Grants((Role.AUDITOR,)), world.time())
        assert not await site.still_open(visit)
        await administration.grant("kim", Grants((Role.DESK,), (CITY, BRANCH)), world.time())
        world.time.passes(minutes=15)
        assert not await site.still_open(visit)
        world.time.passes(minutes=-15)
        await kim.post("/sign-out")
        assert not await site.still_open(visit)
