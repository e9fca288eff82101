import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library import guarded_library
from portal.library.check import Checked
from portal.library.circuit_breaker import RETRY_S, CircuitBreaker
from portal.library.guarded_library import GuardedLibrary
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2Settings, TlsMode, TlsSettings
from tests.peers.sip2_misbehaving import Behaviour, HangUp, Peer, Step, serving

CARD, PIN = Secret("20000000000001"), Secret("1234")


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Guarded:
    """A guarded library in front of the misbehaving server, with a clock to turn."""

    def __init__(self, port: int, failures_to_open: int = 3, **settings: Any) -> None:
        self.clock = FakeClock()
        tls = TlsSettings(TlsMode.OFF)
        defaults: dict[str, Any] = {"login_user": "portal", "login_password": Secret("s3cret")}
        self.backend = Sip2Library(
            Sip2Settings(host="127.0.0.1", port=port, tls=tls, **defaults | settings)
        )
        self.library = GuardedLibrary(self.backend, CircuitBreaker(failures_to_open), self.clock)

    async def verify(self, pin: Secret = PIN) -> Verification:
        return await self.library.verify(CARD, pin)

    def is_open(self) -> bool:
        return self.library.is_open


def broken(_request: bytes, _answer: bytes) -> list[Step]:
    return [HangUp()]


def events(logs: list[MutableMapping[str, Any]]) -> list[str]:
    return [entry["event"] for entry in logs if "circuit" in entry["event"]]


async def test_it_opens_answers_at_once_and_closes_by_a_trial_without_a_patron(
    logs: list[MutableMapping[str, Any]],
) -> None:
    behaviours: dict[bytes, Behaviour] = {b"99": broken}
    async with serving(Peer(behaviours)) as peer:
        guarded = Guarded(peer.port)
        for _ in range(3):
            assert await guarded.verify() is Verification.UNAVAILABLE
        assert guarded.is_open()
        peer.received.clear()
        assert await guarded.verify() is Verification.UNAVAILABLE
        assert peer.received == []

        guarded.clock.now += RETRY_S
        assert await guarded.verify() is Verification.UNAVAILABLE
        assert [frame[:2] for frame in peer.received] == [b"93", b"99"]

        behaviours.clear()
        assert await guarded.verify() is Verification.UNAVAILABLE
        guarded.clock.now += RETRY_S
        assert await guarded.verify() is Verification.OK
        assert not guarded.is_open()
    assert events(logs) == ["library_circuit_opened", "library_circuit_closed"]


async def test_wrong_pins_and_refusals_are_answers() -> None:
    async with serving(Peer()) as peer:
        guarded = Guarded(peer.port, failures_to_open=1)
        assert await guarded.verify(Secret("4321")) is Verification.BAD_CREDENTIALS
        assert not guarded.is_open()
        refused = Guarded(peer.port, failures_to_open=1, login_password=Secret("wrong"))
        assert await refused.verify() is Verification.REFUSED_BY_SERVER
        assert not refused.is_open()


async def test_our_own_overload_opens_nothing() -> None:
    async with serving(Peer()) as peer:
        guarded = Guarded(peer.port, 1, maximum_connections=1, maximum_waiting=0)
        async with guarded.backend._turns.place():
            assert await guarded.verify() is Verification.UNAVAILABLE
        assert not guarded.is_open()


async def test_a_trial_that_finds_no_place_is_made_again() -> None:
    behaviours: dict[bytes, Behaviour] = {b"93": broken}
    async with serving(Peer(behaviours)) as peer:
        guarded = Guarded(peer.port, 1, maximum_connections=1, maximum_waiting=0)
        await guarded.verify()
        behaviours.clear()
        guarded.clock.now += RETRY_S
        async with guarded.backend._turns.place():
            assert await guarded.verify() is Verification.UNAVAILABLE
        assert guarded.is_open()
        assert await guarded.verify() is Verification.OK


async def test_a_guest_who_leaves_during_the_trial_leaves_it_to_the_next() -> None:
    behaviours: dict[bytes, Behaviour] = {b"93": broken}
    async with serving(Peer(behaviours)) as peer:
        guarded = Guarded(peer.port, failures_to_open=1)
        await guarded.verify()
        guarded.clock.now += RETRY_S
        behaviours[b"93"] = lambda _request, _answer: []
        peer.received.clear()
        asked = asyncio.ensure_future(guarded.verify())
        async with asyncio.timeout(60):
            while not peer.received:
                await asyncio.sleep(0.005)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        behaviours.clear()
        assert await guarded.verify() is Verification.OK


async def test_watching_closes_it_without_a_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_library, "LOOK_INTERVAL_S", 0.01)
    behaviours: dict[bytes, Behaviour] = {b"93": broken}
    async with serving(Peer(behaviours)) as peer:
        guarded = Guarded(peer.port, failures_to_open=1)
        watching = asyncio.ensure_future(guarded.library.watch())
        await asyncio.sleep(0.05)  # some looks while all is well
        await guarded.verify()
        assert guarded.is_open()
        behaviours.clear()
        peer.received.clear()
        guarded.clock.now += RETRY_S
        async with asyncio.timeout(60):
            while guarded.is_open():
                await asyncio.sleep(0.005)
        assert [frame[:2] for frame in peer.received] == [b"93", b"99"]
        watching.cancel()


async def test_the_default_breaker_uses_the_machine_s_clock() -> None:
    async with serving(Peer()) as peer:
        library = GuardedLibrary(Guarded(peer.port).backend)
        assert await library.verify(CARD, PIN) is Verification.OK


def test_what_a_check_says_by_default() -> None:
    assert Checked(Verification.OK) == Checked(Verification.OK, "", neighbour_failed=False)
