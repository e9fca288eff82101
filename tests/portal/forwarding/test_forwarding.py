"""Events on their way to a real collector over TLS, out of a real PostgreSQL."""

import asyncio
import itertools
import json
import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from portal.domain.forwarded_event import ForwardedEvent
from portal.forwarding import syslog_channel
from portal.forwarding.syslog_channel import Collector as Where
from portal.forwarding.syslog_channel import SyslogChannel
from portal.forwarding.syslog_message import Dress
from portal.services import forwarding as service
from portal.services.forwarding import AT_ONCE, LEASE, TRIM_EVERY, Forwarding
from portal.services.ports import EventKind
from portal.services.ports.forwarding import CollectorUnavailableError
from portal.storage import outbox as store
from portal.storage.database import Database
from portal.storage.outbox import PostgresOutbox
from tests.portal.forwarding.collector import Collector, Keys, collecting, make_keys
from tests.portal.storage.clusters import eventually
from tests.ports import free_port

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
DRESS = Dress("gateway", 1)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("collector"))


@pytest.fixture
async def collector(keys: Keys) -> AsyncIterator[Collector]:
    async with collecting(keys) as running:
        yield running


def channel(keys: Keys, port: int) -> SyslogChannel:
    return SyslogChannel(Where("localhost", port, keys.authority), DRESS)


def forwarding(database: Database, keys: Keys, port: int) -> Forwarding:
    return Forwarding(PostgresOutbox(database), channel(keys, port), lambda: NOW)


async def write(database: Database, kind: str, at: datetime = NOW, **detail: str) -> None:
    await database.fetch(
        "INSERT INTO event (at, kind, site_id, detail) VALUES ($1, $2, 'city', $3::jsonb)",
        *(at, kind, json.dumps(detail)),
    )


async def heard(collector: Collector, count: int) -> list[str]:
    async def all_heard() -> bool:
        return len(collector.heard) >= count or bool(collector.broken)

    await eventually(all_heard)
    assert collector.broken == []
    return collector.kinds


def every_kind() -> list[str]:
    """Return the kinds of events that Kvar writes, from Python and from SQL."""
    folder = Path(store.__file__).parent
    written = "\n".join(file.read_text() for file in folder.rglob("*.sql"))
    written += "\n".join(file.read_text() for file in folder.rglob("*.py"))
    known = re.findall(r"'(\w+_(?:started|ended|extended|joined|left|used|replaced))'", written)
    return sorted({*map(str, EventKind), *known})


async def test_every_kind_of_event_arrives(
    database: Database, keys: Keys, collector: Collector
) -> None:
    work = forwarding(database, keys, collector.port)
    await work.outbox.turn_on()
    kinds = every_kind()
    assert {"session_started", "session_ended", "voucher_used", "group_joined"} <= set(kinds)
    for kind in kinds:
        await write(database, kind, reason="test")
    assert not await work.forward()
    assert await heard(collector, len(kinds)) == kinds
    assert {one.data["reason"] for one in collector.heard} == {"test"}
    assert await work.outbox.waiting() == 0
    assert work.tally.sent == len(kinds)


async def test_a_pseudonym_leaves_and_no_address(
    database: Database, keys: Keys, collector: Collector
) -> None:
    work = forwarding(database, keys, collector.port)
    await work.outbox.turn_on()
    await database.fetch(
        "INSERT INTO event (at, kind, site_id, session_id, trace_key, device_trace)"
        " VALUES ($1, 'session_started', 'city', '01936000-0000-7000-8000-000000000001',"
        " 'log-2026-w48', decode(repeat('ab', 32), 'hex'))",
        NOW,
    )
    await work.forward()
    await heard(collector, 1)
    assert collector.heard[0].data == {
        "site": "city",
        "session": "01936000-0000-7000-8000-000000000001",
        "device": "ab" * 8,
    }


async def test_nothing_waits_while_nobody_forwards(database: Database) -> None:
    outbox = PostgresOutbox(database)
    await write(database, "clock_jumped")
    assert await outbox.waiting() == 0
    await outbox.turn_on()
    await write(database, "clock_jumped")
    assert await outbox.waiting() == 1
    await outbox.turn_off(timedelta(0))
    await write(database, "clock_jumped")
    assert await outbox.waiting() == 0


async def test_a_node_without_a_collector_drops_nothing_of_one_that_has_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "OFF_EVERY_S", 0.01)
    outbox, works = PostgresOutbox(database), asyncio.Event()
    work = Forwarding(outbox, Deaf(works), lambda: NOW)
    nothing = service.forward_nothing(outbox)
    tasks = [asyncio.create_task(one) for one in (nothing, work.work())]
    await eventually(partial(is_on, database))
    await database.fetch("UPDATE forwarding SET at = now() - interval '9 minutes'")
    await write(database, "clock_jumped")
    await works.wait()
    assert await outbox.waiting() == 1
    # nobody has forwarded for long: what waits is forgotten, and no more is kept
    tasks[1].cancel()
    await database.fetch("UPDATE forwarding SET at = now() - interval '11 minutes'")

    async def is_forgotten() -> bool:
        return not await is_on(database) and await outbox.waiting() == 0

    await eventually(is_forgotten)
    # one that comes back has events kept again, and says so each minute
    minutes = itertools.count()
    again = Forwarding(outbox, Deaf(works), lambda: NOW + TRIM_EVERY * next(minutes))
    tasks.append(asyncio.create_task(again.work()))
    await eventually(partial(is_on, database))
    await database.fetch("UPDATE forwarding SET at = now() - interval '9 minutes'")

    async def is_fresh() -> bool:
        rows = await database.fetch("SELECT FROM forwarding WHERE at > now() - interval '1 minute'")
        return bool(rows)

    await eventually(is_fresh)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Deaf:
    """A collector that takes nothing, and tells that it was asked."""

    asked: asyncio.Event

    async def send(self, events: Sequence[ForwardedEvent]) -> None:
        self.asked.set()
        raise CollectorUnavailableError(f"told to fail: {len(events)}")


