"""Tokens of the API: made, known again, held back."""

from datetime import datetime, timedelta

import pytest
import structlog

from portal.domain.api_token import Scope, looks_like_token
from portal.domain.identity import Secret, SiteId
from portal.services import api_tokens
from portal.services.api_tokens import TokenDesk, TokenGuard, Unknown, Wait, draw_token, token_hash
from portal.services.ports import EVERYWHERE, Event, EventKind
from tests.portal.services.api_token_store import MemoryApiTokens

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
HERE, ELSEWHERE = "10.1.2.3", "10.1.2.4"


class Noted:
    def __init__(self) -> None:
        self.events: list[Event] = []

    async def record(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def store() -> MemoryApiTokens:
    return MemoryApiTokens()


@pytest.fixture
def desk(store: MemoryApiTokens) -> TokenDesk:
    return TokenDesk(store, Noted(), "root")


@pytest.fixture
def guard(store: MemoryApiTokens) -> TokenGuard:
    return TokenGuard(store, Noted())


async def make(desk: TokenDesk, now: datetime, name: str = "cinema") -> Secret:
    made = await desk.create(name, [Scope.READ], [SiteId("city")], DAY, now)
    assert made is not None
    return made


def wrong() -> Secret:
    return Secret(draw_token())


async def test_making_and_revoking_leave_who_did_it_and_nothing_of_the_token(
    desk: TokenDesk, now: datetime
) -> None:
    made = await make(desk, now)
    assert looks_like_token(made.reveal())
    assert await desk.create("cinema", [Scope.READ], None, DAY, now) is None
    assert await desk.revoke("cinema", now)
    assert not await desk.revoke("cinema", now)
    assert isinstance(desk.events, Noted)
    told = [(event.kind, event.detail) for event in desk.events.events]
    assert told == [
        (EventKind.API_TOKEN_CHANGED, {"what": what, "token": "cinema", "by": "root"})
        for what in ("created", "revoked")
    ]


async def test_no_token_is_like_another_and_the_store_gets_its_hash_alone(
    desk: TokenDesk, store: MemoryApiTokens, now: datetime
) -> None:
    made = [await make(desk, now, f"number-{number}") for number in range(50)]
    assert len({token.reveal() for token in made}) == 50
    assert set(store.tokens) == set(map(token_hash, made))
    assert made[0].reveal() not in repr(store)


async def test_a_good_token_is_known_and_its_use_is_noted_once_a_minute(
    desk: TokenDesk, store: MemoryApiTokens, guard: TokenGuard, now: datetime
) -> None:
    made = await make(desk, now)
    for seconds in range(61):
        found = await guard.recognise(made, HERE, now + seconds * SECOND)
        assert not isinstance(found, Unknown | Wait)
        assert found.name == "cinema"
    assert store.noted == 2


async def test_wrong_expired_and_revoked_look_the_same(
    desk: TokenDesk, guard: TokenGuard, now: datetime
) -> None:
    made, gone = await make(desk, now), await make(desk, now, "gone")
    await desk.revoke("gone", now)
    assert await guard.recognise(wrong(), HERE, now) == Unknown()
    assert await guard.recognise(gone, HERE, now) == Unknown()
    assert await guard.recognise(made, HERE, now + DAY) == Unknown()
    assert await guard.recognise(Secret("kvar_\udce5"), HERE, now) == Unknown()


async def test_a_token_has_its_own_budget(
    desk: TokenDesk, guard: TokenGuard, now: datetime
) -> None:
    made, other = await make(desk, now), await make(desk, now, "other")
    answers = [await guard.recognise(made, HERE, now) for _ in range(api_tokens.BURST + 1)]
    assert answers[-1] == Wait(SECOND / 2)
    assert Wait(SECOND / 2).seconds == 1
    assert not any(isinstance(answer, Wait) for answer in answers[:-1])
    assert not isinstance(await guard.recognise(other, HERE, now), Wait)
    assert not isinstance(await guard.recognise(made, HERE, now + SECOND), Wait)


async def test_many_wrong_tokens_are_not_looked_up_and_hold_up_no_good_one(
    desk: TokenDesk, store: MemoryApiTokens, guard: TokenGuard, now: datetime
) -> None:
    made, fresh = await make(desk, now), await make(desk, now, "fresh")
    await guard.recognise(made, HERE, now)
    for _ in range(api_tokens.WRONG_BURST):
        assert await guard.recognise(wrong(), HERE, now) == Unknown()
    asked = store.asked
    assert await guard.recognise(wrong(), HERE, now) == Wait(10 * SECOND)
    assert store.asked == asked
    assert not isinstance(await guard.recognise(made, HERE, now), Wait)
    assert isinstance(await guard.recognise(fresh, HERE, now), Wait)
    assert not isinstance(await guard.recognise(fresh, ELSEWHERE, now), Wait)
    assert await guard.recognise(wrong(), HERE, now + 10 * SECOND) == Unknown()


async def test_many_wrong_tokens_raise_one_alarm_in_ten_minutes(
    guard: TokenGuard, now: datetime
) -> None:
    assert isinstance(guard.events, Noted)
    alarms = guard.events.events
    with structlog.testing.capture_logs() as logs:
        for _ in range(api_tokens.WRONG_BURST):
            await guard.recognise(wrong(), HERE, now)
        assert alarms == []
        for address in (HERE, HERE, ELSEWHERE, HERE):
            await guard.recognise(wrong(), address, now)
    assert [(alarm.kind, alarm.site_id, alarm.detail) for alarm in alarms] == [
        (EventKind.MANY_WRONG_API_TOKENS, EVERYWHERE, {})
    ]
    assert logs == [{"event": "many_wrong_api_tokens", "log_level": "warning"}]
    for _ in range(100):
        await guard.recognise(wrong(), HERE, now + timedelta(minutes=10))
    assert len(alarms) == 2


async def test_a_revoked_token_is_refused_at_once_and_then_counts_as_wrong(
    desk: TokenDesk, guard: TokenGuard, now: datetime
) -> None:
    made = await make(desk, now)
    await guard.recognise(made, HERE, now)
    await desk.revoke("cinema", now)
    for _ in range(api_tokens.WRONG_BURST):
        assert await guard.recognise(made, HERE, now) == Unknown()
    assert isinstance(await guard.recognise(made, HERE, now), Wait)


async def test_what_is_remembered_has_an_end(
    desk: TokenDesk, guard: TokenGuard, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens, "_MOST_GOOD_REMEMBERED", 1)
    for name in ("one", "two"):
        await guard.recognise(await make(desk, now, name), HERE, now)
    assert len(guard._good) == 1
