"""The server on real sockets: what waits, what is refused room, and where answers come from."""

import asyncio
import logging
import os
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from radius_bridge.authenticators import Verdict, judge_reply
from radius_bridge.clients import Clients
from radius_bridge.pipeline import Discard, Service
from radius_bridge.responder import Limits
from radius_bridge.secret import Secret
from radius_bridge.server import DATAGRAMS_PER_WAKE_UP, Endpoint, UdpServer
from radius_bridge.wire import Code, decode
from tests.ports import free_port
from tests.radius_bridge.bridge import (
    CLIENT,
    GRANT,
    LEGACY,
    LOOPBACK,
    MAC,
    SECRET,
    STRANGE_MAC,
    Asker,
    Bridge,
    accounting,
    both_ports,
    bridge,
    by_mac,
    by_password,
    signed,
    status,
)

ROOT = Path(__file__).parents[2]
AUTHENTICATION = Service.AUTHENTICATION


async def test_a_known_device_is_let_in_at_once() -> None:
    async with bridge() as running:
        with Asker() as asker:
            asked = by_mac(7)
            reply = await asker.ask_for(signed(asked), running.port())
            assert reply.code == Code.ACCESS_ACCEPT
            assert reply.attributes[0].kind == 80
            assert reply.first(25) == b"session-1"
            assert running.policy.asked[0].station.mac == MAC
            stranger = await asker.ask_for(signed(by_mac(8, STRANGE_MAC)), running.port())
            assert stranger.code == Code.ACCESS_REJECT
        assert running.counted("accepted") == 1


async def test_replies_are_signed_for_their_request() -> None:
    async with bridge() as running:
        with Asker() as asker:
            for asked in (by_mac(1), by_password(2, "alice", b"wrong"), status(3)):
                octets = signed(asked)
                reply = await asker.ask_for(octets, running.port())
                assert judge_reply(reply, decode(octets), SECRET) is Verdict.GENUINE
                assert reply.attributes[0].kind == 80


async def test_it_stops_and_frees_its_ports() -> None:
    async with bridge() as running:
        endpoints = list(running.server.endpoints)
    async with bridge(endpoints=endpoints) as again:
        assert list(again.server.endpoints) == endpoints
    with pytest.raises(OSError, match="assign"), UdpServer(again.responder, ELSEWHERE):
        pass


ELSEWHERE = [*both_ports(), Endpoint("192.0.2.1", 0, AUTHENTICATION)]


# --- accounting in groups


async def test_accounting_is_acknowledged_after_it_is_written() -> None:
    async with bridge() as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.may_write.clear()
        with Asker() as asker:
            for identifier in range(3):
                asker.tell(signed(accounting(identifier)), port)
            alive = await asker.hears_nothing_but(signed(status(200)), port)
            assert alive.code == Code.ACCOUNTING_RESPONSE
            assert running.ledger.records == []
            running.ledger.may_write.set()
            heard = {(await asker.hear())[0][1] for _ in range(3)}
            assert heard == {0, 1, 2}
        assert len(running.ledger.records) == 3


async def test_what_comes_while_one_group_is_written_is_the_next() -> None:
    async with bridge(limits=Limits(batch=5, beside=0)) as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.may_write.clear()
        with Asker() as asker:
            asker.tell(signed(accounting(0)), port)
            await asker.hears_nothing_but(signed(status(200)), port)
            for identifier in range(1, 9):
                asker.tell(signed(accounting(identifier)), port)
            await asker.hears_nothing_but(signed(status(201)), port)
            running.ledger.may_write.set()
            heard = [(await asker.hear())[0][1] for _ in range(9)]
        assert heard == list(range(9))
        assert running.ledger.batches == [1, 5, 3]


async def test_who_only_asks_how_the_bridge_is_hears_again_after_a_failed_write() -> None:
    async with bridge(limits=Limits(unwell_s=0.05)) as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.works = False
        with Asker() as asker:
            asker.tell(signed(accounting(1)), port)
            await counts(running, Discard.NOT_WRITTEN, 1)
            while not running.pipeline.can_account:
                await asyncio.sleep(0.005)
            assert (await asker.ask_for(signed(status(2)), port)).identifier == 2


async def test_what_is_not_written_gets_no_answer_and_comes_again() -> None:
    async with bridge() as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.works = False
        octets = signed(accounting(1))
        with Asker() as asker:
            asker.tell(octets, port)
            await counts(running, Discard.NOT_WRITTEN, 1)
            asker.tell(signed(status(2)), port)  # silent too, so that a proxy turns elsewhere
            await counts(running, Discard.NOT_WRITTEN, 2)
            running.ledger.works = True
            assert (await asker.ask_for(octets, port)).code == Code.ACCOUNTING_RESPONSE
            assert (await asker.ask_for(octets, port)).code == Code.ACCOUNTING_RESPONSE
            assert (await asker.ask_for(signed(status(3)), port)).identifier == 3
        assert len(running.ledger.records) == 1


