"""Neighbours away for long, at a library that keeps its visitors online meanwhile.

Failure directions: a card that cannot be checked gets minutes, never a session; whoever was let in
unchecked is checked afterwards; nobody who was online notices anything.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import datetime
from time import monotonic

import asyncpg
import pytest

from portal.composition.database import dsn
from portal.demo.world import World, WorldSettings
from tests.faults.gateway import POSTGRES, Gateway, pause
from tests.faults.test_neighbours import PROBE_URL, children_of, restore_uplink
from tests.lab.guest import CARD, PIN, Guest, text_of, until

pytestmark = pytest.mark.root

_EXTRA = """
devices_per_card = 50
library_down = "courtesy"
database_down = "courtesy"
time_limit_min = 60
courtesy_min = 30

[limits]
pin_attempts_per_day = 20
"""
INTERNET_DOWN = "Bibliotekets internet ligger nere just nu"
BACK_WITHIN_S = 120.0
"""The breaker tries every 10 s, and the cards that wait are looked at every 5 s."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(WorldSettings(phones=6, extra=_EXTRA)) as built:
        for phone in built.phones:
            phone.join(ipv6=True)
        yield built


def ask_sql(world: World, statement: str, *values: object) -> list[asyncpg.Record]:
    """Return what the running database holds."""

    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn(world.config), timeout=30)
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *values, timeout=30)
            return rows
        finally:
            await connection.close()

    return asyncio.run(ask())


def ground_of(guest: Guest) -> str | None:
    """Return on what ground the guest's phone is online, as the database has it."""
    rows = ask_sql(
        guest.world,
        "SELECT ground FROM live_session WHERE mac = $1::text::macaddr",
        guest.phone.mac,
    )
    return str(rows[0]["ground"]) if rows else None


def test_the_library_system_is_away_and_back(world: World, online: Guest) -> None:
    """Two guests come meanwhile: the good card stays online, the wrong PIN does not."""
    good, wrong = Guest(world, world.phones[2]), Guest(world, world.phones[3])
    stream = online.phone.stream("www.example.com")
    world.stop_library()
    try:
        assert good.sign_in().status == 303
        assert wrong.sign_in(pin="9999").status == 303
        assert "Vi kan inte kontrollera bibliotekskort" in text_of(good.get("/status"))
        assert not good.is_captive()
        assert not wrong.is_captive()
        assert (ground_of(good), ground_of(wrong)) == ("courtesy", "courtesy")
        unbroken = good.phone.stream("www.example.com")
    finally:
        world.start_library()
    until(lambda: ground_of(good) == "card", "the good card is checked", BACK_WITHIN_S)
    until(lambda: ground_of(wrong) is None, "the wrong one is put out", BACK_WITHIN_S)
    assert unbroken.stop().lost == 0
    assert stream.stop().lost == 0
    assert wrong.is_captive()
    assert "kortet kunde inte godkännas" in text_of(wrong.get("/"))
    assert "då biblioteket stänger" not in text_of(good.get("/status"))
    assert "Vi kan inte kontrollera" not in text_of(good.get("/status"))


def test_the_database_is_away_and_back(
    world: World, gateway: Gateway, online: Guest, stranger: Guest
) -> None:
    """A guest comes, another leaves; afterwards everything is written down exactly once."""
    came = Guest(world, world.phones[4])
    token = came.token()
    leave = online.token("/status", action="/logout")
    count = "SELECT count(*)::int FROM event WHERE kind = $1 AND detail->>'reason' = $2"
    refused = (count, "sign_in_refused", "service")
    ended = (count, "session_ended", "logged_out")
    before = [ask_sql(world, *what)[0]["count"] for what in (refused, ended)]
    stopped = gateway.pid(POSTGRES)
    assert stopped is not None
    family = [stopped, *children_of(stopped)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert came.post("/card", {"token": token, "card": CARD, "pin": PIN}).status == 303
        assert came.is_admitted()
        assert "Vi kan inte kontrollera bibliotekskort" in text_of(came.get("/status"))
        unbroken = came.phone.stream("www.example.com")
        assert online.post("/logout", {"token": leave}).status == 303
        assert not online.is_admitted()
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)
    until(lambda: ground_of(came) == "card", "the card is checked", BACK_WITHIN_S)
    assert ground_of(online) is None
    assert not online.is_admitted()
    assert unbroken.stop().lost == 0
    started = ask_sql(
        world,
        "SELECT count(*)::int FROM event WHERE kind = 'session_started' AND session_id = "
        "(SELECT id FROM live_session WHERE mac = $1::text::macaddr)",
        came.phone.mac,
    )
    assert started[0]["count"] == 1
    after = [ask_sql(world, *what)[0]["count"] for what in (refused, ended)]
    assert after == [before[0], before[1] + 1]
    waiting = list((world.config.organisation.data_directory / "spool").glob("*.json"))
    assert waiting == []
    assert stranger.is_captive()


def test_the_uplink_is_cut_and_back(world: World, gateway: Gateway) -> None:
    """The page says so, nobody logs in again, and the time without internet is not charged."""
    guest = Guest(world, world.phones[5])
    if guest.is_captive():
        assert guest.sign_in().status == 303
    before = end_of(guest)
    routes = [gateway.run("ip", f, "route", "show", "default").strip() for f in ("-4", "-6")]
    gateway.run("ip", "link", "set", "wan0", "down")
    began = monotonic()
    try:
        until(lambda: INTERNET_DOWN in text_of(guest.get("/status")), "the page says so")
        assert not guest.is_captive()
        stranger = Guest(world, world.phones[1])
        assert INTERNET_DOWN in text_of(stranger.get("/"))
        pause(12)  # the outage itself: longer than once between two counts
    finally:
        restore_uplink(gateway, "wan0", routes)
    lasted_s = monotonic() - began
    until(lambda: guest.phone.http(PROBE_URL, timeout_s=2).status == 200, "the internet again")
    until(lambda: INTERNET_DOWN not in text_of(guest.get("/status")), "the page says so")
    counted = "SELECT (detail->>'seconds')::int AS s FROM event WHERE kind = 'uplink_returned'"
    until(lambda: ask_sql(world, counted), "the keeper closes its account")
    [event] = ask_sql(world, counted)
    moved_s = (end_of(guest) - before).total_seconds()
    assert abs(moved_s - event["s"]) <= 1
    assert moved_s > lasted_s - 10, "two looks that find it away may come so late"
    assert not guest.is_captive()
    assert guest.is_admitted()


def end_of(guest: Guest) -> datetime:
    rows = ask_sql(
        guest.world,
        "SELECT ends_at FROM live_session WHERE mac = $1::text::macaddr",
        guest.phone.mac,
    )
    ends_at: datetime = rows[0]["ends_at"]
    return ends_at
