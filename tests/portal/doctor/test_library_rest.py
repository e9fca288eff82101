"""The doctor's three questions to a library system over HTTP."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from pydantic import SecretStr

from portal.config_library import LibraryRest
from portal.doctor.finding import Level
from portal.doctor.library_rest import library_rest
from tests.peers.koha import CARD, CLIENT, PIN, SECRET, Koha
from tests.portal.library.test_rest_client import serving


def section(url: str, secret: str = SECRET) -> LibraryRest:
    return LibraryRest(kind="koha", url=url, user=CLIENT, password=SecretStr(secret))


async def levels(url: str, secret: str = SECRET, card: str = CARD) -> list[Level]:
    return [found.level for found in await library_rest(section(url, secret), card, PIN)]


async def test_one_that_checks_pins_is_right() -> None:
    async with serving(Koha().application()) as url:
        assert set(await levels(url)) == {Level.RIGHT}
        assert await levels(url, card="") == [Level.WARNING], "nobody was asked about"


async def _lets_all_in(_: web.Request) -> web.StreamResponse:
    return web.json_response({"cardnumber": CARD, "userid": "9" * 14, "patron_id": 1}, status=201)


@pytest.mark.parametrize("instead", [_lets_all_in, None])
async def test_one_that_lets_a_wrong_pin_through_or_refuses_kvar_is_a_failure(
    instead: Callable[[web.Request], Awaitable[web.StreamResponse]] | None,
) -> None:
    async with serving(Koha(instead=instead).application()) as url:
        found = await library_rest(section(url, SECRET if instead else "wrong"), CARD, PIN)
        assert found[-1].level is Level.FAILURE
        assert found[-1].way_out


async def test_one_that_is_away_is_a_failure() -> None:
    async with serving(Koha().application()) as url:
        pass
    assert Level.FAILURE in await levels(url)