async def test_a_record_that_meets_a_bug_does_not_hold_up_the_others() -> None:
    async with bridge(limits=Limits(beside=0)) as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.may_write.clear()
        with Asker() as asker:
            asker.tell(signed(accounting(0)), port)
            await asker.hears_nothing_but(signed(status(200)), port)
            for identifier in range(1, 4):
                session = b"poison" if identifier == 2 else b"session-1"
                asker.tell(signed(accounting(identifier, Class=session)), port)
            await asker.hears_nothing_but(signed(status(201)), port)
            running.ledger.may_write.set()
            assert [(await asker.hear())[0][1] for _ in range(3)] == [0, 1, 3]
        assert running.ledger.batches == [1, 3, 1, 1, 1]
        assert running.counted(Discard.FAILED) == 1


async def counts(running: Bridge, what: str, wanted: int) -> None:
    """Wait until so much was counted."""
    while running.counted(what) < wanted:
        await asyncio.sleep(0.001)


async def test_a_queue_that_is_full_takes_no_more_records() -> None:
    async with bridge(limits=Limits(records_of_client=2, batch=1)) as running:
        port = running.port(Service.ACCOUNTING)
        running.ledger.may_write.clear()
        with Asker() as asker:
            for identifier in range(3):
                asker.tell(signed(accounting(identifier)), port)
            await counts(running, Discard.OVERLOAD, 1)
            running.ledger.may_write.set()
            assert {(await asker.hear())[0][1] for _ in range(2)} == {0, 1}
            assert (await asker.ask_for(signed(accounting(3)), port)).identifier == 3


# --- questions that take time


async def test_a_slow_policy_holds_nobody_else_up() -> None:
    async with bridge() as running:
        running.policy.slow.add(b"alice")
        with Asker() as asker:
            asker.tell(signed(by_password(1, "alice", b"wonder")), running.port())
            fast = await asker.hears_nothing_but(signed(by_mac(2)), running.port())
            assert fast.code == Code.ACCESS_ACCEPT
            running.policy.may_answer.set()
            assert decode((await asker.hear())[0]).code == Code.ACCESS_ACCEPT


async def test_a_question_is_asked_once_however_often_it_comes() -> None:
    async with bridge() as running:
        running.policy.slow.add(b"alice")
        octets = signed(by_password(1, "alice", b"wonder"))
        with Asker() as asker:
            for _ in range(3):
                asker.tell(octets, running.port())
            await counts(running, Discard.IN_WORK, 2)
            running.policy.may_answer.set()
            first = (await asker.hear())[0]
            assert await asker.ask(octets, running.port()) == first
        assert len(running.policy.asked) == 1


async def test_a_policy_that_takes_too_long_is_silence() -> None:
    async with bridge(limits=Limits(ask_timeout_s=0.01)) as running:
        running.policy.slow.add(b"alice")
        octets = signed(by_password(1, "alice", b"wonder"))
        with Asker() as asker:
            asker.tell(octets, running.port())
            await counts(running, Discard.UNDECIDED, 1)
            running.policy.may_answer.set()
            assert (await asker.ask_for(octets, running.port())).code == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("name", ["bug", "late bug"])
async def test_a_bug_in_the_policy_costs_one_answer(name: str) -> None:
    async with bridge() as running:
        running.policy.slow.add(b"late bug")
        running.policy.may_answer.set()
        with Asker() as asker:
            asker.tell(signed(by_password(1, name, b"wonder")), running.port())
            await counts(running, Discard.FAILED, 1)
            reply = await asker.hears_nothing_but(signed(by_mac(2)), running.port())
            assert reply.code == Code.ACCESS_ACCEPT


async def test_a_bug_in_a_family_costs_one_answer() -> None:
    async with bridge() as running:
        running.policy.devices[MAC] = replace(GRANT, session=b"bug")
        octets = signed(by_mac(1))
        with Asker() as asker:
            asker.tell(octets, running.port())
            await counts(running, Discard.FAILED, 1)
            running.policy.devices[MAC] = GRANT
            reply = await asker.hears_nothing_but(signed(by_mac(2)), running.port())
            assert reply.code == Code.ACCESS_ACCEPT
            assert (await asker.ask_for(octets, running.port())).identifier == 1