async def is_on(database: Database) -> bool:
    return bool(await database.fetch("SELECT FROM forwarding"))


async def test_who_of_the_staff_did_it_does_not_leave(database: Database) -> None:
    outbox = PostgresOutbox(database)
    await outbox.turn_on()
    await write(database, "group_ended", by="kim", group="7")
    (event,) = await outbox.take(1, NOW, LEASE)
    assert event.detail == {"group": "7"}


async def test_what_a_dead_collector_did_not_take_waits_across_a_restart(
    database: Database, keys: Keys
) -> None:
    port = free_port()
    async with collecting(keys, port) as first:
        work = forwarding(database, keys, port)
        await work.outbox.turn_on()
        await write(database, "clock_jumped", n="1")
        await work.forward()
        await heard(first, 1)
    await write(database, "clock_jumped", n="2")
    assert not await work.forward()
    assert work.tally.is_up is False
    async with collecting(keys, port) as second:
        again = forwarding(database, keys, port)  # another process
        await write(database, "clock_jumped", n="3")
        await again.forward()
        await heard(second, 2)
        assert [one.data["n"] for one in second.heard] == ["2", "3"]
        # the first process finds its own connection broken, and comes back by itself
        await write(database, "clock_jumped", n="4")
        await work.forward()
        await heard(second, 3)
        assert work.tally.is_up is True


async def test_a_process_that_died_while_sending_keeps_nothing_back(
    database: Database, keys: Keys, collector: Collector
) -> None:
    work = forwarding(database, keys, collector.port)
    await work.outbox.turn_on()
    await write(database, "clock_jumped")
    assert len(await work.outbox.take(10, NOW, LEASE)) == 1  # and then it was killed
    await work.forward()
    assert await work.outbox.waiting() == 1
    later = replace_clock(work, NOW + LEASE + timedelta(seconds=1))
    await later.forward()
    assert await heard(collector, 1) == ["clock_jumped"]


async def test_two_nodes_send_each_event_once(
    database: Database, keys: Keys, collector: Collector
) -> None:
    nodes = [forwarding(database, keys, collector.port) for _ in range(2)]
    await nodes[0].outbox.turn_on()
    for number in range(2 * AT_ONCE):
        await write(database, "clock_jumped", n=str(number))
    await asyncio.gather(*(node.forward() for node in nodes))
    while any([await node.forward() for node in nodes]):
        pass
    await heard(collector, 2 * AT_ONCE)
    assert sorted(int(one.data["n"]) for one in collector.heard) == list(range(2 * AT_ONCE))


async def test_what_waits_is_bounded_and_the_oldest_goes(database: Database) -> None:
    outbox = PostgresOutbox(database)
    await outbox.turn_on()
    for number in range(10):
        await write(database, "clock_jumped", NOW - timedelta(days=number))
    assert await outbox.trim(100, NOW - timedelta(days=7, hours=1)) == 2
    assert await outbox.trim(5, NOW - timedelta(days=30)) == 3
    left = await outbox.take(100, NOW, LEASE)
    assert len(left) == 5
    assert min(event.at for event in left) == NOW - timedelta(days=7)


async def test_nobody_but_the_collector_gets_anything(
    database: Database, keys: Keys, tmp_path: Path
) -> None:
    """Another authority's certificate, another name's, no TLS at all: nothing is said."""
    other = make_keys(tmp_path / "other")
    elsewhere = make_keys(tmp_path / "elsewhere", "collector.example")
    for wrong, trusted in ((other, keys), (elsewhere, elsewhere)):
        async with collecting(wrong) as impostor:
            work = forwarding(database, trusted, impostor.port)
            await work.outbox.turn_on()
            await write(database, "clock_jumped")
            assert not await work.forward()
            assert impostor.heard == []
    plain: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain.append(await reader.read(100))
        writer.write(b"220 hello\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert not await forwarding(database, keys, port).forward()
    assert b"clock_jumped" not in b"".join(plain)
    server.close()


async def test_our_certificate_is_shown_where_it_is_asked_for(keys: Keys, tmp_path: Path) -> None:
    own, key = tmp_path / "own.pem", tmp_path / "own.key"
    words = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=gateway", "-out", own, "-keyout", key]
    openssl = partial(subprocess.run, check=True, capture_output=True)
    await asyncio.to_thread(openssl, ["openssl", "req", "-x509", *words])
    event = ForwardedEvent(1, NOW, "clock_jumped", "", "", "", {})
    async with collecting(keys, known_client=own) as strict:
        where = Where("localhost", strict.port, keys.authority)
        with pytest.raises(CollectorUnavailableError):
            await SyslogChannel(where, DRESS).send([event])
        known = replace(where, client_certificate_file=own, client_key_file=key)
        await SyslogChannel(known, DRESS).send([event])
        await heard(strict, 1)


async def test_a_collector_that_reads_nothing_is_given_up_and_nothing_is_lost(
    database: Database, keys: Keys, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog_channel, "SEND_S", 0.2)
    collector.deaf = True
    work = forwarding(database, keys, collector.port)
    await work.outbox.turn_on()
    for _ in range(AT_ONCE):
        await write(database, "clock_jumped", **{f"n{number}": "x" * 200 for number in range(40)})
    assert not await work.forward()
    assert await work.outbox.waiting() == AT_ONCE


def replace_clock(work: Forwarding, now: datetime) -> Forwarding:
    return Forwarding(work.outbox, work.channel, lambda: now)
