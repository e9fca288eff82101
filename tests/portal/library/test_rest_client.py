"""Library systems over HTTP, on real connections: verified, bounded, never redirected."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from firewall.lab.authority import Authority
from portal.clock import utc_now
from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked
from portal.library.guarded_library import GuardedLibrary
from portal.library.probe import Finding, probe
from portal.library.rest.client import LONGEST_ANSWER_BYTES, RestLibrary
from portal.library.rest.koha import Koha as KohaDialect
from portal.library.rest.koha import KohaPolicy
from portal.library.rest.settings import RestSettings
from portal.library.sip2.wire import PatronMessage
from tests.peers.koha import CARD, CLIENT, PIN, SECRET, Koha

card, pin = Secret(CARD), Secret(PIN)
NO_ANSWER = Verification.UNAVAILABLE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"), utc_now())


@asynccontextmanager
async def serving(
    application: web.Application, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = runner.addresses[0][1]
        yield f"{'https' if tls else 'http'}://localhost:{port}"
    finally:
        await runner.cleanup()


def library(url: str, secret: str = SECRET, **settings: Any) -> RestLibrary:
    policy = KohaPolicy(expired=True)
    dialect = KohaDialect(CLIENT, Secret(secret), policy, lambda: date(2026, 11, 27))
    return RestLibrary(RestSettings(url, **settings), dialect)


async def test_the_three_questions_of_the_probe() -> None:
    async with serving(Koha().application()) as url:
        asked = library(url)
        found = await probe(lambda _: asked, card, pin, (PatronMessage.STATUS,))
        assert found.finding is Finding.WORKS


async def test_a_refused_key_and_an_address_that_is_none() -> None:
    async with serving(Koha().application()) as url:
        assert (
            await library(url, "wrong").check(card, pin)
        ).outcome is Verification.REFUSED_BY_SERVER
        assert (await library(url + "/elsewhere").check(card, pin)).outcome is NO_ANSWER
    assert await library(url).check(card, pin) == Checked(
        NO_ANSWER, "no_connection", neighbour_failed=True
    )


async def test_the_certificate_is_verified(authority: Authority) -> None:
    leaf = authority.issue(["localhost"], utc_now())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(leaf.chain, leaf.key)
    peer = Koha()
    async with serving(peer.application(), tls) as url:
        trusting = library(url, ca_file=authority.certificate_file)
        assert await trusting.verify(card, pin) is Verification.OK
        before = len(peer.asked)
        assert await library(url).check(card, pin) == Checked(
            NO_ANSWER, "certificate_refused", neighbour_failed=True
        )
        other_name = library(
            url.replace("localhost", "127.0.0.1"), ca_file=authority.certificate_file
        )
        assert (await other_name.check(card, pin)).reason == "certificate_refused"
        assert len(peer.asked) == before


async def test_a_redirect_is_not_followed() -> None:
    lured: list[str] = []

    async def lure(request: web.Request) -> web.StreamResponse:
        lured.append(await request.text())
        return web.json_response({"cardnumber": CARD, "patron_id": 51}, status=201)

    trap = web.Application()
    trap.router.add_route("*", "/{any:.*}", lure)
    async with serving(trap) as there:

        async def lead_away(_: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(f"{there}/latest/meta-data")

        async with serving(Koha(instead=lead_away).application()) as url:
            assert (await library(url).check(card, pin)).outcome is NO_ANSWER
    assert lured == []


async def _too_long(_: web.Request) -> web.StreamResponse:
    return web.Response(status=201, body=b"x" * (LONGEST_ANSWER_BYTES + 1))


async def _packed(_: web.Request) -> web.StreamResponse:
    return web.Response(status=201, body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})


async def _cut_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _silent(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@pytest.mark.parametrize("instead", [_too_long, _packed, _cut_off, _silent])
async def test_what_is_no_answer_lets_nobody_in_and_is_asked_once(
    instead: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> None:
    peer = Koha(instead=instead)
    async with serving(peer.application()) as url:
        patience_s = 2.0 if instead is _silent else 60.0  # what comes before it has to be answered
        checked = await library(url, answer_timeout_s=patience_s).check(card, pin)
        assert (checked.outcome, checked.neighbour_failed) == (NO_ANSWER, True)
        assert peer.asked.count("/api/v1/auth/password/validation") == 1


async def test_one_that_is_away_opens_the_breaker_and_one_that_returns_closes_it() -> None:
    peer = Koha()
    runner_port: list[str] = []
    async with serving(peer.application()) as url:
        runner_port.append(url)
        guarded = GuardedLibrary(library(url))
        assert await guarded.verify(card, pin) is Verification.OK
    for _ in range(3):
        assert await guarded.verify(card, pin) is NO_ANSWER
    assert guarded.is_open


async def test_more_than_may_ask_at_once_wait_their_turn() -> None:
    released = asyncio.Event()
    inside: list[int] = []

    async def slow(_: web.Request) -> web.StreamResponse:
        inside.append(1)
        await released.wait()
        return web.json_response({"error": "Validation failed"}, status=400)

    async with serving(Koha(instead=slow).application()) as url:
        narrow = library(url, maximum_connections=2, maximum_waiting=1)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(narrow.check(card, pin)) for _ in range(3)]
            while len(inside) < 2:
                await asyncio.sleep(0.01)
            assert (await narrow.check(card, pin)).reason == "queue_full"
            assert len(inside) == 2
            released.set()
        assert [(await task).outcome for task in asked] == [Verification.BAD_CREDENTIALS] * 3


@pytest.mark.parametrize(
    "url",
    [
        "ftp://koha",
        "https://",
        "koha.example",
        "https://a:b@koha",
        "https://koha/?x=1",
        "https://k/#x",
    ],
)
def test_an_address_that_cannot_be_asked_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        RestSettings(url)


def test_a_missing_authority_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        library("https://koha", ca_file=tmp_path / "none.pem")
