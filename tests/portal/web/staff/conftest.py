"""The staff site on a real PostgreSQL, with a clock of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.storage.database import Database
from tests.portal.web.staff.staff_under_test import StaffWorld, running_staff_site


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[StaffWorld]:
    async with running_staff_site(database, tmp_path / "keys") as running:
        yield running
