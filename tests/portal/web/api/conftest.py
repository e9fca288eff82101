"""The API on a real PostgreSQL, beside the staff site, with a clock of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.storage.database import Database
from tests.portal.web.api.api_under_test import ApiWorld
from tests.portal.web.staff.staff_under_test import running_staff_site


@pytest.fixture
async def api(database: Database, tmp_path: Path) -> AsyncIterator[ApiWorld]:
    async with running_staff_site(database, tmp_path / "keys") as world:
        yield ApiWorld(world)
