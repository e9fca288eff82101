"""One browser for the pages that are printed from one; one pool of processes for the PDFs."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from portal.slips.pdf import PdfMaker
from tests.browser.stage import running_browser
from tests.portal.slips.paper import FOLDER


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def maker() -> Iterator[PdfMaker]:
    with PdfMaker(FOLDER, workers=2) as made:
        yield made