async def test_one_client_may_ask_so_much_at_once_and_harms_nobody_else() -> None:
    other = replace(CLIENT, name="other", networks=())
    noisy = replace(CLIENT, name="noisy", networks=(LOOPBACK,))
    quiet = replace(other, networks=(type(LOOPBACK)("127.0.0.9/32"),))
    async with bridge(noisy, quiet, limits=Limits(questions_of_client=3)) as running:
        running.policy.slow.add(b"alice")
        with Asker() as flood, Asker("127.0.0.9") as calm:
            for identifier in range(10):
                flood.tell(signed(by_password(identifier, "alice", b"wonder")), running.port())
            calm.tell(signed(by_password(1, "alice", b"wonder")), running.port())
            counters = running.pipeline.counters
            while counters.of("noisy").get(Discard.OVERLOAD, 0) < 7:
                await asyncio.sleep(0.001)
            running.policy.may_answer.set()
            assert decode((await calm.hear())[0]).code == Code.ACCESS_ACCEPT
            assert counters.of("quiet").get(Discard.OVERLOAD, 0) == 0


# --- Rejects take their time


async def test_a_reject_waits_and_holds_nobody_up() -> None:
    async with bridge(reject_delay_s=0.2) as running:
        octets = signed(by_password(1, "alice", b"wrong"))
        with Asker() as asker:
            began = asyncio.get_running_loop().time()
            asker.tell(octets, running.port())
            asker.tell(octets, running.port())  # asking again does not shorten the wait
            fast = await asker.hears_nothing_but(signed(by_mac(2)), running.port())
            assert fast.code == Code.ACCESS_ACCEPT
            reject = (await asker.hear())[0]
            assert decode(reject).code == Code.ACCESS_REJECT
            assert asyncio.get_running_loop().time() - began >= 0.2
            assert await asker.ask(octets, running.port()) == reject
        assert running.counted(Discard.IN_WORK) == 1


async def test_so_many_rejects_may_wait() -> None:
    async with bridge(reject_delay_s=0.05, limits=Limits(delayed_of_client=2)) as running:
        with Asker() as asker:
            for identifier in range(3):
                asker.tell(signed(by_password(identifier, "alice", b"no")), running.port())
            await counts(running, Discard.OVERLOAD, 1)
            assert {(await asker.hear())[0][1] for _ in range(2)} == {0, 1}


# --- who asks, and where


async def test_strangers_hear_nothing_and_are_shown() -> None:
    only = replace(CLIENT, networks=(type(LOOPBACK)("127.0.0.9/32"),))
    async with bridge(only) as running:
        with Asker("127.0.0.8") as stranger, Asker("127.0.0.9") as asker:
            for identifier in range(5):
                stranger.tell(signed(by_mac(identifier)), running.port())
            stranger.tell(b"noise", running.port())
            await asker.hears_nothing_but(signed(by_mac(9)), running.port())
            (seen,) = running.pipeline.counters.strangers()
            assert (seen.address, seen.count) == ("127.0.0.8", 6)


async def test_a_reload_changes_secrets_at_once_and_loses_no_request() -> None:
    async with bridge() as running:
        running.policy.slow.add(b"alice")
        new = replace(CLIENT, secret=Secret(b"the secret of tomorrow"))
        with Asker() as asker:
            octets = signed(by_password(1, "alice", b"wonder"))
            asker.tell(octets, running.port())
            await asker.ask(signed(by_mac(2)), running.port())
            running.responder.reload(Clients([new]))
            asker.tell(signed(by_mac(3)), running.port())
            reply = await asker.hears_nothing_but(signed(by_mac(4), new.secret), running.port())
            assert reply.code == Code.ACCESS_ACCEPT
            running.policy.may_answer.set()
            late = decode((await asker.hear())[0])
            assert judge_reply(late, decode(octets), SECRET) is Verdict.GENUINE
            running.responder.reload(Clients([]))
            asker.tell(signed(by_mac(5), new.secret), running.port())
            while not running.pipeline.counters.from_strangers:
                await asyncio.sleep(0.001)


async def test_an_exception_is_told_at_the_start_and_at_a_reload(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="radius_bridge"):
        async with bridge(LEGACY) as running:
            running.responder.reload(Clients([CLIENT, replace(LEGACY, name="attic")]))
    told = [one.getMessage() for one in caplog.records]
    assert [text.split()[1] for text in told] == ["entrance", "attic"]


