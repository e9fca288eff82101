"""T34: what is typed, however hostile, becomes no line of a log and no markup of a page."""

import logging

import pytest
import structlog

from tests.portal.web.staff.staff_under_test import BRANCH, CITY, Person, StaffWorld

HOSTILE = (
    'kim\r\n{"event": "forged"}',
    "kim\x1b[2J\x1b[31mred",
    "kim\u202egnitirw",
    "kim\x00\x07",
    "<script>alert(1)</script>\"'",
    "{{ 98765*10001 }}{% raw %}",
    "'; DROP TABLE staff_account; --",
    "å" * 400,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_nothing_that_is_typed_reaches_a_log(
    world: StaffWorld, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    kim = await world.enrol("kim", sites=(CITY, BRANCH))
    before = len(await world.database.fetch("SELECT 1 FROM event"))
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logs:
        for path, field in (("/sign-in", "name"), ("/sign-in", "password"), ("/first", "code")):
            nobody = Person(world)
            page = await nobody.post(path, await nobody.get(path), **{field: text})
            assert page.status == 403
            assert "<script>alert" not in page.body
            assert str(98765 * 10001) not in page.body
        for path, fields in (("/site", {"site": text}), ("/language", {"language": text})):
            await kim.post(path, **fields, to=text)
        for path in ("/desk?x=" + "%0d%0a", "/%0d%0aforged"):
            await kim.get(path)
    assert text not in repr(logs) + caplog.text
    assert "forged" not in repr(logs) + caplog.text
    rows = await world.database.fetch("SELECT kind, detail::text AS detail FROM event ORDER BY id")
    assert len(rows) == before + 1  # one refusal: the site
    assert dict(rows[-1]) == {
        "kind": "staff_page_refused",
        "detail": '{"by": "kim", "page": "/site"}',
    }


async def test_a_line_of_a_megabyte_is_refused_unread(world: StaffWorld) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await Person(world).send("/sign-in", {"name": "x" * 2**20})
    assert (answer.status, logs) == (413, [])


async def test_a_refusal_leaves_one_line_with_the_account_and_the_page(world: StaffWorld) -> None:
    kim = await world.enrol("kim", sites=(CITY, BRANCH))
    with structlog.testing.capture_logs() as logs:
        await kim.post("/site", site="bus")
    assert logs == [
        {
            "event": "staff_page_refused",
            "site": "city",
            "by": "kim",
            "page": "/site",
            "log_level": "info",
        }
    ]
