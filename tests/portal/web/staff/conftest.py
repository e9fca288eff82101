"""The staff site on a real PostgreSQL, with a clock of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.domain.staff_account import Role
from portal.storage.database import Database
from tests.portal.web.staff.console_stage import History, make_history
from tests.portal.web.staff.staff_under_test import Person, StaffWorld, running_staff_site


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[StaffWorld]:
    async with running_staff_site(database, tmp_path / "keys") as running:
        yield running


@pytest.fixture
async def history(world: StaffWorld) -> History:
    return await make_history(world)


@pytest.fixture
async def ida(world: StaffWorld, history: History) -> Person:
    assert history.over.is_live  # as it was when it began
    return await world.enrol("ida", Role.IT, sites=None)