async def test_silence_is_told_by_reason_and_not_for_every_packet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="radius_bridge"):
        async with bridge() as running:
            with Asker() as asker:
                for identifier in range(20):
                    asker.tell(signed(by_mac(identifier), Secret(b"wrong")), running.port())
                await asker.hears_nothing_but(signed(by_mac(21)), running.port())
    told = [one.getMessage() for one in caplog.records]
    assert told == ["client entrance: 1 without answer: authenticator_wrong"]
    assert running.counted(Discard.FORGED) == 20


WILDCARDS = [("0.0.0.0", "127.0.0.7", "127.0.0.1"), ("::", "::1", "::1")]  # noqa: S104


@pytest.mark.parametrize(("wildcard", "asked", "asker_at"), WILDCARDS)
async def test_an_answer_comes_from_the_address_that_was_asked(
    wildcard: str, asked: str, asker_at: str
) -> None:
    async with bridge(endpoints=both_ports(wildcard)) as running:
        with Asker(asker_at) as asker:
            asker.tell(signed(by_mac(1)), running.port(), asked)
            octets, source = await asker.hear()
            assert (decode(octets).code, source) == (Code.ACCESS_ACCEPT, asked)
            asker.tell(signed(by_password(2, "alice", b"wrong")), running.port(), asked)
            assert (await asker.hear())[1] == asked


async def test_several_addresses_are_served_at_once() -> None:
    addresses = ["127.0.0.2", "127.0.0.3", "::1"]
    endpoints = [Endpoint(address, 0, AUTHENTICATION) for address in addresses]
    async with bridge(endpoints=endpoints) as running:
        for endpoint in running.server.endpoints:
            with Asker("::1" if ":" in endpoint.address else "127.0.0.1") as asker:
                asker.tell(signed(by_mac(1)), endpoint.port, endpoint.address)
                assert (await asker.hear())[1] == endpoint.address


async def test_a_reply_that_cannot_be_sent_is_counted() -> None:
    async with bridge(endpoints=both_ports("0.0.0.0")) as running:  # noqa: S104
        running.policy.slow.add(b"alice")
        with Asker() as asker:
            asker.tell(signed(by_password(1, "alice", b"wonder")), running.port())
            await asker.hears_nothing_but(signed(by_mac(2)), running.port())
            running.server.close()
            running.policy.may_answer.set()
            await counts(running, Discard.NOT_SENT, 1)


async def test_a_socket_that_fails_is_told_and_ends_its_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bridge() as running:
        with UdpServer(running.responder, both_ports()) as other:
            listener = other._listeners[0]
        with caplog.at_level(logging.WARNING, logger="radius_bridge"):
            listener.drain()
        assert "Bad file descriptor" in caplog.text


async def test_a_flood_is_taken_in_turns() -> None:
    """What else waits in the process gets its turn between the drains."""
    async with bridge() as running:
        port, turns = running.port(), 0
        with Asker() as asker:
            for number in range(10 * DATAGRAMS_PER_WAKE_UP):
                asker.tell(b"noise" + os.urandom(number % 64), port)
            while running.counted(Discard.TRUNCATED) + running.counted(Discard.LENGTH) < 500:
                turns += 1
                await asyncio.sleep(0)
            assert turns >= 500 // DATAGRAMS_PER_WAKE_UP
            await asker.hears_nothing_but(signed(by_mac(1)), port)


# --- loops and processes


def test_it_runs_on_uvloop() -> None:
    async def visit() -> None:
        async with bridge(endpoints=[*both_ports(), *both_ports("0.0.0.0")]) as running:  # noqa: S104
            with Asker() as asker:
                for endpoint in running.server.endpoints:
                    if endpoint.service is AUTHENTICATION:
                        reply = await asker.ask_for(signed(by_mac(1)), endpoint.port)
                        assert reply.code == Code.ACCESS_ACCEPT
                    else:
                        reply = await asker.ask_for(signed(accounting(1)), endpoint.port)
                        assert reply.code == Code.ACCOUNTING_RESPONSE

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(visit())


@pytest.mark.program
async def test_several_processes_share_a_port() -> None:
    """Each asker's repetitions reach the same process, which answers with the same octets."""
    port = free_port()
    command = [sys.executable, "-m", "tests.radius_bridge.shared_port", str(port)]
    processes = [
        await asyncio.create_subprocess_exec(
            *command, name, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for name in ("first", "second")
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        served: Counter[bytes | None] = Counter()
        for _ in range(64):
            with Asker() as asker:
                octets = signed(by_mac(1))
                first = await asker.ask(octets, port)
                assert await asker.ask(octets, port) == first
                served[decode(first).first(25)] += 1
        assert set(served) == {b"first", b"second"}
    finally:
        for process in processes:
            process.terminate()
            await process.wait()
